"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sonorant.training.metrics import Line

_RECENT = 20
"""Intervals that tell how fast training is at present."""


def seconds_per_step(intervals: Sequence[Line]) -> float:
    """Return how long a step takes, with its share of the pauses for validation, samples and checkpoints.

    Training is as fast as in the middle one of the last intervals, and as often interrupted as in all; those before a
    resume count, so the time left does not jump there.

    Args:
        intervals: The lines of kind "train", at least one.

    Example:
        >>> lines = [{"step": step, "seconds/step": 2.0, "seconds paused": 0.0} for step in (10, 20, 30)]
        >>> seconds_per_step([*lines, {"step": 40, "seconds/step": 2.0, "seconds paused": 15.0}])
        2.5
    """
    pace: float = median(line["seconds/step"] for line in intervals[-_RECENT:])
    num_steps = intervals[-1]["step"] - intervals[0]["step"]
    paused_s = sum(line.get("seconds paused", 0.0) for line in intervals[1:])  # older runs did not measure it
    return pace + (paused_s / num_steps if num_steps else 0.0)


class ProgressDisplay(Protocol):
    """What shows a person how far a run is."""

    def begin(self, step: int) -> None:
        """Show the step that a run begins or goes on with."""

    def update(self, step: int, step_s: float, values: Mapping[str, float]) -> None:
        """Show a step, the time left if each takes `step_s`, and some values."""

    def tell(self, message: str) -> None:
        """Show a line that stays."""

    def close(self) -> None:
        """End the display."""


def make_display(num_steps: int, progress: bool) -> ProgressDisplay:
    """Return a bar where stderr is a terminal, lines where it is a file or a pipe, or nothing without `progress`."""
    if not progress:
        return Silent()
    return Bar(num_steps) if sys.stderr.isatty() else Lines(num_steps)


class Bar:
    """A bar of rich."""

    def __init__(self, num_steps: int) -> None:
        columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._num_steps = num_steps

    def begin(self, step: int) -> None:
        """Draw the bar."""
        self._bar = self._progress.add_task("", total=self._num_steps, completed=step)
        self._progress.start()

    def update(self, step: int, step_s: float, values: Mapping[str, float]) -> None:
        """Move the bar."""
        left = format_duration(step_s * (self._num_steps - step))
        self._progress.update(self._bar, completed=step, description=f"{left} left, {format_values(values)}")

    def tell(self, message: str) -> None:
        """Print above the bar."""
        self._progress.console.print(message, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._progress.stop()


class Lines:
    """One line per report."""

    def __init__(self, num_steps: int) -> None:
        self._num_steps = num_steps

    def begin(self, step: int) -> None:
        """Show nothing before the first report."""

    def update(self, step: int, step_s: float, values: Mapping[str, float]) -> None:
        """Print the step, the time left and the values."""
        left = format_duration(step_s * (self._num_steps - step))
        self.tell(f"step {step}/{self._num_steps}, {left} left, {format_values(values)}")

    def tell(self, message: str) -> None:
        """Print a line."""
        print(message, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave everything as it is: no line is open."""


class Silent:
    """Shows nothing."""

    def begin(self, step: int) -> None:
        """Show nothing."""

    def update(self, step: int, step_s: float, values: Mapping[str, float]) -> None:
        """Show nothing."""

    def tell(self, message: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Leave everything as it is."""


def format_values(values: Mapping[str, float]) -> str:
    """Write values in four digits each.

    Example:
        >>> format_values({"loss": 1.23456, "frames/s": 12345.6})
        'loss 1.235, frames/s 1.235e+04'
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def format_duration(seconds: float) -> str:
    """Write a duration in hours, minutes and seconds.

    Example:
        >>> format_duration(3725.4)
        '1:02:05'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
