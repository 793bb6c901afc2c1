"""Length regulation in numpy: from one row per symbol to one row per mel frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGEST_LOG = np.float32(80.0)
"""Any limit is reached long before, and its exponential is still a float32."""


def durations_from_log(log_durations: NDArray[np.float32], speed: float, max_duration_frames: int) -> NDArray[np.int64]:
    """Turn predicted log durations into whole frames; a half rounds up.

    The acoustic model learns log(1 + frames) (FastPitch 1.1). `sonorant.models.lengths` holds the same rule in torch.

    Shape:
        log_durations: (S,) -> (S,)

    Example:
        >>> durations_from_log(np.log1p(np.array([0.4, 2.5, 90.0], dtype=np.float32)), 1.0, 75).tolist()
        [0, 3, 75]
    """
    frames = np.expm1(np.minimum(log_durations, _LARGEST_LOG)) / np.float32(speed)
    rounded: NDArray[np.int64] = np.clip(np.floor(frames + np.float32(0.5)), 0, max_duration_frames).astype(np.int64)
    return rounded


def repeat_by_duration(encodings: NDArray[Any], durations: NDArray[np.int64]) -> NDArray[Any]:
    """Repeat each symbol's encoding for as many frames as its duration.

    Shape:
        encodings: (S, C), durations: (S,) -> (T, C) with T = durations.sum()

    Example:
        >>> repeat_by_duration(np.array([[1.0], [2.0], [3.0]]), np.array([2, 0, 1])).ravel().tolist()
        [1.0, 1.0, 3.0]
    """
    return np.repeat(encodings, durations, axis=0)


def change_speed(
    mel: NDArray[np.float32], durations: NDArray[np.int64], speed: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Stretch or squeeze a mel in time, interpolating linearly between frames; at least one frame is left.

    Shape:
        mel: (M, T), durations: (S,), with the sum T -> (M, T'), (S,), with the sum T' = round(T / speed)

    Example:
        >>> mel, durations = change_speed(np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([1, 3]), speed=2.0)
        >>> mel.tolist(), durations.tolist()
        ([[0.5, 2.5]], [1, 1])
    """
    num_frames = mel.shape[1]
    target = max(1, round(num_frames / speed))
    if target == num_frames:
        return mel, durations
    centres = np.clip((np.arange(target) + 0.5) * (num_frames / target) - 0.5, 0.0, num_frames - 1.0)
    before = centres.astype(np.int64)
    after = np.minimum(before + 1, num_frames - 1)
    share = (centres - before).astype(np.float32)
    ends = np.floor(np.cumsum(durations) * (target / num_frames) + 0.5).astype(np.int64)
    return mel[:, before] * (1 - share) + mel[:, after] * share, np.diff(ends, prepend=0)
