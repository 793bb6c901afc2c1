"""What a person should hear of while a run goes on: not wrong enough to stop it, too wrong to be found at its end.

An alarm looks at all that the run has reported so far, so that it needs no memory of its own and a resumed run rings
like one that was never interrupted. `Bell` rings it once when what it warns of begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean, median
from typing import ClassVar, Literal, Protocol

from sonorant.training.metrics import History, Line

CALM = 3
"""An alarm rings again only after so many looks in a row at which it had no reason to."""


class Alarm(Protocol):
    """Something that may go wrong in a run."""

    @property
    def watches(self) -> Literal["train", "validation"]:
        """The kind of report after which the alarm looks."""

    def check(self, history: History) -> str | None:
        """Return what is wrong at the end of the history and what can be done, or None."""


class Bell:
    """Rings each alarm when its state begins, and again only after it was over.

    Args:
        alarms: What is looked after.
        history: What has been reported before a resume; a state that had begun by then is not told twice.
    """

    def __init__(self, alarms: Sequence[Alarm], history: History) -> None:
        self._alarms = alarms
        self._calm = [_looks_since_reason(alarm, history) for alarm in alarms]

    def ring(self, kind: str, history: History) -> Iterator[str]:
        """Yield what begins to be wrong with the newest report, which is of this kind."""
        for index, alarm in enumerate(self._alarms):
            if alarm.watches != kind:
                continue
            message = alarm.check(history)
            if message is not None and self._calm[index] >= CALM:
                yield message
            self._calm[index] = self._calm[index] + 1 if message is None else 0


def _looks_since_reason(alarm: Alarm, history: History) -> int:
    """Count the last looks at which an alarm had no reason to ring, up to `CALM`."""
    lines = history.train if alarm.watches == "train" else history.validations
    for calm, line in enumerate(lines[: -CALM - 1 : -1]):
        if alarm.check(history.until(line["step"])) is not None:
            return calm
    return CALM


@dataclass(frozen=True)
class UnalignedAlarm:
    """Rings when the loss falls but the alignment does not form, or is lost again.

    A teacher-forced decoder can lower its loss by continuing the recording that it is shown, without reading the text;
    such a model says nothing of its own.

    Attributes:
        loss: Whose fall is looked at.
        learned: Name of a measure -> value from which on there is nothing to worry about.
        remedy: What else to do than to check the data.
        patience: So many validations must pass in which the loss falls and the measure does not rise.
        loss_fall: The share by which the loss must have fallen.
        rise: By how much a measure must have risen to be on its way.
    """

    loss: str
    learned: Mapping[str, float]
    remedy: str
    patience: int = 3
    loss_fall: float = 0.02
    rise: float = 0.03
    watches: ClassVar[Literal["validation"]] = "validation"

    def check(self, history: History) -> str | None:
        """See `Alarm.check`.

        Example:
            >>> alarm = UnalignedAlarm("mel", {"focus": 0.3}, "lower optimizer.learning_rate", patience=1)
            >>> print(alarm.check(History(validations=[{"mel": 2.0, "focus": 0.04}, {"mel": 1.0, "focus": 0.05}])))
            mel fell by 50 % in 1 validation(s), but the text is not followed: focus 0.05 (0.04 before); do texts ...
            >>> alarm.check(History(validations=[{"mel": 2.0, "focus": 0.04}, {"mel": 1.0, "focus": 0.25}]))
        """
        if len(history.validations) <= self.patience:
            return None
        before, now = history.validations[-1 - self.patience], history.validations[-1]
        fall = 1 - now[self.loss] / before[self.loss]
        stuck = [
            f"{name} {now[name]:.2f} ({before[name]:.2f} before)"
            for name, enough in self.learned.items()
            if now[name] < enough and now[name] - before[name] < self.rise
        ]
        if fall < self.loss_fall or not stuck:
            return None
        return (
            f"{self.loss} fell by {100 * fall:.0f} % in {self.patience} validation(s), but the text is not followed: "
            f"{', '.join(stuck)}; do texts and recordings match (sonorant check)? Otherwise {self.remedy}"
        )


@dataclass(frozen=True)
class OverfittingAlarm:
    """Rings when a run learns its recordings by heart: their loss falls while that of unseen ones rises.

    Attributes:
        metric: A loss that training and validation both have.
        patience: So many validations in a row must be worse than the best.
        margin: By what share of the best value both losses must have moved.
    """

    metric: str
    patience: int = 4
    margin: float = 0.01
    watches: ClassVar[Literal["validation"]] = "validation"

    def check(self, history: History) -> str | None:
        """See `Alarm.check`."""
        values = [line[self.metric] for line in history.validations]
        best = min(range(len(values)), key=values.__getitem__, default=0)
        if len(values) - 1 - best < self.patience or values[-1] - values[best] < self.margin * abs(values[best]):
            return None
        before = self._training_loss(history, best) or self._training_loss(history, best + 1)
        now = self._training_loss(history, len(values) - 1)
        if before is None or now is None or before - now < self.margin * abs(before):
            return None
        step = history.validations[best]["step"]
        return (
            f"overfitting: since step {step} {self.metric} fell from {before:.4g} to {now:.4g} in training but rose "
            f"from {values[best]:.4g} to {values[-1]:.4g} in validation; step_{step:08d}.pt is the best checkpoint. "
            "Stop here (run.stop_metric does so by itself), or add recordings"
        )

    def _training_loss(self, history: History, index: int) -> float | None:
        """Return the mean of the training's loss between a validation and the one before it."""
        validations = history.validations
        first = validations[index - 1]["step"] if index else 0
        steps = range(first + 1, validations[index]["step"] + 1)
        values = [line[self.metric] for line in history.train if line["step"] in steps and self.metric in line]
        return fmean(values) if values else None


