"""A source-filter vocoder: what to filter is known, so that only the filters are learned.

A neural source-filter model (Wang et al. 2019) is given sines at the voice's pitch, and noise, and its network works on
samples. Here a ConvNeXt at the frame rate, as in Vocos (Siuzdak 2023), makes the filters: for every frame and frequency
a gain and a phase of the pulses and a gain of the noise, multiplied as spectra (as Agrawal et al. 2024 filter, too).
Harmonics, which a generator of samples takes long to learn, are there from the first step, and the network runs once
per frame, not once per sample.
"""

import math
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config import SourceFilterConfig
from sonorant.models.convnext import ConvNext
from sonorant.models.pitch_estimator import PitchEstimator, normalized
from sonorant.models.precision import in_float32

SMALLEST_MAGNITUDE = 1e-5
"""Of a mel turned back, as in FreeV (Lv et al. 2024)."""

SMALLEST_ENVELOPE = 1e-5
"""Of the squares of overlapping windows, added up, which sound is divided by."""

LARGEST_LOG_GAIN = 6.0
"""Above it an exponential would only burst: gains of 1 are near full scale."""

PHASE_SCALE = 3.0
"""Radians for an output of 1, so that a half turn is near at hand."""

FIRST_NOISE_LOG_GAIN = -1.0
"""The noise begins softer than the pulses."""

PITCH_CENTRE, PITCH_SCALE = math.log(165.0), 2.0
"""Bring log-pitches of voices to about zero mean and unit variance."""


class SourceFilterVocoder(nn.Module):
    """A mel spectrogram to a waveform, by way of the pitch.

    Args:
        config: Sizes.
        filterbank: (n_mels, n_fft / 2 + 1) filters of the mel that it reads. What is not negative of its pseudo-inverse
            gives the gains that learning starts from (Lv et al. 2024).

    Raises:
        ValueError: `n_fft` is not twice the hop or another multiple.

    Example:
        >>> vocoder = SourceFilterVocoder(SourceFilterConfig(hop_length=4), torch.rand(80, 9).numpy())  # n_fft = 16
        >>> vocoder(torch.zeros(3, 80, 10), torch.full((3, 10), 200.0), torch.randn(3, 2, 40)).shape
        torch.Size([3, 40])
    """

    inverse_filters: Tensor
    window: Tensor

    def __init__(self, config: SourceFilterConfig, filterbank: NDArray[Any]) -> None:
        super().__init__()
        n_mels, num_bins = filterbank.shape
        self.config, self.n_fft = config, 2 * (int(num_bins) - 1)
        config.check_n_fft(self.n_fft)
        self.estimator = PitchEstimator(config.pitch, n_mels)
        self.network = ConvNext(
            n_mels + 2, config.channels, config.hidden_channels, config.kernel, config.num_layers, 3 * num_bins
        )
        with torch.no_grad():
            self.network.output.weight.mul_(0.1)
            self.network.output.bias.zero_()
        inverse = torch.linalg.pinv(torch.from_numpy(filterbank).double()).clamp(min=0).float()
        self.register_buffer("inverse_filters", inverse, persistent=False)
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)

    def pitch(self, mel: Tensor) -> Tensor:
        """Return the pitch that the pulses shall have, in Hz, 0 where there is no voice.

        Shape:
            mel: (B, n_mels, T) -> (B, T)
        """
        return self.estimator.pitch(mel)

    def forward(self, mel: Tensor, pitch_hz: Tensor, excitation: Tensor) -> Tensor:
        """Shape pulses and noise.

        Shape:
            mel: (B, n_mels, T), pitch_hz: (B, T), excitation: (B, 2, T * hop_length) -> (B, T * hop_length)
        """
        course = (pitch_hz.clamp(min=1.0).log() - PITCH_CENTRE) * PITCH_SCALE
        voiced = (pitch_hz > 0).to(mel.dtype)
        filters = self.network(torch.cat([normalized(mel), (course * voiced)[:, None], voiced[:, None]], dim=1))
        return self._filter(mel, filters, excitation)

    def receptive_field_frames(self) -> int:
        """Return how many frames of context on each side make a chunk's inside equal to the whole's.

        A sample is in its own frame and some on each side, and each of those reads as much of the excitation.
        """
        overlapping = math.ceil((self.n_fft / self.config.hop_length - 1) / 2)
        return overlapping + max(overlapping, self.network.reach)

    @in_float32
    def _filter(self, mel: Tensor, filters: Tensor, excitation: Tensor) -> Tensor:
        """Multiply the spectra of pulses and noise, and add them up: in float32, for the exponentials and phases.

        Shape:
            mel: (B, n_mels, T), filters: (B, T, 3 * (n_fft / 2 + 1)), excitation: (B, 2, T * hop_length)
            -> (B, T * hop_length)
        """
        prior = (self.inverse_filters @ mel.exp()).clamp(min=SMALLEST_MAGNITUDE).log().transpose(1, 2)
        prior = prior - self.window.square().sum().sqrt().log()  # the magnitude of noise of unit power
        log_pulses, phase, log_noise = filters.chunk(3, dim=-1)
        pulses, noise = (self._spectrum(channel) for channel in excitation.unbind(1))
        gain = (prior + log_pulses).clamp(max=LARGEST_LOG_GAIN).exp()
        turned = torch.complex(gain * (PHASE_SCALE * phase).cos(), gain * (PHASE_SCALE * phase).sin())
        noise_gain = (prior + log_noise + FIRST_NOISE_LOG_GAIN).clamp(max=LARGEST_LOG_GAIN).exp()
        return self._waveform(pulses * turned + noise * noise_gain)

    def _spectrum(self, waveform: Tensor) -> Tensor:
        """Transform windowed stretches whose middles are those of the frames.

        Shape:
            (B, T * hop_length) -> (B, T, n_fft / 2 + 1)
        """
        hop_length, overlap = self.config.hop_length, self.n_fft // self.config.hop_length
        margin = (self.n_fft - hop_length) // 2
        padded = F.pad(waveform, (margin, self.n_fft - hop_length - margin))
        hops = padded.reshape(len(waveform), -1, hop_length)
        num_frames = waveform.shape[1] // hop_length
        frames = torch.cat([hops[:, first : first + num_frames] for first in range(overlap)], dim=2)
        spectrum: Tensor = torch.fft.rfft(frames * self.window)
        return spectrum

    def _waveform(self, spectrum: Tensor) -> Tensor:
        """Invert `_spectrum`: (B, T, n_fft / 2 + 1) -> (B, T * hop_length)."""
        frames = torch.fft.irfft(spectrum, self.n_fft) * self.window
        envelope = self._overlap_add(self.window.square().expand_as(frames[:1]))
        return self._overlap_add(frames) / envelope.clamp(min=SMALLEST_ENVELOPE)

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """Add up frames, a hop apart, and cut off what lies before and after: (B, T, n_fft) -> (B, T * hop_length)."""
        hop_length, overlap = self.config.hop_length, self.n_fft // self.config.hop_length
        parts = torch.split(frames, hop_length, dim=2)
        shifted = [F.pad(part, (0, 0, first, overlap - 1 - first)) for first, part in enumerate(parts)]
        total, margin = torch.stack(shifted).sum(dim=0).flatten(1), (self.n_fft - hop_length) // 2
        return total[:, margin : margin + frames.shape[1] * hop_length]
