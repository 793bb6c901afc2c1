"""The mel spectrogram in numpy; `sonorant.audio.mel_torch` is its twin.

Both take the filters from here and are tested to agree, so what a model was trained on is what it is fed in use.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.stft import stft
from sonorant.config import MelConfig

# Slaney's Auditory Toolbox (1998): 200/3 Hz per mel up to 1 kHz, above it 27 mels for each factor of 6.4.
_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(frequencies: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    """Return the mel value of each frequency on the "slaney" or the "htk" scale.

    Example:
        >>> hz_to_mel(np.array([0.0, 500.0, 1000.0, 6400.0]), "slaney").round(3).tolist()
        [0.0, 7.5, 15.0, 42.0]
        >>> hz_to_mel(np.array([0.0, 1000.0]), "htk").round(1).tolist()
        [0.0, 1000.0]
    """
    if scale == "htk":
        return 2595 * np.log10(1 + frequencies / 700)
    logarithmic = _BREAK_MEL + np.log(np.maximum(frequencies, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(frequencies < _BREAK_HZ, frequencies / _LINEAR_HZ_PER_MEL, logarithmic)


def mel_to_hz(mels: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    """Return the frequency of each mel value; the inverse of `hz_to_mel`.

    Example:
        >>> mel_to_hz(np.array([7.5, 42.0]), "slaney").round(3).tolist()
        [500.0, 6400.0]
    """
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    return np.where(mels < _BREAK_MEL, mels * _LINEAR_HZ_PER_MEL, _BREAK_HZ * np.exp((mels - _BREAK_MEL) * _LOG_STEP))


def mel_filterbank(config: MelConfig) -> NDArray[np.float32]:
    """Return triangular filters whose corners lie evenly on the mel scale.

    Each filter rises from its lower neighbour's centre and falls to its upper neighbour's. With norm "slaney" each has
    the area 1 Hz, with "none" the height 1.

    Shape:
        -> (n_mels, n_fft // 2 + 1)
    """
    ends = hz_to_mel(np.array([config.f_min, config.top_frequency]), config.scale)
    corners = mel_to_hz(np.linspace(ends[0], ends[1], config.n_mels + 2), config.scale)[:, None]
    lower, centre, upper = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(config.n_fft // 2 + 1) * config.sample_rate / config.n_fft
    filters = np.maximum(0, np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre)))
    if config.norm == "slaney":
        filters *= 2 / (upper - lower)
    return filters.astype(np.float32)


def log_mel(samples: NDArray[np.floating[Any]], config: MelConfig) -> NDArray[np.float32]:
    """Return the natural logarithm of the mel magnitudes.

    Shape:
        samples: (..., N) in [-1, 1] -> (..., n_mels, T) with T = config.num_frames(N)

    Raises:
        ValueError: The signal is too short: shorter than one hop, or not longer than the stretch that is reflected at
            its ends. A clip that short is no speech, and inventing samples for it would hide a broken recording.
    """
    spectrum = stft(samples, config)
    magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2 + np.float32(config.power_epsilon))
    mel: NDArray[np.float32] = np.log(np.maximum(mel_filterbank(config) @ magnitude, np.float32(config.floor)))
    return mel
