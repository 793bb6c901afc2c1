"""What a person should hear of while a run goes on: not wrong enough to stop it, too wrong to be found at its end.

An alarm looks at all validations so far, so that it needs no memory of its own and a resumed run rings like one that
was never interrupted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Values = Mapping[str, float]


class Alarm(Protocol):
    """Something that may go wrong in a run."""

    def check(self, validations: Sequence[Values]) -> str | None:
        """Return what is wrong at the last of the validations and what can be done, or None."""


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

    def check(self, validations: Sequence[Values]) -> str | None:
        """See `Alarm.check`.

        Example:
            >>> alarm = UnalignedAlarm("mel", {"focus": 0.3}, "lower optimizer.learning_rate", patience=1)
            >>> print(alarm.check([{"mel": 2.0, "focus": 0.04}, {"mel": 1.0, "focus": 0.05}]))
            mel fell by 50 % in 1 validation(s), but the text is not followed: focus 0.05 (0.04 before); do texts ...
            >>> alarm.check([{"mel": 2.0, "focus": 0.04}, {"mel": 1.0, "focus": 0.25}])
        """
        if len(validations) <= self.patience:
            return None
        before, now = validations[-1 - self.patience], validations[-1]
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


def past_validations(metrics: Path, last_step: int) -> list[Values]:
    """Read a run's validations up to a step from its metrics.jsonl; what a killed process half wrote is passed over.

    Steps that were taken twice, because a run went back to a checkpoint, count as they were taken last.
    """
    found: dict[int, Values] = {}
    for line in metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if values["kind"] == "validation" and values["step"] <= last_step:
            found[values["step"]] = values
    return [found[step] for step in sorted(found)]
