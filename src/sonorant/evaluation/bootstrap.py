"""Confidence intervals by drawing sentences anew (Efron 1979; for word errors Bisani and Ney 2004)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonorant.evaluation.results import Share

NUM_DRAWS = 2000
CONFIDENCE = 0.95
_SEED = 0

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From sums over sentences, (..., K), to figures, (...)."""


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that holds 95 % of the figures of as many sentences drawn with replacement."""

    value: float
    low: float
    high: float
    num_sentences: int


def mean(shares: Sequence[Share]) -> Estimate | None:
    """Return the sum of the parts over the sum of the wholes; None of nothing.

    Example:
        >>> mean([Share(1, 4), Share(0, 6)])
        Estimate(value=0.1, low=0.0, high=0.25, num_sentences=2)
    """
    return estimate(np.array(shares, dtype=np.float64).reshape(-1, 2), lambda sums: sums[..., 0] / sums[..., 1])


def ratio(ours: Sequence[Share], theirs: Sequence[Share]) -> Estimate | None:
    """Return the ratio of two figures of the same sentences; None where theirs is 0."""
    return _paired(ours, theirs, lambda sums: (sums[..., 0] / sums[..., 1]) / (sums[..., 2] / sums[..., 3]))


def difference(ours: Sequence[Share], theirs: Sequence[Share]) -> Estimate | None:
    """Return the difference of two figures of the same sentences: ours less theirs."""
    return _paired(ours, theirs, lambda sums: sums[..., 0] / sums[..., 1] - sums[..., 2] / sums[..., 3])


def _paired(ours: Sequence[Share], theirs: Sequence[Share], statistic: Statistic) -> Estimate | None:
    return estimate(np.array([(*one, *other) for one, other in zip(ours, theirs, strict=True)]), statistic)


def estimate(rows: NDArray[np.float64], statistic: Statistic) -> Estimate | None:
    """Return a statistic of the sums of all rows and its percentile interval over draws of rows, the same every time.

    Draws for which the statistic is not finite are left out.

    Shape:
        rows: (R, K), one row a sentence

    Returns:
        None where there is no row, or the statistic itself is not finite.
    """
    if not rows.size:
        return None
    counts = np.random.default_rng(_SEED).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=NUM_DRAWS)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(rows.sum(axis=0)))
        drawn = statistic(counts @ rows)
    if not np.isfinite(value):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn[np.isfinite(drawn)], (tail, 1 - tail))
    return Estimate(value, float(low), float(high), len(rows))
