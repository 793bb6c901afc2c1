"""Dynamic time warping: which frames of one utterance belong to which of another."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def align(costs: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Return the cheapest path from the first pair of frames to the last (Sakoe and Chiba 1978, symmetric, slope 0).

    A step goes one frame on in the first utterance, in the second, or in both; the path's cost is the sum over its
    pairs. The search is exact: no band, no coarse grid. Cells on one antidiagonal do not depend on each other, so each
    antidiagonal is one vector operation.

    Shape:
        costs: (T, U) >= 0 -> (K, 2) pairs of frames, with max(T, U) <= K < T + U

    Example:
        >>> first, second = np.array([1.0, 5.0, 9.0]), np.array([1.0, 1.0, 5.0, 9.0])
        >>> align(np.abs(first[:, None] - second)).tolist()
        [[0, 0], [0, 1], [1, 2], [2, 3]]
    """
    return _trace_back(_cheapest_sums(costs))


def _cheapest_sums(costs: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the cost of the cheapest path to each pair, with a border of infinity above and to the left.

    In the flat array the cells of an antidiagonal lie `width - 1` apart.

    Shape:
        costs: (T, U) -> (T + 1, U + 1)
    """
    height, width = costs.shape[0] + 1, costs.shape[1] + 1
    padded = np.zeros((height, width))
    padded[1:, 1:] = costs
    sums = np.full((height, width), np.inf)
    sums[0, 0] = 0.0
    flat, flat_costs = sums.ravel(), padded.ravel()
    for diagonal in range(2, height + width - 1):
        first, last = max(1, diagonal - width + 1), min(height - 1, diagonal - 1)
        start = first * (width - 1) + diagonal
        stop = last * (width - 1) + diagonal + 1
        up, left, both = (flat[start - back : stop - back : width - 1] for back in (width, 1, width + 1))
        flat[start : stop : width - 1] = flat_costs[start : stop : width - 1] + np.minimum(np.minimum(up, left), both)
    return sums


def _trace_back(sums: NDArray[np.float64]) -> NDArray[np.int64]:
    row, column = sums.shape[0] - 1, sums.shape[1] - 1
    path = [(row, column)]
    while (row, column) != (1, 1):
        before = (row - 1, column - 1), (row - 1, column), (row, column - 1)
        row, column = min(before, key=lambda cell: sums[cell])
        path.append((row, column))
    return np.array(path[::-1], dtype=np.int64) - 1
