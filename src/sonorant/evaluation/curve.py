"""Curves over training steps as SVG, without a drawing library."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

Points = Sequence[tuple[float, float]]
"""(step, value) in the order of steps."""

MAX_BUCKETS = 150
"""A curve is drawn with at most twice as many points."""

LOG_FROM = 10.0
"""Positive values are drawn on a logarithmic axis if the largest is so many times the smallest."""

_WIDTH, _HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 8, 22


@dataclass(frozen=True)
class Marks:
    """What is marked in every chart of a run.

    Attributes:
        alarms: Step -> what was said.
        resumes: Steps at which the run went on.
    """

    alarms: Mapping[int, str]
    resumes: Sequence[int]


def chart(curves: Mapping[str, Points], last_step: int, marks: Marks, best: tuple[int, float] | None = None) -> str:
    """Draw curves over each other; numbers that are not finite are left out.

    Args:
        curves: CSS class -> points. The class "validation" gets a dot at each point.
        last_step: Where the axis of steps ends.
        marks: Drawn as upright lines.
        best: A point to mark.
    """
    curves = {name: [point for point in points if isfinite(point[1])] for name, points in curves.items()}
    best = best if best and isfinite(best[1]) else None
    values = [value for points in (*curves.values(), [best] if best else []) for _, value in points]
    if not values:
        return "<p><small>no finite number</small></p>"
    axes = _Axes(values, last_step)
    parts = [*axes.draw(), *_upright(axes, marks)]
    for name, points in curves.items():
        places = [axes.place(*point) for point in thin(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f"<polyline class='{name}' points='{path}'/>")
        if name == "validation" or len(places) == 1:
            parts += [f"<circle class='{name}' cx='{x:.1f}' cy='{y:.1f}' r='1.8'/>" for x, y in places]
    if best is not None:
        x, y = axes.place(*best)
        title = f"<title>best: {best[1]:.4g} at step {best[0]}</title>"
        parts.append(f"<circle class='best' cx='{x:.1f}' cy='{y:.1f}' r='5'>{title}</circle>")
    return f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img'>{''.join(parts)}</svg>"


def thin(points: Points) -> Points:
    """Keep the lowest and the highest of neighbours where points are many, so that no peak is lost.

    Example:
        >>> len(thin([(step, 1.0) for step in range(100000)])) <= 2 * MAX_BUCKETS
        True
        >>> (500, 99.0) in thin([(step, 99.0 if step == 500 else 1.0) for step in range(1000)])
        True
    """
    if len(points) <= 2 * MAX_BUCKETS:
        return points
    size = ceil(len(points) / MAX_BUCKETS)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        extremes = {min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])}
        kept += sorted(extremes)
    return kept


class _Axes:
    """Places steps and values in the picture."""

    def __init__(self, values: Sequence[float], last_step: int) -> None:
        low, high = min(values), max(values)
        self.log = low > 0 and high / low >= LOG_FROM
        self._low, self._high = self._scale(low), self._scale(high)
        if self._low == self._high:
            margin = abs(self._low) / 2 or 1.0
            self._low, self._high = self._low - margin, self._high + margin
        self._last_step = max(last_step, 1)

    def place(self, step: float, value: float) -> tuple[float, float]:
        height = (self._scale(value) - self._low) / (self._high - self._low)
        return self._x(step), _HEIGHT - _BOTTOM - height * (_HEIGHT - _TOP - _BOTTOM)

    def draw(self) -> Iterator[str]:
        ticks = _decades(self._low, self._high) if self.log else _round_numbers(self._low, self._high)
        for tick in ticks:
            y = self.place(0, tick)[1]
            yield f"<line class='grid' x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
            yield f"<text x='{_LEFT - 5}' y='{y + 3:.1f}' text-anchor='end'>{tick:.4g}</text>"
        for step in _round_numbers(0, self._last_step):
            yield f"<text x='{self._x(step):.1f}' y='{_HEIGHT - 7}' text-anchor='middle'>{_short(step)}</text>"

    def upright(self, step: int, name: str, title: str) -> str:
        x = self._x(step)
        ends = f"x1='{x:.1f}' x2='{x:.1f}' y1='{_TOP}' y2='{_HEIGHT - _BOTTOM}'"
        return f"<line class='{name}' {ends}><title>{escape(title)}</title></line>"

    def _x(self, step: float) -> float:
        return _LEFT + step / self._last_step * (_WIDTH - _LEFT - _RIGHT)

    def _scale(self, value: float) -> float:
        return log10(value) if self.log else value


def _upright(axes: _Axes, marks: Marks) -> Iterator[str]:
    for step in marks.resumes:
        yield axes.upright(step, "resume", f"went on at step {step}")
    for step, message in marks.alarms.items():
        yield axes.upright(step, "alarm", f"step {step}: {message}")


def _round_numbers(low: float, high: float) -> list[float]:
    """Return three to six multiples of 1, 2 or 5 times a power of ten between two numbers.

    Example:
        >>> _round_numbers(0.0, 9.0)
        [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    unit = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [index * unit for index in range(ceil(low / unit - 1e-9), floor(high / unit + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Return powers of ten whose logarithms lie between two, and their doubles and fives where those are few.

    Example:
        >>> _decades(-0.1, 1.2)
        [1.0, 2.0, 5.0, 10.0]
    """
    factors = (1, 2, 5) if high - low < 3 else (1,)
    every = max(1, ceil((high - low) / 6))
    ticks = [factor * 10.0**power for power in range(floor(low), floor(high) + 1, every) for factor in factors]
    return [tick for tick in ticks if low <= log10(tick) <= high]


def _short(step: float) -> str:
    """Write a number of steps.

    Example:
        >>> _short(500.0), _short(12500.0), _short(2e6)
        ('500', '12.5k', '2M')
    """
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if step >= unit:
            return f"{step / unit:g}{name}"
    return f"{step:g}"
