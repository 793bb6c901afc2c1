"""Loudness against the standard's own figures, and silence against signals of known extent."""

import numpy as np
import pytest

from sonorant.audio.level import _HIGH_PASS, _SHELF, _k_weighted, limit_peaks, loudness_lufs, to_loudness, trim_silence


def _sine(level_db: float, seconds: float, sample_rate: int = 48000, hz: float = 997.0) -> np.ndarray:
    phase = 2 * np.pi * hz * np.arange(round(seconds * sample_rate)) / sample_rate
    return (10 ** (level_db / 20) * np.sin(phase)).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_a_full_scale_sine_in_one_channel_reads_minus_3_01(sample_rate: int) -> None:
    """BS.1770-4, annex 1: a 0 dB FS 997 Hz sine in one front channel indicates -3.01 LKFS."""
    assert loudness_lufs(_sine(0.0, 5.0, sample_rate), sample_rate) == pytest.approx(-3.01, abs=0.005)


@pytest.mark.parametrize(
    "segments",
    [
        [(-23, 20)],
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_gating_follows_the_broadcasting_union(segments: list[tuple[float, float]]) -> None:
    """EBU Tech 3341, minimum requirements 1, 3, 4 and 5: stereo sines of -23 LUFS, one channel of -26.01."""
    signal = np.concatenate([_sine(level, seconds, 8000, 1000.0) for level, seconds in segments])
    assert loudness_lufs(signal, 8000) == pytest.approx(-26.01, abs=0.1)


def test_the_filters_equal_a_recursive_implementation() -> None:
    signal = pytest.importorskip("scipy.signal")
    noise = np.random.default_rng(0).normal(0, 0.1, 48000)
    recursive = signal.lfilter(*_HIGH_PASS, signal.lfilter(*_SHELF, noise))
    np.testing.assert_allclose(_k_weighted(noise, 48000), recursive, atol=1e-10)


@pytest.mark.parametrize("length", [0, 1, 100, 30000])
def test_silence_has_no_loudness_and_stays_as_it_is(length: int) -> None:
    silence = np.zeros(length, dtype=np.float32)
    assert loudness_lufs(silence, 22050) == -np.inf
    np.testing.assert_array_equal(to_loudness(silence, 22050, -23.0), silence)


def test_a_signal_below_the_absolute_gate_has_no_loudness() -> None:
    assert loudness_lufs(_sine(-70.0, 2.0), 48000) == -np.inf
    assert loudness_lufs(_sine(-66.0, 2.0), 48000) == pytest.approx(-69.01, abs=0.05)


def test_a_signal_shorter_than_a_block_is_measured_whole() -> None:
    assert loudness_lufs(_sine(-20.0, 0.3), 48000) == pytest.approx(-23.01, abs=0.1)


@pytest.mark.parametrize("level", [-60.0, -30.0, -1.0])
def test_a_signal_is_brought_to_the_target(level: float) -> None:
    louder = to_loudness(_sine(level, 2.0), 48000, -23.0)
    assert louder.dtype == np.float32
    assert loudness_lufs(louder, 48000) == pytest.approx(-23.0, abs=0.01)


def test_a_peaky_signal_is_not_clipped_but_left_quieter() -> None:
    clicks = _sine(-40.0, 2.0)
    clicks[::9600] = 0.5
    louder = to_loudness(clicks, 48000, -10.0)
    assert np.abs(louder).max() == pytest.approx(0.95, abs=1e-6)
    np.testing.assert_allclose(louder / louder.max(), clicks / clicks.max(), atol=1e-6)


def test_a_trimmed_signal_keeps_the_sound_and_the_margin() -> None:
    silence = np.random.default_rng(0).normal(0, 1e-4, 22050).astype(np.float32)
    signal = np.concatenate([silence, _sine(-6.0, 1.0, 22050), silence])
    start, end = trim_silence(signal, 22050, 40.0, 50.0)
    assert start == pytest.approx(22050 * 0.95, abs=22050 * 0.021)
    assert end == pytest.approx(22050 * 2.05, abs=22050 * 0.021)
    assert start <= 22050 * 0.95 and end >= 22050 * 2.05  # never more than asked
    assert trim_silence(signal, 22050, 90.0, 50.0) == (0, len(signal))


def test_a_pause_inside_is_not_trimmed() -> None:
    word = _sine(-6.0, 0.2, 22050)
    signal = np.concatenate([word, np.zeros(22050, dtype=np.float32), word])
    assert trim_silence(signal, 22050, 40.0, 0.0) == (0, len(signal))


@pytest.mark.parametrize("length", [0, 5, 22050])
def test_nothing_is_kept_of_pure_silence(length: int) -> None:
    assert trim_silence(np.zeros(length, dtype=np.float32), 22050, 40.0, 50.0) == (0, 0)


def test_peaks_are_bent_without_a_corner_and_never_leave_full_scale() -> None:
    samples = np.linspace(-4, 4, 80_001, dtype=np.float32)
    limited = limit_peaks(samples)
    quiet = np.abs(samples) <= 0.9
    assert limited.dtype == np.float32 and np.array_equal(limited[quiet], samples[quiet])
    assert np.abs(limited).max() <= 1 and np.abs(limited[~quiet]).min() >= 0.9
    slopes = np.diff(limited.astype(np.float64)) / np.diff(samples.astype(np.float64))
    assert slopes.min() > -1e-6 and np.abs(np.diff(slopes)).max() < 0.01
