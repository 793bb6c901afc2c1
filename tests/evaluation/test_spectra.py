"""Spectral distances against what can be worked out by hand."""

import numpy as np
import pytest

from sonorant.audio import log_mel
from sonorant.config import MelConfig
from sonorant.evaluation.spectra import (
    NUM_CEPSTRA,
    cepstral_distances_db,
    log_mel_error,
    log_spectra_db,
    log_spectral_distance_db,
    mel_cepstra,
    multi_resolution_stft_distance,
)

MEL = MelConfig()


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return (0.2 * np.random.default_rng(0).standard_normal(22050)).astype(np.float32)


def test_the_published_constant_of_mel_cepstral_distortion() -> None:
    one = np.zeros((NUM_CEPSTRA, 1))
    other = one.copy()
    other[7] = 1.0
    assert cepstral_distances_db(one, other).item() == pytest.approx(10 * np.sqrt(2) / np.log(10))


@pytest.mark.parametrize("order", [1, 5, NUM_CEPSTRA])
def test_a_ripple_over_the_bins_is_as_far_as_its_root_mean_square_in_db(order: int) -> None:
    num_bins, depth = 80, 0.7
    ripple = depth * np.cos(np.pi * order * (np.arange(num_bins) + 0.5) / num_bins)
    flat = np.full((num_bins, 1), -3.0)
    distance = cepstral_distances_db(mel_cepstra(flat), mel_cepstra(flat + ripple[:, None])).item()
    assert distance == pytest.approx(20 / np.log(10) * depth / np.sqrt(2))


def test_a_finer_ripple_and_a_level_do_not_count() -> None:
    ripple = np.cos(np.pi * (NUM_CEPSTRA + 1) * (np.arange(80) + 0.5) / 80)[:, None]
    flat = np.zeros((80, 1))
    distance = cepstral_distances_db(mel_cepstra(flat), mel_cepstra(flat + 2.0 + ripple))
    assert distance.item() == pytest.approx(0, abs=1e-6)


def test_distances_are_of_each_frame_to_each() -> None:
    random = np.random.default_rng(1)
    first, second = random.standard_normal((13, 3)), random.standard_normal((13, 4))
    expected = [[10 / np.log(10) * np.sqrt(2 * ((a - b) ** 2).sum()) for b in second.T] for a in first.T]
    assert cepstral_distances_db(first, second) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_a_gain_is_its_decibels_of_log_spectral_distance(noise: np.ndarray, gain: float) -> None:
    first, second = (log_spectra_db(samples, MEL) for samples in (noise, gain * noise))
    assert log_spectral_distance_db(first, second) == pytest.approx(abs(20 * np.log10(gain)), rel=1e-3)


def test_what_16_bits_cannot_hold_is_silence() -> None:
    silence, whisper = np.zeros(4096, dtype=np.float32), np.full(4096, 1e-8, dtype=np.float32)
    assert log_spectral_distance_db(log_spectra_db(silence, MEL), log_spectra_db(whisper, MEL)) == 0


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_a_gain_is_its_convergence_and_its_logarithm_of_stft_distance(noise: np.ndarray, gain: float) -> None:
    expected = abs(1 - gain) + abs(np.log(gain))
    assert multi_resolution_stft_distance(noise, gain * noise, 22050) == pytest.approx(expected, abs=1e-3)


def test_a_gain_is_its_logarithm_of_log_mel_error(noise: np.ndarray) -> None:
    first, second = (log_mel(samples, MEL) for samples in (noise, 0.5 * noise))
    assert log_mel_error(first, second) == pytest.approx(np.log(2), rel=1e-3)
