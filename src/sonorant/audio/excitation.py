"""What a source-filter vocoder shapes into speech: the pulses of a voice, and noise."""

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.pitch import frame_centres_s
from sonorant.config import MelConfig

_SMALLEST_SINE = 1e-6


def make_excitation(
    pitch_hz: NDArray[np.float32], config: MelConfig, random: np.random.Generator, cycles: float = 0.0
) -> NDArray[np.float32]:
    """Return band-limited pulses at a pitch, and white noise, both of unit power.

    The pulses are the sum of all harmonics below half the sample rate; Wang et al. (2019) add up a few. Where there is
    no voice they are zero, with a ramp of half a frame between. A longer course of pitch has the noise of a shorter one
    at its beginning, and its pulses up to the centre of the last voiced frame.

    Args:
        pitch_hz: (T,) at the centre of each mel frame, 0 where unvoiced.
        config: Says where the frames lie.
        random: What the noise is drawn from.
        cycles: Where in its cycle the first pulse begins.

    Returns:
        (2, T * hop_length): the pulses, then the noise.

    Raises:
        ValueError: A pitch is not below half the sample rate.

    Example:
        >>> pitch_hz = np.full(20, 100.5, dtype=np.float32)
        >>> pulses, _ = make_excitation(pitch_hz, MelConfig(), np.random.default_rng(0))
        >>> np.unique(np.diff(np.flatnonzero(pulses > 0.6 * pulses.max()))).tolist()  # 22,050 / 100.5 samples apart
        [219, 220]
    """
    if np.max(pitch_hz, initial=0.0) >= config.sample_rate / 2:
        raise ValueError(f"a pitch of {pitch_hz.max():g} Hz is not below half the sample rate {config.sample_rate}")
    num_samples = len(pitch_hz) * config.hop_length
    noise = random.standard_normal(num_samples, dtype=np.float32)
    voiced = pitch_hz > 0
    if not voiced.any():
        return np.stack([np.zeros_like(noise), noise])
    frames_s, times_s = frame_centres_s(config, len(pitch_hz)), (np.arange(num_samples) + 0.5) / config.sample_rate
    hz = np.interp(times_s, frames_s[voiced], pitch_hz[voiced].astype(np.float64))
    gain = np.clip(2 * np.interp(times_s, frames_s, voiced.astype(np.float64)) - 0.5, 0.0, 1.0)
    harmonics = np.ceil(0.5 * config.sample_rate / hz) - 1
    pulses = gain * _pulses(cycles + np.cumsum(hz / config.sample_rate), harmonics)
    return np.stack([pulses.astype(np.float32), noise])


def make_excitations(pitch_hz: NDArray[np.float32], config: MelConfig, seed: int) -> NDArray[np.float32]:
    """Return the excitation of each row of a batch, whose noise is the same whatever else is in the batch.

    Shape:
        pitch_hz: (B, T) -> (B, 2, T * hop_length)

    Raises:
        ValueError: As `make_excitation` does.
    """
    return np.stack([make_excitation(row, config, np.random.default_rng(seed)) for row in pitch_hz])


def _pulses(cycles: NDArray[np.float64], harmonics: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up cosines of equal amplitude, by the closed form of Dirichlet's kernel."""
    angle = 2 * np.pi * (cycles % 1.0)
    sine = np.sin(angle / 2)
    at_peak = np.abs(sine) < _SMALLEST_SINE
    total = np.sin((harmonics + 0.5) * angle) / np.where(at_peak, 1.0, 2 * sine) - 0.5
    return np.where(at_peak, harmonics, total) * np.sqrt(2 / harmonics)
