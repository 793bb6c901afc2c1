"""Melody and timing against a recording of the same words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CENTS_PER_OCTAVE = 1200


@dataclass(frozen=True)
class PitchError:
    """How two melodies differ over frames that belong together.

    Attributes:
        rmse_cents: Root mean square over frames where both are voiced; None if there is no such frame.
        num_misvoiced: Frames where only one of the two is voiced.
        num_frames: All frames.
    """

    rmse_cents: float | None
    num_misvoiced: int
    num_frames: int


def pitch_error(reference_hz: NDArray[np.floating], spoken_hz: NDArray[np.floating]) -> PitchError:
    """Compare two melodies frame by frame; 0 Hz is unvoiced.

    Shape:
        reference_hz, spoken_hz: (T,)

    Example:
        >>> pitch_error(np.array([200.0, 200.0, 0.0]), np.array([100.0, 200.0, 150.0]))
        PitchError(rmse_cents=848.52..., num_misvoiced=1, num_frames=3)
    """
    both = (reference_hz > 0) & (spoken_hz > 0)
    cents = CENTS_PER_OCTAVE * np.log2(spoken_hz[both].astype(np.float64) / reference_hz[both])
    return PitchError(
        rmse_cents=float(np.sqrt(np.mean(cents**2))) if both.any() else None,
        num_misvoiced=int(np.count_nonzero((reference_hz > 0) != (spoken_hz > 0))),
        num_frames=len(reference_hz),
    )
