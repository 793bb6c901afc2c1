"""Confidence intervals against what is known of them."""

import numpy as np
import pytest

from sonorant.evaluation.bootstrap import difference, mean, ratio
from sonorant.evaluation.results import Share


def shares(values: np.ndarray) -> list[Share]:
    return [Share(float(value)) for value in values]


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return np.random.default_rng(3).normal(5.0, 2.0, size=400)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution(sample: np.ndarray) -> None:
    found = mean(shares(sample))
    half = 1.96 * sample.std() / np.sqrt(len(sample))
    assert found.value == pytest.approx(sample.mean())
    assert found.low == pytest.approx(sample.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(sample.mean() + half, abs=0.1 * half)


def test_long_sentences_weigh_more() -> None:
    found = mean([Share(1, 2), Share(0, 8)])
    assert (found.value, found.low, found.high) == (0.1, 0.0, 0.5)


def test_the_interval_is_the_same_every_time(sample: np.ndarray) -> None:
    assert mean(shares(sample)) == mean(shares(sample))


def test_pairing_leaves_out_what_both_have_in_common(sample: np.ndarray) -> None:
    change = difference(shares(sample + 0.1), shares(sample))
    assert change.value == pytest.approx(0.1)
    assert change.low == pytest.approx(0.1) and change.high == pytest.approx(0.1)


def test_a_ratio_is_of_sums() -> None:
    found = ratio([Share(3, 10), Share(1, 10)], [Share(1, 10), Share(1, 10)])
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 1.0, 3.0))


def test_where_there_is_nothing_to_divide_by_there_is_no_figure() -> None:
    assert mean([]) is None
    assert difference([], []) is None
    assert ratio([Share(1, 10)], [Share(0, 10)]) is None


def test_draws_that_give_no_figure_are_left_out() -> None:
    found = ratio([Share(1), Share(1)], [Share(0), Share(1)])
    assert found.value == 2.0 and np.isfinite([found.low, found.high]).all()
