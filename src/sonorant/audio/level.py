"""Loudness and silence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_S, _BLOCK_STEP_S = 0.4, 0.1  # BS.1770-4: blocks of 400 ms that overlap by 75 %
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
# BS.1770-4, annex 1, tables 1 and 2: (b0, b1, b2), (a0, a1, a2) of the head's effect and of a high pass, for 48 kHz.
_SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)
_HIGH_PASS = (1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)
_TABLE_RATE = 48000
_PEAK_LIMIT = 0.95
_SETTLING_S = 0.5
_KNEE = 0.9
_FRAME_S, _FRAME_STEP_S = 0.020, 0.005


def loudness_lufs(samples: NDArray[np.floating[Any]], sample_rate: int) -> float:
    """Return the integrated loudness of a mono signal (ITU-R BS.1770-4, annex 1).

    A signal shorter than one block of 0.4 s is measured as one block. Silence, and whatever lies below the absolute
    gate of -70 LUFS, is minus infinity.

    Shape:
        samples: (N,) in [-1, 1]

    Example:
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
        >>> round(loudness_lufs(tone, 48000), 2)
        -3.01
    """
    power = _block_power(_k_weighted(samples, sample_rate), sample_rate)
    loud = power[_lufs(power) > _ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return -np.inf
    return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE_LU].mean()))


def to_loudness(samples: NDArray[np.float32], sample_rate: int, target_lufs: float) -> NDArray[np.float32]:
    """Scale a signal to a loudness, or as near as its peaks allow: they stay at or below 0.95.

    Silence stays as it is.

    Shape:
        samples: (N,) -> (N,)
    """
    loudness = loudness_lufs(samples, sample_rate)
    if not np.isfinite(loudness):
        return samples
    gain = min(10 ** ((target_lufs - loudness) / 20), _PEAK_LIMIT / float(np.abs(samples).max()))
    return samples * np.float32(gain)


def limit_peaks(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bend what is louder than 0.9 of full scale so that it stays within, smoothly; what is quieter stays as it is.

    Each sample is bent alone, so a sound in chunks becomes what it becomes at once.

    Shape:
        samples: (N,) -> (N,) in [-1, 1]

    Example:
        >>> limit_peaks(np.array([0.5, -0.95, 1.0, 3.0], dtype=np.float32)).round(3).tolist()
        [0.5, -0.9459999799728394, 0.9760000109672546, 1.0]
    """
    room = np.float32(1 - _KNEE)
    bent = np.copysign(_KNEE + room * np.tanh((np.abs(samples) - np.float32(_KNEE)) / room), samples)
    limited: NDArray[np.float32] = np.where(np.abs(samples) > _KNEE, bent, samples).astype(np.float32)
    return limited


def trim_silence(
    samples: NDArray[np.floating[Any]], sample_rate: int, threshold_db: float, margin_ms: float
) -> tuple[int, int]:
    """Find where the sound begins and ends.

    Args:
        samples: (N,).
        sample_rate: Samples per second.
        threshold_db: Frames of 20 ms whose power lies this far below the loudest one's are silence.
        margin_ms: Silence that is kept at each end.

    Returns:
        The first sample to keep and the one after the last; (0, 0) when there is no sound at all.
    """
    step, length = round(_FRAME_STEP_S * sample_rate), round(_FRAME_S * sample_rate)
    power = _moving_power(samples, length, step)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-threshold_db / 10))
    if not loud.size:
        return 0, 0
    margin = round(margin_ms / 1000 * sample_rate)
    return max(0, int(loud[0]) * step - margin), min(len(samples), int(loud[-1]) * step + length + margin)


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the loudness of mean squares of K-weighted samples (BS.1770-4, equation 2), -inf for 0."""
    with np.errstate(divide="ignore"):
        return -0.691 + 10 * np.log10(power)


def _block_power(weighted: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    length = min(round(_BLOCK_S * sample_rate), len(weighted))
    return _moving_power(weighted, length, round(_BLOCK_STEP_S * sample_rate), whole=True)


def _moving_power(
    samples: NDArray[np.floating[Any]], length: int, step: int, whole: bool = False
) -> NDArray[np.float64]:
    """Return the mean square of a frame every `step` samples, by differences of the running sum of squares.

    Shape:
        samples: (N,) -> (num_frames,); the last frames reach past the end unless they must be `whole`
    """
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, len(samples) - length + 1 if whole else len(samples), step)
    ends = np.minimum(starts + length, len(samples))
    power: NDArray[np.float64] = (total[ends] - total[starts]) / max(length, 1)
    return power


def _k_weighted(samples: NDArray[np.floating[Any]], sample_rate: int) -> NDArray[np.float64]:
    """Filter with the standard's two biquads, in the frequency domain.

    A recursive filter would be a Python loop over samples. Multiplying the spectrum by the biquads' response is the
    same filter but for the tail of its impulse response that wraps around; the slower biquad decays by e in 5 ms, so
    after the zero padding of 0.5 s nothing is left of it. It also frees the weighting from the sample rate: the
    response that the standard means by its coefficients for 48 kHz is read off at each frequency, where designing the
    filters anew for 16 kHz would be 0.04 LU off.
    """
    length = len(samples) + round(_SETTLING_S * sample_rate)
    frequencies = np.fft.rfftfreq(length, 1 / sample_rate)
    delay = np.exp(-2j * np.pi * np.minimum(frequencies / _TABLE_RATE, 0.5))  # z⁻¹ on the unit circle
    response = np.ones_like(delay)
    for numerator, denominator in (_SHELF, _HIGH_PASS):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.fft.irfft(np.fft.rfft(samples.astype(np.float64), length) * response, length)[: len(samples)]