@dataclass(frozen=True)
class StarvationAlarm:
    """Rings when training stands still for its data.

    Attributes:
        share: Of the time.
        patience: In so many intervals in a row; the first ones of a run wait for the workers to start.
    """

    share: float = 0.2
    patience: int = 3
    watches: ClassVar[Literal["train"]] = "train"

    def check(self, history: History) -> str | None:
        """See `Alarm.check`."""
        waits = [line.get("waiting for data", 0.0) for line in history.train[-self.patience :]]
        if len(waits) < self.patience or min(waits) < self.share:
            return None
        return (
            f"{100 * fmean(waits):.0f} % of the time is spent waiting for data; raise batch.num_workers (sonorant "
            "resume takes it), or put the features on a faster disk"
        )


@dataclass(frozen=True)
class ExplodingAlarm:
    """Rings when a quantity of the training leaps up.

    Attributes:
        names: The quantities; one that is not finite in an interval, as a norm in a step that fp16 skips, is left out.
        remedy: What to do.
        factor: So many times the median of the intervals before.
        window: How many intervals that is at most; a quarter of them must be there.
    """

    names: tuple[str, ...]
    remedy: str
    factor: float = 10.0
    window: int = 20
    watches: ClassVar[Literal["train"]] = "train"

    def check(self, history: History) -> str | None:
        """See `Alarm.check`."""
        for name in self.names:
            values = _finite(history.train[-1 - self.window :], name)
            usual = median(values[:-1]) if len(values) > self.window // 4 else 0.0
            if usual > 0 and values[-1] > self.factor * usual:
                return f"{name} leapt to {values[-1]:.4g}, {values[-1] / usual:.0f} times the usual; {self.remedy}"
        return None


@dataclass(frozen=True)
class WinningJudgesAlarm:
    """Rings when discriminators tell every generated sound for long: the generator learns nothing from them any more.

    Attributes:
        num_judges: Sub-discriminators. One that cannot tell has a least-squares loss of 1/2: (1/2)² for recordings and
            for generated sound.
        share: Of that loss.
        patience: Intervals in a row that lie below it.
    """

    num_judges: int
    share: float = 0.1
    patience: int = 10
    watches: ClassVar[Literal["train"]] = "train"

    def check(self, history: History) -> str | None:
        """See `Alarm.check`."""
        losses = _finite(history.train[-self.patience :], "discriminator")
        undecided = 0.5 * self.num_judges
        if len(losses) < self.patience or max(losses) > self.share * undecided:
            return None
        return (
            f"the discriminators tell all generated sound: their loss is {losses[-1]:.3g}, {undecided:.3g} if they "
            f"could not; the generator no longer learns from them. Go back to a checkpoint before, with a lower "
            "optimizer.learning_rate or a later loss.adversarial_start"
        )


def judge_alarms(num_judges: int) -> tuple[Alarm, ...]:
    """Return what any training against discriminators is watched for."""
    exploding = ExplodingAlarm(
        ("discriminator", "discriminators' gradient norm"), "lower optimizer.learning_rate or optimizer.clip_norm"
    )
    return exploding, WinningJudgesAlarm(num_judges)


def _finite(lines: Sequence[Line], name: str) -> list[float]:
    return [line[name] for line in lines if name in line and isfinite(line[name])]


def check_disk(free_bytes: int, checkpoint_bytes: int) -> str | None:
    """Say so if a disk has no room for the next two checkpoints.

    Example:
        >>> check_disk(free_bytes=150_000_000, checkpoint_bytes=100_000_000)
        'the disk is nearly full: 150 MB are free, a checkpoint has about 100 MB; free some, or lower run.keep_last'
        >>> check_disk(free_bytes=250_000_000, checkpoint_bytes=100_000_000)
    """
    if free_bytes >= 2 * checkpoint_bytes:
        return None
    return (
        f"the disk is nearly full: {free_bytes / 1e6:.0f} MB are free, a checkpoint has about "
        f"{checkpoint_bytes / 1e6:.0f} MB; free some, or lower run.keep_last"
    )
