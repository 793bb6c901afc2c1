"""Removal of a vocoder's bias: the hum that it makes of nothing (WaveGlow's denoiser)."""

import numpy as np

from sonorant.synthesis.runtime import Floats, Runtime
from sonorant.synthesis.vocoding import other_inputs, vocode_whole
from sonorant.voice.manifest import VocoderPart

N_FFT = 1024
HOP_LENGTH = 256
_BIAS_FRAMES = 88
_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
_GAIN = np.sum(_WINDOW**2) / HOP_LENGTH
_HELD = N_FFT - HOP_LENGTH


class Denoiser:
    """Subtracts `strength` times the vocoder's bias from the magnitudes of a stream, keeping the phases.

    Every transform lies on one grid of hops counted from the first sample, with silence before and behind the
    stream; so what comes out does not depend on how the stream was cut. It holds back N_FFT - HOP_LENGTH samples.

    Args:
        bias: Magnitudes to subtract, as `vocoder_bias` measures them, (N_FFT // 2 + 1,).
        strength: 1 subtracts the bias once.
    """

    def __init__(self, bias: Floats, strength: float) -> None:
        self._subtracted = strength * bias
        self._input = np.zeros(_HELD, dtype=np.float32)
        self._sums = np.zeros(N_FFT)
        self._to_drop = _HELD
        self._owed = 0

    def push(self, samples: Floats) -> Floats:
        """Take the next samples and return those that are ready."""
        output = self._advance(samples)
        self._owed += len(samples) - len(output)
        return output

    def close(self) -> Floats:
        """Return the samples that were held back."""
        return self._advance(np.zeros(N_FFT, dtype=np.float32))[: self._owed]

    def _advance(self, samples: Floats) -> Floats:
        self._input = np.concatenate([self._input, samples])
        num_hops = max(0, (len(self._input) - _HELD) // HOP_LENGTH)
        ready = [self._one_hop(index * HOP_LENGTH) for index in range(num_hops)]
        self._input = self._input[num_hops * HOP_LENGTH :]
        output = np.concatenate([np.zeros(0, dtype=np.float32), *ready])
        dropped = min(self._to_drop, len(output))
        self._to_drop -= dropped
        return output[dropped:]

    def _one_hop(self, start: int) -> Floats:
        """Transform the stretch from `start` on and return the samples that no later stretch reaches."""
        spectrum = np.fft.rfft(self._input[start : start + N_FFT] * _WINDOW)
        magnitude = np.abs(spectrum)
        kept = np.maximum(magnitude - self._subtracted, 0.0) / np.maximum(magnitude, 1e-12)
        self._sums += np.fft.irfft(spectrum * kept, N_FFT) * _WINDOW
        ready = (self._sums[:HOP_LENGTH] / _GAIN).astype(np.float32)
        self._sums = np.concatenate([self._sums[HOP_LENGTH:], np.zeros(HOP_LENGTH)])
        return ready


def vocoder_bias(runtime: Runtime, vocoder: VocoderPart) -> Floats:
    """Measure what the vocoder makes of a mel of zeros, and of no noise: the mean magnitudes away from the ends.

    Shape:
        -> (N_FFT // 2 + 1,)
    """
    num_frames = max(_BIAS_FRAMES, 4 * N_FFT // vocoder.mel.hop_length)
    zeros = np.zeros((vocoder.mel.n_mels, num_frames), dtype=np.float32)
    waveform = vocode_whole(runtime, zeros, other_inputs(runtime, vocoder, zeros, None))
    quarter = len(waveform) // 4
    stretches = np.lib.stride_tricks.sliding_window_view(waveform[quarter:-quarter], N_FFT)[::HOP_LENGTH]
    return np.abs(np.fft.rfft(stretches * _WINDOW, axis=-1)).mean(axis=0).astype(np.float32)  # type: ignore[no-any-return]
