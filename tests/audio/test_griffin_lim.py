"""Griffin-Lim gives back the mel it was given, whatever the padding and however short."""

from pathlib import Path

import numpy as np
import pytest

from sonorant.audio.files import read_audio
from sonorant.audio.griffin_lim import griffin_lim, linear_magnitude
from sonorant.audio.mel import log_mel, mel_filterbank
from sonorant.config import MelConfig


@pytest.fixture(scope="module")
def glide() -> np.ndarray:
    """A voice-like sound of one second over a little noise."""
    phase = 2 * np.pi * np.cumsum(np.geomspace(120, 240, 22016)) / 22050
    harmonics = np.sum([0.2 / k * np.sin(k * phase) for k in range(1, 20)], axis=0)
    noise = np.random.default_rng(0).normal(0, 0.003, len(phase))
    return (harmonics * np.hanning(len(phase)) + noise).astype(np.float32)


def _error(mel: np.ndarray, samples: np.ndarray, config: MelConfig) -> float:
    return float(np.abs(log_mel(samples, config) - mel).mean())


@pytest.mark.parametrize("padding", ["same", "centered"])
def test_the_mel_comes_back(glide: np.ndarray, padding: str) -> None:
    config = MelConfig(padding=padding)  # type: ignore[arg-type]
    mel = log_mel(glide, config)
    samples = griffin_lim(mel, config)
    assert samples.shape == (22016,) and samples.dtype == np.float32
    assert _error(mel, samples, config) < 0.118  # without the acceleration it is 0.124 and 0.130


def test_the_mel_of_real_speech_comes_back(shared: Path) -> None:
    recording = read_audio(shared / "data/LJSpeech-1.1/wavs/LJ001-0002.flac")
    mel = log_mel(recording.samples, MelConfig())
    assert _error(mel, griffin_lim(mel, MelConfig()), MelConfig()) < 0.11


def test_more_iterations_come_nearer(glide: np.ndarray) -> None:
    mel = log_mel(glide, MelConfig())
    errors = [_error(mel, griffin_lim(mel, MelConfig(), iterations), MelConfig()) for iterations in (0, 8, 32)]
    assert errors[0] > 1.2 * errors[1] > 1.2 * errors[2] * 1.05


def test_the_seed_decides_the_samples(glide: np.ndarray) -> None:
    mel = log_mel(glide[:5120], MelConfig())
    first = griffin_lim(mel, MelConfig(), 4, seed=1)
    np.testing.assert_array_equal(first, griffin_lim(mel, MelConfig(), 4, seed=1))
    assert not np.array_equal(first, griffin_lim(mel, MelConfig(), 4, seed=2))


@pytest.mark.parametrize("num_frames", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("padding", ["same", "centered"])
def test_any_number_of_frames_gives_its_samples(num_frames: int, padding: str) -> None:
    config = MelConfig(padding=padding)  # type: ignore[arg-type]
    mel = np.full((80, num_frames), -2.0, dtype=np.float32)
    frames = num_frames if padding == "same" else num_frames - 1
    samples = griffin_lim(mel, config, 2)
    assert samples.shape == (frames * 256,) and np.isfinite(samples).all()


def test_the_linear_magnitude_has_the_mel_asked_for(glide: np.ndarray) -> None:
    mel = log_mel(glide, MelConfig())
    magnitude = linear_magnitude(mel, MelConfig())
    assert magnitude.min() >= 0
    assert not magnitude[mel_filterbank(MelConfig()).sum(axis=0) == 0].any()
    assert np.abs(np.log(mel_filterbank(MelConfig()) @ magnitude) - mel).mean() < 1e-3


def test_silence_becomes_silence() -> None:
    mel = np.full((80, 20), np.log(1e-5), dtype=np.float32)
    assert np.abs(griffin_lim(mel, MelConfig(), 4)).max() < 1e-3
