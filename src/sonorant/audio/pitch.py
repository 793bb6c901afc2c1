"""The fundamental frequency of speech, by swift-f0 (an ONNX network; it needs no torch)."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.config import MelConfig

_VOICED = 0.5  # swift-f0's own calibration of its confidence


def estimate_pitch(
    samples: NDArray[np.float32], config: MelConfig, num_frames: int, floor_hz: float, ceiling_hz: float
) -> NDArray[np.float32]:
    """Return the pitch at the centre of each mel frame.

    The network looks at 62.5 frames a second. Between two voiced ones the logarithm of the pitch is interpolated; a mel
    frame is voiced when the nearest of the network's frames is.

    Args:
        samples: (N,) in [-1, 1] at the mel's sample rate.
        config: Says where the frames lie.
        num_frames: How many mel frames there are.
        floor_hz: Lowest pitch of the voice.
        ceiling_hz: Highest pitch of the voice.

    Returns:
        (num_frames,) in Hz, 0 where there is no voice.
    """
    result = _detector().detect(samples, config.sample_rate, fmin=floor_hz, fmax=ceiling_hz)
    return pitch_at(frame_centres_s(config, num_frames), result.timestamps, result.pitch_hz, result.confidence)


def frame_centres_s(config: MelConfig, num_frames: int) -> NDArray[np.float64]:
    """Return the time of each mel frame's centre.

    Example:
        >>> config = MelConfig(sample_rate=16000, hop_length=160, n_fft=1024, padding="same")
        >>> frame_centres_s(config, 3).tolist()
        [0.005, 0.015, 0.025]
        >>> frame_centres_s(config.model_copy(update={"padding": "centered"}), 3).tolist()
        [0.0, 0.01, 0.02]
    """
    shift = 0.5 if config.padding == "same" else 0.0
    return (np.arange(num_frames) + shift) * config.hop_length / config.sample_rate


def pitch_at(
    times_s: NDArray[np.float64],
    known_s: NDArray[np.float64],
    known_hz: NDArray[np.float64],
    confidence: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Interpolate known pitches in the log domain, within voiced runs only.

    A time whose nearest known frame is voiced but whose other neighbour is not takes the voiced one's pitch.

    Shape:
        times_s: (T,), known_*: (K,), confidence: (K,) -> (T,)
    """
    voiced = confidence >= _VOICED
    right = np.clip(np.searchsorted(known_s, times_s), 1, max(len(known_s) - 1, 1))
    right = np.minimum(right, len(known_s) - 1)
    left = np.maximum(right - 1, 0)
    gap = np.where(right > left, known_s[right] - known_s[left], 1.0)
    share = np.clip((times_s - known_s[left]) / gap, 0.0, 1.0)
    nearest = np.where(share > 0.5, right, left)
    share = np.where(voiced[left] & voiced[right], share, (nearest == right).astype(np.float64))
    log_hz = np.log(np.where(voiced, known_hz, 1.0))
    pitch = np.exp((1 - share) * log_hz[left] + share * log_hz[right])
    return np.where(voiced[nearest], pitch, 0.0).astype(np.float32)


@cache
def _detector() -> Any:
    """Return one detector per process: it takes 20 ms to load. One thread, as utterances are prepared in parallel."""
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1)
