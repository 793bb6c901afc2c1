"""Dynamic time warping against an exhaustive search."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sonorant.evaluation.dtw import align

COSTS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 9))


def cheapest(costs: np.ndarray) -> float:
    @cache
    def reach(row: int, column: int) -> float:
        if row < 0 or column < 0:
            return np.inf
        if row == column == 0:
            return float(costs[0, 0])
        before = min(reach(row - 1, column - 1), reach(row - 1, column), reach(row, column - 1))
        return float(costs[row, column]) + before

    return reach(costs.shape[0] - 1, costs.shape[1] - 1)


@given(COSTS)
@settings(deadline=None, max_examples=60)
def test_the_path_is_the_cheapest_and_goes_on_by_single_steps(costs: np.ndarray) -> None:
    path = align(costs)
    assert costs[path[:, 0], path[:, 1]].sum() == cheapest(costs)
    assert path[0].tolist() == [0, 0] and path[-1].tolist() == [size - 1 for size in costs.shape]
    steps = np.diff(path, axis=0)
    assert ((steps >= 0) & (steps <= 1)).all() and (steps.sum(axis=1) >= 1).all()


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_slower_speech_is_matched_frame_by_frame(factor: int) -> None:
    frames = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    path = align(np.abs(frames[:, None] - np.repeat(frames, factor)))
    assert path[:, 0].tolist() == np.repeat(np.arange(5), factor).tolist()
