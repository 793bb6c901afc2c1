"""The transform against the sum that defines it, and its inverse against itself."""

import numpy as np
import pytest

from sonorant.audio.stft import istft, reflection, stft, window
from sonorant.config import MelConfig

CONFIGS = [
    MelConfig(),
    MelConfig(padding="centered"),
    MelConfig(n_fft=512, win_length=400, hop_length=160, sample_rate=16000, f_max=None),
    MelConfig(n_fft=512, win_length=400, hop_length=150, padding="centered"),
]


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, 5000).astype(np.float32)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_bin_is_the_sum_that_defines_it(noise: np.ndarray, config: MelConfig) -> None:
    margin = reflection(config)
    padded = np.concatenate([noise[margin:0:-1], noise, noise[-2 : -margin - 2 : -1]]).astype(np.float64)
    spectrum = stft(noise, config)
    for frame, frequency in ((0, 3), (7, 40), (spectrum.shape[1] - 1, config.n_fft // 2)):
        stretch = padded[frame * config.hop_length : frame * config.hop_length + config.n_fft] * window(config)
        turns = np.exp(-2j * np.pi * frequency * np.arange(config.n_fft) / config.n_fft)
        assert spectrum[frequency, frame] == pytest.approx((stretch * turns).sum(), abs=1e-4)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("length", [2048, 2049, 4999])
def test_the_inverse_gives_back_every_whole_hop(noise: np.ndarray, config: MelConfig, length: int) -> None:
    signal = noise[:length]
    back = istft(stft(signal, config), config)
    whole = length // config.hop_length * config.hop_length
    assert back.shape == (whole,)
    np.testing.assert_allclose(back, signal[:whole], atol=1e-6)


def test_the_window_is_the_periodic_hann_window_in_the_middle() -> None:
    shape = window(MelConfig(n_fft=16, win_length=16, hop_length=4, n_mels=1))
    assert shape[0] == 0 and shape[8] == 1
    np.testing.assert_allclose(shape[1:], shape[:0:-1], atol=1e-7)
    narrow = window(MelConfig(n_fft=32, win_length=16, hop_length=4, n_mels=1))
    np.testing.assert_array_equal(narrow[8:24], shape)
    assert not narrow[:8].any() and not narrow[24:].any()


def test_a_row_of_a_batch_equals_the_row_alone(noise: np.ndarray) -> None:
    batch = noise.reshape(2, 2500)
    spectrum = stft(batch, MelConfig())
    np.testing.assert_array_equal(spectrum[1], stft(batch[1], MelConfig()))
    np.testing.assert_array_equal(istft(spectrum, MelConfig())[1], istft(spectrum[1], MelConfig()))


@pytest.mark.parametrize(("padding", "shortest"), [("same", 385), ("centered", 513)])
def test_a_signal_too_short_to_reflect_is_refused(padding: str, shortest: int) -> None:
    config = MelConfig(padding=padding)  # type: ignore[arg-type]
    assert stft(np.ones(shortest, dtype=np.float32), config).shape[1] == config.num_frames(shortest)
    with pytest.raises(ValueError, match=f"{shortest - 1} samples is too short .* needs {shortest}"):
        stft(np.ones(shortest - 1, dtype=np.float32), config)
