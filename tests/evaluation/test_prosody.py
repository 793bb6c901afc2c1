"""Pitch errors in musical intervals."""

import numpy as np
import pytest

from sonorant.evaluation.prosody import pitch_error


@pytest.mark.parametrize(("semitones", "cents"), [(0, 0), (1, 100), (-3, 300), (12, 1200)])
def test_a_semitone_is_100_cents(semitones: int, cents: int) -> None:
    melody = np.linspace(150.0, 250.0, 20)
    assert pitch_error(melody, melody * 2 ** (semitones / 12)).rmse_cents == pytest.approx(cents, abs=1e-6)


def test_a_large_error_weighs_more_than_several_small_ones() -> None:
    melody = np.full(4, 200.0)
    assert pitch_error(melody, melody * np.array([2.0, 1.0, 1.0, 1.0])).rmse_cents == pytest.approx(600)


def test_frames_where_one_is_unvoiced_count_as_misvoiced_and_not_as_pitch() -> None:
    error = pitch_error(np.array([200.0, 0.0, 0.0, 300.0]), np.array([200.0, 100.0, 0.0, 0.0]))
    assert (error.rmse_cents, error.num_misvoiced, error.num_frames) == (0.0, 2, 4)


def test_without_a_frame_voiced_in_both_there_is_no_pitch_error() -> None:
    assert pitch_error(np.array([200.0, 0.0]), np.array([0.0, 100.0])).rmse_cents is None
