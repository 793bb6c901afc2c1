"""The mel spectrogram against Slaney's formula, librosa, and physics."""

import numpy as np
import pytest

from sonorant.audio.mel import hz_to_mel, log_mel, mel_filterbank, mel_to_hz
from sonorant.config import MelConfig


def _slaney_hz(mel: float) -> float:
    """Auditory Toolbox, Malcolm Slaney 1998: 66.67 Hz steps below 1 kHz, then 27 steps for each factor of 6.4."""
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def _slaney_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


@pytest.mark.parametrize("f_max", [8000.0, None])
def test_filters_follow_the_slaney_formula(f_max: float | None) -> None:
    config = MelConfig(f_max=f_max)
    step = _slaney_mel(config.top_frequency) / 81
    corners = [_slaney_hz(k * step) for k in range(82)]
    expected = np.zeros((80, 513))
    for band in range(80):
        low, centre, high = corners[band : band + 3]
        for index in range(513):
            hz = index * 22050 / 1024
            height = (hz - low) / (centre - low) if hz < centre else (high - hz) / (high - centre)
            expected[band, index] = max(0.0, height) * 2 / (high - low)
    filters = mel_filterbank(config)
    assert filters.dtype == np.float32
    np.testing.assert_allclose(filters, expected, rtol=1e-5, atol=1e-9)


def test_htk_filters_have_height_one_at_evenly_spaced_centres() -> None:
    config = MelConfig(n_fft=4096, win_length=1024, n_mels=20, scale="htk", norm="none")
    filters = mel_filterbank(config)
    centres = filters.argmax(axis=1) * 22050 / 4096
    mels = 2595 * np.log10(1 + centres / 700)
    np.testing.assert_allclose(np.diff(mels), 2595 * np.log10(1 + 8000 / 700) / 21, rtol=0.1)
    assert filters.max() <= 1 and filters.max(axis=1).min() > 0.9


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_the_two_scale_functions_are_inverse(scale: str) -> None:
    frequencies = np.linspace(0, 11025, 500)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(frequencies, scale), scale), frequencies, atol=1e-8)


@pytest.mark.parametrize("config", [MelConfig(), MelConfig(f_max=None), MelConfig(scale="htk", norm="none", f_min=50)])
def test_filters_and_log_mel_equal_librosa(config: MelConfig) -> None:
    librosa = pytest.importorskip("librosa")
    options = {"fmin": config.f_min, "fmax": config.f_max, "n_mels": config.n_mels, "htk": config.scale == "htk"}
    norm = "slaney" if config.norm == "slaney" else None
    filters = librosa.filters.mel(sr=22050, n_fft=1024, norm=norm, **options)
    np.testing.assert_allclose(mel_filterbank(config), filters, rtol=1e-5, atol=1e-8)
    signal = np.random.default_rng(1).normal(0, 0.1, 22050).astype(np.float32)
    spectrum = np.abs(librosa.stft(np.pad(signal, 384, mode="reflect"), n_fft=1024, hop_length=256, center=False))
    np.testing.assert_allclose(np.exp(log_mel(signal, config)), filters @ spectrum, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("band", [3, 20, 45, 79])
def test_a_pure_tone_lands_in_its_band(band: int) -> None:
    centre = _slaney_hz((band + 1) * _slaney_mel(8000) / 81)
    tone = np.sin(2 * np.pi * centre * np.arange(22050) / 22050)
    mel = log_mel(tone, MelConfig())
    assert (mel[:, 4:-4].argmax(axis=0) == band).all()


@pytest.mark.parametrize("padding", ["same", "centered"])
@pytest.mark.parametrize("length", [513, 2559, 2560, 2561, 22050])
def test_frames_are_as_many_as_the_definition_says(padding: str, length: int) -> None:
    config = MelConfig(padding=padding)  # type: ignore[arg-type]
    mel = log_mel(np.zeros(length, dtype=np.float32), config)
    assert mel.shape == (80, config.num_frames(length)) == (80, length // 256 + (padding == "centered"))


def test_silence_is_the_logarithm_of_the_floor() -> None:
    mel = log_mel(np.zeros(5120, dtype=np.float32), MelConfig())
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, np.log(1e-5), rtol=1e-6)


def test_paddings_differ_by_half_a_hop_of_sound() -> None:
    signal = np.random.default_rng(2).normal(0, 0.1, 8192).astype(np.float32)
    same = log_mel(signal, MelConfig())
    centered = log_mel(signal[128:], MelConfig(padding="centered"))
    np.testing.assert_allclose(same[:, 4:-4], centered[:, 4 : same.shape[1] - 4], atol=1e-3)


def test_twice_the_amplitude_adds_the_logarithm_of_two() -> None:
    signal = np.random.default_rng(3).normal(0, 0.1, 8192).astype(np.float32)
    np.testing.assert_allclose(log_mel(2 * signal, MelConfig()) - log_mel(signal, MelConfig()), np.log(2), atol=1e-3)
