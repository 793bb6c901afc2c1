"""Sound never travels as a bare array: its sample rate goes with it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Audio:
    """A mono recording or utterance.

    Attributes:
        samples: (N,) in [-1, 1].
        sample_rate: Samples per second.

    Example:
        >>> Audio(np.zeros(11025, dtype=np.float32), 22050).duration_s
        0.5
    """

    samples: NDArray[np.float32]
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return len(self.samples) / self.sample_rate


def pcm16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round samples to 16 bits, out-of-range ones to the nearest end.

    The scale is the one that readers divide by, so a 16-bit file that is read and written stays what it was.

    Shape:
        samples: (N,) -> (N,)

    Example:
        >>> pcm16(np.array([-1.0, 0.5, 1.0], dtype=np.float32)).tolist()
        [-32768, 16384, 32767]
    """
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
