"""The short-time Fourier transform in numpy, with the padding and the window of a MelConfig."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sonorant.config import MelConfig

_SMALLEST_ENVELOPE = 1e-8


def window(config: MelConfig) -> NDArray[np.float32]:
    """Return the periodic Hann window, centred in `n_fft` samples.

    Shape:
        -> (n_fft,)
    """
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.win_length) / config.win_length)
    left = (config.n_fft - config.win_length) // 2
    padded = np.zeros(config.n_fft, dtype=np.float32)
    padded[left : left + config.win_length] = hann
    return padded


def reflection(config: MelConfig) -> int:
    """Return how many samples are reflected at each end of a signal."""
    return config.n_fft // 2 if config.padding == "centered" else (config.n_fft - config.hop_length) // 2


def check_length(num_samples: int, config: MelConfig) -> None:
    """Refuse a signal that is too short to be reflected, or to give one frame.

    Raises:
        ValueError: The signal is too short.
    """
    needed = max(reflection(config) + 1, config.hop_length)
    if num_samples < needed:
        raise ValueError(f"a signal of {num_samples} samples is too short for this spectrogram: it needs {needed}")


def stft(samples: NDArray[np.floating[Any]], config: MelConfig) -> NDArray[np.complex64]:
    """Transform windowed stretches of a signal, one every `hop_length` samples.

    Shape:
        samples: (..., N) -> (..., n_fft // 2 + 1, T) with T = config.num_frames(N)

    Raises:
        ValueError: The signal is too short to be reflected.
    """
    check_length(samples.shape[-1], config)
    margin = [(0, 0)] * (samples.ndim - 1) + [(reflection(config),) * 2]
    padded = np.pad(samples.astype(np.float32, copy=False), margin, mode="reflect")
    frames = sliding_window_view(padded, config.n_fft, axis=-1)[..., :: config.hop_length, :]
    spectrum = np.fft.rfft(frames * window(config), axis=-1)
    return np.swapaxes(spectrum, -1, -2).astype(np.complex64, copy=False)


def istft(spectrum: NDArray[np.complexfloating[Any, Any]], config: MelConfig) -> NDArray[np.float32]:
    """Return the signal whose transform is nearest to `spectrum` (Griffin and Lim 1984, equation 6).

    It inverts `stft` exactly where the windows overlap. What lies past the last whole hop of the signal is not in its
    spectrum and does not come back.

    Shape:
        spectrum: (..., n_fft // 2 + 1, T) -> (..., N) with N = T * hop_length ("same") or (T - 1) * hop_length
    """
    shape = window(config)
    frames = np.fft.irfft(np.swapaxes(spectrum, -1, -2), n=config.n_fft, axis=-1).astype(np.float32, copy=False) * shape
    envelope = _overlap_add(np.broadcast_to(shape**2, frames.shape[-2:]), config.hop_length)
    signal = _overlap_add(frames, config.hop_length) / np.maximum(envelope, _SMALLEST_ENVELOPE)
    margin = reflection(config)
    length = (frames.shape[-2] - 1) * config.hop_length + config.n_fft - 2 * margin
    return signal[..., margin : margin + length].astype(np.float32, copy=False)


def _overlap_add(frames: NDArray[np.float32], hop_length: int) -> NDArray[np.float32]:
    """Sum frames that start `hop_length` apart: whole hops of all frames at once.

    Shape:
        frames: (..., T, n_fft) -> (..., (T + ceil(n_fft / hop_length) - 1) * hop_length)
    """
    num_frames, length = frames.shape[-2:]
    hops = -(-length // hop_length)
    margin = [(0, 0)] * (frames.ndim - 1) + [(0, hops * hop_length - length)]
    blocks = np.pad(frames, margin).reshape(*frames.shape[:-1], hops, hop_length)
    total = np.zeros((*frames.shape[:-2], num_frames + hops - 1, hop_length), dtype=np.float32)
    for index in range(hops):
        total[..., index : index + num_frames, :] += blocks[..., index, :]
    return total.reshape(*frames.shape[:-2], -1)
