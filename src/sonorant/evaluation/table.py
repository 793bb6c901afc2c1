"""Figures in words, for the terminal and the page."""

from collections.abc import Iterable, Sequence

from sonorant.evaluation.bootstrap import Estimate
from sonorant.evaluation.figures import Change, Figure
from sonorant.evaluation.metrics import METRICS, Metric

_DECIMALS = {"%": 1, "cents": 0}


def number(value: float, metric: Metric, signed: bool = False) -> str:
    """Write a figure in its metric's unit.

    Example:
        >>> number(0.2884, METRICS["wer"]), number(-0.1, METRICS["pesq"], signed=True)
        ('28.8 %', '-0.10')
    """
    scale, unit = (100, " %") if metric.unit == "%" else (1, "")
    decimals = _DECIMALS.get(metric.unit, 3 if metric.unit in ("", "nepers", "0 to 1") else 2)
    return f"{value * scale:{'+' if signed else ''}.{decimals}f}{unit}"


def interval(estimate: Estimate, metric: Metric, signed: bool = False) -> str:
    """Write a figure and its interval.

    Example:
        >>> interval(Estimate(3.1, 3.0, 3.25, 31), METRICS["pesq"])
        '3.10 (3.00 to 3.25)'
    """
    value, low, high = (number(each, metric, signed) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low.removesuffix(' %')} to {high.removesuffix(' %')})"


def figure_cells(figure: Figure) -> tuple[str, str, str]:
    """Write a figure, that of the recordings, and what stands beside them; empty where there is nothing."""
    metric = METRICS[figure.metric]
    recordings = interval(figure.recordings, metric) if figure.recordings else ""
    return interval(figure.value, metric), recordings, _beside(figure, metric)


def _beside(figure: Figure, metric: Metric) -> str:
    if figure.beside is None or metric.beside is None:
        return ""
    if metric.beside == "difference":
        return f"Δ {interval(figure.beside, metric, signed=True)}"
    ratio = figure.beside
    return f"× {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def title(metric: Metric) -> str:
    """Name a metric and its unit where the numbers do not carry it.

    Example:
        >>> title(METRICS["wer"]), title(METRICS["mcd"])
        ('word error rate', 'mel-cepstral distortion, dB')
    """
    return metric.title if metric.unit in ("", "%") else f"{metric.title}, {metric.unit}"


def figures_text(rows: Sequence[Figure], subject: str) -> str:
    """Lay out figures for a terminal."""
    head = ("", subject, "recordings", "beside them")
    return _columns([head, *((title(METRICS[row.metric]), *figure_cells(row)) for row in rows)])


def changes_text(rows: Sequence[Change], first: str, second: str) -> str:
    """Lay out differences for a terminal; a star marks an interval that leaves out 0."""
    head = ("", first, second, "difference", "")
    return _columns([head, *map(_change_cells, rows)])


def _change_cells(row: Change) -> tuple[str, ...]:
    metric = METRICS[row.metric]
    return (
        title(metric),
        number(row.first.value, metric),
        number(row.second.value, metric),
        interval(row.difference, metric, signed=True),
        f"* {_verdict(row)}" if row.is_certain else "",
    )


def _verdict(row: Change) -> str:
    """Say in a word which way a difference goes."""
    return "better" if (row.difference.value > 0) == (METRICS[row.metric].better == "higher") else "worse"


def _columns(rows: Iterable[tuple[str, ...]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
