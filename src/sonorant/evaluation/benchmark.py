"""What a benchmark measures and how: cases, repeats, and the figures that follow from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

WARMUPS = 2
"""Runs before the clock starts: memory is claimed, kernels are chosen, caches are filled."""

Stage = Literal["speak", "first sound", "acoustic", "vocoder"]


@dataclass(frozen=True)
class Work:
    """What one run of a case works through.

    Attributes:
        model: What computes: a voice's models, as "fastpitch + hifigan", or the recipe.
        stage: The part of the way that is measured.
        words: Of the sentence; None for the mean of all sentences.
        batch: Copies of the sentence that are spoken at once.
        parameters: Of all networks that take part.
        audio_s: Seconds of sound that the run makes, all rows together.
        counts: What else it works through, as "frames": how many.
    """

    model: str
    stage: Stage
    words: int | None
    batch: int
    parameters: int
    audio_s: float
    counts: Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """Work, and how it is done once."""

    work: Work
    run: Callable[[], object]


class Instruments(Protocol):
    """What reads the clock and the memory of the device that computes."""

    def now(self) -> float:
        """Return the time in seconds, as soon as all work that was begun is done."""
        ...

    def processor_now(self) -> float:
        """Return the seconds that the process has spent on all processors together."""
        ...

    def forget_peak(self) -> None:
        """Let the peak of the memory begin anew at what is in use."""
        ...

    def peak_bytes(self) -> int:
        """Return the most memory in use since the last `forget_peak`, beyond what was in use when measuring began."""
        ...


@dataclass(frozen=True)
class Latency:
    """Statistics over the repeats, in seconds."""

    mean: float
    median: float
    p90: float
    p95: float
    p99: float


def summarize(seconds: Sequence[float]) -> Latency:
    """Describe repeats; a percentile between two of them is interpolated linearly.

    Example:
        >>> summarize([5.0, 1.0, 2.0, 3.0, 4.0])
        Latency(mean=3.0, median=3.0, p90=4.6, p95=4.8, p99=4.96)
    """
    percentiles = (round(float(value), 12) for value in np.percentile(seconds, (50, 90, 95, 99)))
    return Latency(float(np.mean(seconds)), *percentiles)


@dataclass(frozen=True)
class Row:
    """Measured work: what each repeat took, and what was used over all of them.

    Attributes:
        work: What was done in each repeat.
        seconds: How long each repeat took.
        processor_s: Seconds that the process spent on all processors together, mean of the repeats.
        peak_bytes: The peak of the memory.
    """

    work: Work
    seconds: tuple[float, ...]
    processor_s: float
    peak_bytes: int

    @property
    def latency(self) -> Latency:
        """Statistics over the repeats."""
        return summarize(self.seconds)

    @property
    def rtf(self) -> float:
        """The real-time factor: seconds of compute per second of audio."""
        return self.latency.mean / self.work.audio_s

    @property
    def speed_up(self) -> float:
        """Seconds of audio per second of compute."""
        return 1 / self.rtf

    @property
    def cores(self) -> float:
        """How many cores were kept busy; fewer than there are threads if other processes took them."""
        return self.processor_s / self.latency.mean

    @property
    def rates(self) -> dict[str, float]:
        """Everything that is counted, per second of compute."""
        return {name: count / self.latency.mean for name, count in self.work.counts.items()}


def measure(case: Case, instruments: Instruments, repeats: int) -> Row:
    """Run a case `WARMUPS` times unseen, then `repeats` times by the clock."""
    for _ in range(WARMUPS):
        case.run()
    instruments.forget_peak()
    seconds, processor_start = [], instruments.processor_now()
    for _ in range(repeats):
        start = instruments.now()
        case.run()
        seconds.append(instruments.now() - start)
    processor_s = (instruments.processor_now() - processor_start) / repeats
    return Row(case.work, tuple(seconds), processor_s, instruments.peak_bytes())


def with_means(rows: Iterable[Row]) -> list[Row]:
    """Put the mean sentence behind the rows of each stage that has several sentences of one batch size.

    Repeat k of it is the mean of the sentences' repeats k, so its real-time factor is that of all sentences together.
    """
    groups: dict[tuple[str, str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.work.model, row.work.stage, row.work.batch), []).append(row)
    return [row for group in groups.values() for row in (*group, *([_mean(group)] if len(group) > 1 else ()))]


def _mean(rows: Sequence[Row]) -> Row:
    works = [row.work for row in rows]
    counts = {name: float(np.mean([work.counts[name] for work in works])) for name in works[0].counts}
    work = replace(works[0], words=None, audio_s=float(np.mean([work.audio_s for work in works])), counts=counts)
    seconds = tuple(np.mean([row.seconds for row in rows], axis=0).tolist())
    processor_s = float(np.mean([row.processor_s for row in rows]))
    return Row(work, seconds, processor_s, max(row.peak_bytes for row in rows))
