"""Changing the sample rate, by soxr in its best quality."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_QUALITY = "VHQ"


def resample(samples: NDArray[np.float32], from_rate: int, to_rate: int) -> NDArray[np.float32]:
    """Return the samples at another rate.

    Shape:
        samples: (N,) -> (about N * to_rate / from_rate,)

    Example:
        >>> resample(np.zeros(22050, dtype=np.float32), 22050, 24000).shape
        (24000,)
    """
    if from_rate == to_rate:
        return samples
    import soxr

    resampled: NDArray[np.float32] = soxr.resample(samples, from_rate, to_rate, quality=_QUALITY)
    return resampled


def resample_stream(from_rate: int, to_rate: int) -> Any:
    """Return a soxr.ResampleStream: the same filter for chunks that come one by one."""
    import soxr

    return soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality=_QUALITY)
