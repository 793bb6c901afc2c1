"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ProgressDisplay(Protocol):
    """What shows a person how far a run is."""

    def begin(self, step: int) -> None:
        """Start the clock at the step that a run begins or goes on with."""

    def update(self, step: int, values: Mapping[str, float]) -> None:
        """Show a step and some of its values."""

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
        columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        text = TextColumn("{task.description}")
        self._progress = Progress(*columns, text, console=Console(stderr=True), speed_estimate_period=600)
        self._num_steps = num_steps

    def begin(self, step: int) -> None:
        """Draw the bar."""
        self._bar = self._progress.add_task("", total=self._num_steps, completed=step)
        self._progress.start()

    def update(self, step: int, values: Mapping[str, float]) -> None:
        """Move the bar."""
        self._progress.update(self._bar, completed=step, description=format_values(values))

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
        self.begin(0)

    def begin(self, step: int) -> None:
        """Note the time."""
        self._start_step, self._start_s = step, time.monotonic()

    def update(self, step: int, values: Mapping[str, float]) -> None:
        """Print the step, the time left and the values."""
        done = max(1, step - self._start_step)
        left_s = (time.monotonic() - self._start_s) / done * (self._num_steps - step)
        self.tell(f"step {step}/{self._num_steps}, {format_duration(left_s)} left, {format_values(values)}")

    def tell(self, message: str) -> None:
        """Print a line."""
        print(message, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave everything as it is: no line is open."""


class Silent:
    """Shows nothing."""

    def begin(self, step: int) -> None:
        """Show nothing."""

    def update(self, step: int, values: Mapping[str, float]) -> None:
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
