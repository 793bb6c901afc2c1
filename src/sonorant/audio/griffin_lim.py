"""A waveform from a mel spectrogram without a trained vocoder."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.mel import mel_filterbank
from sonorant.audio.stft import istft, reflection, stft
from sonorant.config import MelConfig

_MOMENTUM = 0.99
_UNMIXING_UPDATES = 30
_TINY = np.float32(1e-10)


def griffin_lim(
    mel: NDArray[np.floating[Any]], config: MelConfig, iterations: int = 32, seed: int = 0
) -> NDArray[np.float32]:
    """Find phases that fit the magnitudes (Griffin and Lim 1984), accelerated (Perraudin et al. 2013, algorithm 2).

    Args:
        mel: (n_mels, T) log-mel.
        config: The definition that the mel was made with.
        iterations: More sound better, slowly.
        seed: Of the first phases; the same seed gives the same samples.

    Returns:
        (N,) with N = T * hop_length ("same") or (T - 1) * hop_length ("centered").
    """
    num_frames = mel.shape[1]
    magnitude = linear_magnitude(_long_enough(mel, config), config)
    turns = np.random.default_rng(seed).random(magnitude.shape, dtype=np.float32)
    phase: NDArray[np.complex64] = np.exp(2j * np.pi * turns).astype(np.complex64)
    previous = np.zeros_like(phase)
    for _ in range(iterations):
        consistent = stft(istft(magnitude * phase, config), config)
        ahead = consistent + np.float32(_MOMENTUM) * (consistent - previous)
        phase = (ahead / np.maximum(np.abs(ahead), _TINY)).astype(np.complex64, copy=False)
        previous = consistent
    surplus = magnitude.shape[1] - num_frames
    samples = istft(magnitude * phase, config)
    return samples[: len(samples) - surplus * config.hop_length]


def linear_magnitude(mel: NDArray[np.floating[Any]], config: MelConfig) -> NDArray[np.float32]:
    """Spread mel magnitudes over the bins of the STFT, none of them negative.

    It starts from the filters' transpose and applies multiplicative updates that lower the Kullback-Leibler divergence
    between the given mel and the mel of the result (Lee and Seung 2001, equation 5). The divergence weighs errors
    relative to the level, as ears and log-mels do. Bins that no filter covers stay 0.

    Shape:
        mel: (n_mels, T) log-mel -> (n_fft // 2 + 1, T)
    """
    filters = mel_filterbank(config)
    target = np.exp(mel).astype(np.float32)
    weight = np.maximum(filters.sum(axis=0), _TINY)[:, None]
    magnitude: NDArray[np.float32] = filters.T @ target / weight
    for _ in range(_UNMIXING_UPDATES):
        magnitude *= filters.T @ (target / np.maximum(filters @ magnitude, _TINY)) / weight
    return magnitude


def _long_enough(mel: NDArray[np.floating[Any]], config: MelConfig) -> NDArray[np.floating[Any]]:
    """Append silent frames to a mel that is too short for the reflection at the signal's ends."""
    needed = reflection(config) // config.hop_length + 1 + (config.padding == "centered")
    missing = max(0, needed - mel.shape[1])
    return np.pad(mel, ((0, 0), (0, missing)), constant_values=np.log(config.floor))
