"""Distances between spectra: of an utterance and a recording of the same words, or of a recording and its copy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import stft
from sonorant.config import MelConfig

NUM_CEPSTRA = 13
_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""(n_fft, hop_length, win_length) of Yamamoto et al. 2020, table 1."""

_SMALLEST_MAGNITUDE = 1e-3
"""About what the rounding to 16 bits leaves in a bin of a 1024-point transform: below it there is only silence."""

_SMALLEST_ENERGY = 1e-7


def mel_cepstra(log_mel: NDArray[np.floating[Any]], count: int = NUM_CEPSTRA) -> NDArray[np.float64]:
    """Return the cepstral coefficients 1 to `count` of each frame: a discrete cosine transform of the log-mel bins.

    Coefficient 0, the frame's level, is left out. The scale is that of
    log mel[k] = c0 + the sum over m of c_m cos(pi m (k + 1/2) / M).

    Shape:
        log_mel: (M, T) -> (count, T)
    """
    num_bins = log_mel.shape[0]
    orders, bins = np.arange(1, count + 1)[:, None], np.arange(num_bins) + 0.5
    transform = 2 / num_bins * np.cos(np.pi / num_bins * orders * bins)
    cepstra: NDArray[np.float64] = transform @ log_mel.astype(np.float64)
    return cepstra


def cepstral_distances_db(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mel-cepstral distance of each frame of one utterance to each of another (Kubichek 1993, equation 3).

    10 / ln 10 * sqrt(2 * sum of squared differences): the root mean square difference in dB of the two smoothed
    spectra over the mel axis, levels apart.

    Shape:
        first: (C, T), second: (C, U) -> (T, U)

    Example:
        >>> one = np.zeros((13, 1)); other = one.copy(); other[4] = 1.0
        >>> cepstral_distances_db(one, other).round(3).tolist()
        [[6.142]]
    """
    squares = (first**2).sum(axis=0)[:, None] + (second**2).sum(axis=0) - 2 * first.T @ second
    distances: NDArray[np.float64] = 10 / np.log(10) * np.sqrt(2 * np.maximum(squares, 0.0))
    return distances


def log_spectra_db(samples: NDArray[np.floating[Any]], config: MelConfig) -> NDArray[np.float32]:
    """Return the magnitudes of an STFT in dB, nothing below what 16 bits can hold.

    Shape:
        samples: (N,) -> (n_fft // 2 + 1, T)
    """
    magnitudes = np.maximum(np.abs(stft(samples, config)), _SMALLEST_MAGNITUDE)
    decibels: NDArray[np.float32] = (20 * np.log10(magnitudes)).astype(np.float32)
    return decibels


def log_spectral_distance_db(first_db: NDArray[np.float32], second_db: NDArray[np.float32]) -> float:
    """Return the log-spectral distance of frames that belong together (Gray and Markel 1976).

    The root mean square over frequency, averaged over frames.

    Shape:
        first_db, second_db: (F, T)
    """
    return float(np.sqrt(np.square(first_db - second_db).mean(axis=0)).mean())


def multi_resolution_stft_distance(
    reference: NDArray[np.floating[Any]], copy: NDArray[np.floating[Any]], sample_rate: int
) -> float:
    """Return the spectral convergence and the log magnitude distance, summed and averaged over three resolutions.

    Yamamoto et al. 2020 (Parallel WaveGAN), equations 3 to 6.

    Shape:
        reference, copy: (N,)
    """
    distances = []
    for n_fft, hop_length, win_length in _RESOLUTIONS:
        config = MelConfig(
            sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length, win_length=win_length,
            f_max=None, padding="centered",
        )  # fmt: skip
        wanted, found = (_magnitudes(samples, config) for samples in (reference, copy))
        convergence = np.linalg.norm(wanted - found) / np.linalg.norm(wanted)
        distances.append(convergence + np.abs(np.log(wanted) - np.log(found)).mean())
    return float(np.mean(distances))


def _magnitudes(samples: NDArray[np.floating[Any]], config: MelConfig) -> NDArray[np.float64]:
    spectrum = stft(samples, config)
    return np.sqrt(np.maximum(spectrum.real.astype(np.float64) ** 2 + spectrum.imag**2, _SMALLEST_ENERGY))


def log_mel_error(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the mean absolute difference of two log-mel spectrograms, in nepers.

    Shape:
        first, second: (M, T)
    """
    return float(np.abs(first - second).mean())
