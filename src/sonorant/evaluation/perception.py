"""Models of hearing that compare a copy with its recording, sample by sample: PESQ and STOI."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import Audio, resample

PESQ_RATE = 16000


def pesq_wide_band(reference: Audio, copy: Audio) -> float | None:
    """Return the wide-band PESQ score of a copy, about 1 to 4.64 (ITU-T P.862.2).

    Returns:
        None where PESQ finds no speech.
    """
    import pesq

    wanted, found = (resample(sound.samples, sound.sample_rate, PESQ_RATE) for sound in (reference, copy))
    if not (wanted.any() and found.any()):
        return None
    try:
        return float(pesq.pesq(PESQ_RATE, wanted, found, "wb"))
    except pesq.NoUtterancesError:
        return None


def stoi(reference: Audio, copy: Audio) -> float | None:
    """Return the short-time objective intelligibility of a copy, 0 to 1 (Taal et al. 2011).

    Returns:
        None where less than 0.4 s remain once silent frames are left out.
    """
    import pystoi

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            wanted, found = _float64(reference.samples), _float64(copy.samples)
            return float(pystoi.stoi(wanted, found, reference.sample_rate))
        except RuntimeWarning:
            return None


def _float64(samples: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return samples.astype(np.float64)
