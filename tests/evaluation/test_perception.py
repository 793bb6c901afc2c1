"""PESQ and STOI at their ends, and between."""

import numpy as np
import pytest
from tests.speechlike import waveform

from sonorant.audio import Audio
from sonorant.evaluation.perception import pesq_wide_band, stoi

RATE = 16000
BEST_RAW_PESQ = 4.5


def sound(samples: np.ndarray) -> Audio:
    return Audio(samples.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def speech() -> Audio:
    return sound(waveform(2.0, RATE))


def noisy(speech: Audio, snr_db: float) -> Audio:
    noise = np.random.default_rng(0).standard_normal(len(speech.samples))
    scale = np.sqrt(np.mean(speech.samples**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    return sound(speech.samples + scale * noise)


def test_an_exact_copy_has_the_best_score_that_p_862_2_knows(speech: Audio) -> None:
    best = 0.999 + 4.0 / (1 + np.exp(-1.3669 * BEST_RAW_PESQ + 3.8224))  # P.862.2, clause 5.2
    assert pesq_wide_band(speech, speech) == pytest.approx(best, abs=1e-3)


def test_an_exact_copy_is_wholly_intelligible(speech: Audio) -> None:
    assert stoi(speech, speech) == pytest.approx(1.0)


@pytest.mark.parametrize("measure", [pesq_wide_band, stoi])
def test_the_more_noise_the_lower_the_score(measure: object, speech: Audio) -> None:
    scores = [measure(speech, noisy(speech, snr_db)) for snr_db in (40, 20, 0)]  # type: ignore[operator]
    assert sorted(scores, reverse=True) == scores and scores[0] > scores[-1] + 0.1


def test_other_sample_rates_are_brought_to_16_khz(speech: Audio) -> None:
    assert pesq_wide_band(Audio(waveform(2.0, 22050), 22050), speech) > 4.2


def test_where_there_is_no_speech_there_is_no_score(speech: Audio) -> None:
    silence = sound(np.zeros(2 * RATE))
    assert pesq_wide_band(silence, silence) is None
    short = sound(speech.samples[: RATE // 5])
    assert stoi(short, short) is None
