"""DNSMOS P.835: a network's guess of what listeners would say, without a reference (Reddy, Gopal and Cutler 2022)."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import resample
from sonorant.errors import RequestError

RATE = 16000
WINDOW_SAMPLES = 144160  # 9.01 s: the network's input

_CURVES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
"""From the network's output to the scale of listeners: the authors' quadratics for SIG, BAK and OVRL."""


class Ratings(NamedTuple):
    """Mean opinion scores, 1 (bad) to 5 (excellent): of the speech, of the background, of all together."""

    sig: float
    bak: float
    ovrl: float


class Dnsmos:
    """Rates sounds with `sig_bak_ovr.onnx` of the DNS Challenge.

    Raises:
        RequestError: The file is no such model.
    """

    def __init__(self, model: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])
            (self._input,) = (node.name for node in self._session.get_inputs())
            self._rate(np.zeros((1, WINDOW_SAMPLES), dtype=np.float32))
        except Exception as error:  # the errors of ONNX Runtime share no base class of their own
            reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
            raise RequestError(f"{model}: not DNSMOS' sig_bak_ovr.onnx ({reason}); get it from DNS-Challenge") from None

    def rate(self, samples: NDArray[np.float32], sample_rate: int) -> Ratings:
        """Return the mean ratings of all windows of 9.01 s, one a second.

        A shorter sound is doubled until it is long enough, as its authors do.

        Shape:
            samples: (N,) with N > 0
        """
        windows = cut_windows(resample(samples, sample_rate, RATE))
        rated = np.concatenate([self._rate(window[None]) for window in windows])
        return Ratings(*map(float, to_opinion_scale(rated).mean(axis=0)))

    def _rate(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        rated: NDArray[np.float32] = self._session.run(None, {self._input: windows})[0]
        if rated.shape != (len(windows), len(_CURVES)):
            raise ValueError(f"its output is {rated.shape}, not (batch, {len(_CURVES)})")
        return rated


def cut_windows(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the stretches of 9.01 s that begin at whole seconds; a shorter sound is doubled first.

    Shape:
        samples: (N,) at 16 kHz -> each (144160,)

    Raises:
        ValueError: There are no samples.

    Example:
        >>> [len(cut_windows(np.zeros(seconds * 16000, dtype=np.float32))) for seconds in (5, 9, 12)]
        [1, 9, 3]
    """
    if not len(samples):
        raise ValueError("a sound without samples cannot be rated")
    while len(samples) < WINDOW_SAMPLES:
        samples = np.concatenate([samples, samples])
    starts = range(0, len(samples) - WINDOW_SAMPLES + 1, RATE)
    return [samples[start : start + WINDOW_SAMPLES].astype(np.float32, copy=False) for start in starts]


def to_opinion_scale(rated: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return what the authors' quadratics make of the network's output.

    Shape:
        rated: (..., 3) -> (..., 3)

    Example:
        >>> to_opinion_scale(np.array([4.0, 4.0, 4.0])).round(3).tolist()
        [3.545, 3.934, 3.425]
    """
    return np.stack([np.polyval(curve, rated[..., index]) for index, curve in enumerate(_CURVES)], axis=-1)
