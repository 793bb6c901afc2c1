import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sonorant.config import Tacotron2Config
from sonorant.synthesis.reading import Faults, Limits, StopRule, durations_of, find_faults, positions_of
from sonorant.synthesis.runtime import Floats

LIMITS = Limits(steps_per_symbol=10.0, rest=20, hold=40)
NO, YES = -5.0, 5.0


def attending(positions: list[int], num_symbols: int) -> Floats:
    return np.eye(num_symbols, dtype=np.float32)[positions]


def steps_until_over(rule: StopRule, positions: list[int], stop_logits: list[float]) -> int:
    for step, (position, logit) in enumerate(zip(positions, stop_logits, strict=True), start=1):
        if rule.over(np.array([position]), np.array([logit], dtype=np.float32))[0]:
            return step
    raise AssertionError("it went on and on")


def test_limits_follow_the_models_longest_symbol_in_steps() -> None:
    limits = Limits.of(Tacotron2Config(max_frames_per_symbol=25, reduction_factor=2))
    assert limits == Limits(steps_per_symbol=12.5, rest=25, hold=50)
    assert limits.cap(np.array([1, 10])).tolist() == [38, 150]


def test_the_position_is_the_median_and_not_the_peak_of_a_wide_attention() -> None:
    wide = np.array([[0.3, 0.2, 0.24, 0.26]], dtype=np.float32)
    assert wide.argmax() == 0 and positions_of(wide).tolist() == [1]


def test_rounding_cannot_put_the_position_behind_the_text() -> None:
    assert positions_of(np.array([[0.0, 0.4999999]], dtype=np.float32)).tolist() == [1]


def test_the_stop_logit_is_believed_at_the_end_of_the_text_alone() -> None:
    rule = StopRule(np.array([6]), LIMITS, threshold=0.5)
    assert steps_until_over(rule, [0, 1, 2, 3, 4, 4], [NO, YES, YES, YES, NO, YES]) == 6


def test_the_threshold_is_a_probability() -> None:
    logit = [float(np.log(0.8 / 0.2))] * 2
    assert steps_until_over(StopRule(np.array([1]), LIMITS, threshold=0.79), [0, 0], logit) == 1
    with pytest.raises(AssertionError):
        steps_until_over(StopRule(np.array([1]), LIMITS, threshold=0.81), [0, 0], logit)


def test_resting_on_the_last_symbol_is_an_end() -> None:
    rule = StopRule(np.array([6]), LIMITS, threshold=0.5)
    assert steps_until_over(rule, [5] * 10 + [4] + [5] * 40, [NO] * 51) == 10 + 1 + LIMITS.rest


def test_a_stop_logit_that_insists_is_an_end() -> None:
    rule = StopRule(np.array([60]), LIMITS, threshold=0.5)
    assert steps_until_over(rule, [3] * 99, [YES] * 9 + [NO] + [YES] * 89) == 10 + LIMITS.rest


def test_nothing_goes_on_beyond_the_cap() -> None:
    rule = StopRule(np.array([3]), LIMITS, threshold=0.5)
    assert steps_until_over(rule, [0] * 99, [NO] * 99) == 30 + LIMITS.rest


def test_rows_that_are_kept_keep_their_counts() -> None:
    rule = StopRule(np.array([2, 9, 2]), LIMITS, threshold=0.5)
    stop_logits = np.array([NO, NO, NO], dtype=np.float32)
    for _ in range(LIMITS.rest - 1):
        assert not rule.over(np.array([0, 0, 1]), stop_logits).any()
    rule.keep(np.array([False, True, True]))
    assert rule.over(np.array([0, 1]), stop_logits[1:]).tolist() == [False, True]


def test_a_plain_reading_has_no_faults() -> None:
    positions = np.repeat(np.arange(12), 4).tolist()
    assert not find_faults(attending(positions, 12), LIMITS)


def test_small_lapses_are_none() -> None:
    """Between two neighbours the attention may flicker, two symbols may be said in one, the end may be brushed."""
    positions = [0, 1, 0, 1, 2, 5, 5, 4, 5, 6, 7, 8]
    assert not find_faults(attending(positions, 10), LIMITS)


@pytest.mark.parametrize(
    ("positions", "faults", "words"),
    [
        ([0, 1, 5, 6, 7], Faults(skipped=3), "3 symbols were skipped"),
        ([0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7], Faults(repeated=3), "went back 3 symbols"),
        ([0, 1, 2, 3], Faults(unread=4), "the last 4 symbols are missing"),
        ([0, 1] + [2] * 41 + [3, 4, 5, 6, 7], Faults(held_steps=41), "stuck on one symbol for 82 frames"),
        ([0, 1, 2, 3, 4, 5, 6] + [7, 6, 5] * 31, Faults(endless_steps=100), "reached 200 frames without an end"),
    ],
)
def test_each_fault_is_found_and_told(positions: list[int], faults: Faults, words: str) -> None:
    assert find_faults(attending(positions, 8), LIMITS) == faults
    assert faults and faults.describe(reduction_factor=2) == words


def test_resting_at_the_end_is_not_being_stuck() -> None:
    assert not find_faults(attending([0, 1, 2, 3] + [3] * 45, 4), LIMITS)


def test_an_attention_that_has_learned_nothing_is_a_fault() -> None:
    assert find_faults(np.full((50, 30), 1 / 30, dtype=np.float32), LIMITS)


def test_missing_symbols_are_worse_than_long_ones() -> None:
    assert Faults(held_steps=99).badness < Faults(unread=2).badness < Faults(unread=2, endless_steps=9).badness


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 3))
def test_durations_sum_to_the_frames_whatever_the_attention_did(positions: list[int], reduction_factor: int) -> None:
    durations: NDArray[np.int64] = durations_of(attending(positions, 7), reduction_factor)
    assert durations.shape == (7,) and durations.min() >= 0
    assert durations.sum() == len(positions) * reduction_factor
