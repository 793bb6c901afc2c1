"""The judges of a vocoder: multi-period and multi-scale (Kong et al. 2020), multi-resolution (Jang et al. 2021)."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from sonorant.config import DiscriminatorConfig
from sonorant.models.precision import in_float32, without_autocast

SLOPE = 0.1
"""Negative slope of every leaky ReLU (Kong et al. 2020, section 2.3)."""

MAX_GROUPS = 16
"""The scale discriminator's groups: its channels stay multiples of this."""

SPECTROGRAM_CHANNELS = 32
"""Channels of the resolution discriminator (Jang et al. 2021, section 2.3)."""

Norm = Callable[[nn.Module], nn.Module]


class DiscriminatorOutput(NamedTuple):
    """What one sub-discriminator makes of a waveform.

    Attributes:
        logits: (B, ...): near 1 where it hears a recording, near 0 where it hears the generator.
        features: The output of every layer, first to last; the last one is `logits`.
    """

    logits: Tensor
    features: list[Tensor]


class PeriodDiscriminator(nn.Module):
    """Judges every `period`-th sample: the waveform folded into rows of `period` samples, seen by columns.

    Shape:
        (B, N) -> logits (B, 1, about N / period / 81, period)
    """

    def __init__(self, period: int, width: float) -> None:
        super().__init__()
        self.period = period
        channels = [1, *(_scaled(c, width) for c in (32, 128, 512, 1024, 1024))]
        layers = [
            nn.Conv2d(inputs, outputs, (5, 1), stride=(stride, 1), padding=(2, 0))
            for inputs, outputs, stride in zip(channels[:-1], channels[1:], (3, 3, 3, 3, 1), strict=True)
        ]
        layers.append(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def forward(self, waveform: Tensor) -> DiscriminatorOutput:
        """Judge a batch of waveforms."""
        num_samples = waveform.shape[-1]
        folded = F.pad(waveform[:, None], (0, -num_samples % self.period), mode="reflect")
        return _judge(self.layers, folded.reshape(len(folded), 1, -1, self.period))


class NormalisedConv(nn.Conv1d):
    """A convolution whose normalised weights are made in float32.

    Under autocast a GPU would take the spectral norm from a product in half precision, a CPU would not.

    Shape:
        (B, in_channels, L) -> (B, out_channels, about L / stride)
    """

    def forward(self, hidden: Tensor) -> Tensor:
        """Convolve."""
        with without_autocast(hidden.device):
            weight: Tensor = self.weight
        convolved: Tensor = self._conv_forward(hidden, weight, self.bias)
        return convolved


class ScaleDiscriminator(nn.Module):
    """Judges the waveform as it is, with long, grouped, strided kernels (MelGAN, Kumar et al. 2019).

    Shape:
        (B, 1, N) -> logits (B, 1, N / 64)
    """

    def __init__(self, norm: Norm, width: float) -> None:
        super().__init__()
        a, b, c, d = (_scaled(channels, width, MAX_GROUPS) for channels in (128, 256, 512, 1024))
        layers = [
            NormalisedConv(1, a, 15, padding=7),
            NormalisedConv(a, a, 41, stride=2, groups=4, padding=20),
            NormalisedConv(a, b, 41, stride=2, groups=MAX_GROUPS, padding=20),
            NormalisedConv(b, c, 41, stride=4, groups=MAX_GROUPS, padding=20),
            NormalisedConv(c, d, 41, stride=4, groups=MAX_GROUPS, padding=20),
            NormalisedConv(d, d, 41, groups=MAX_GROUPS, padding=20),
            NormalisedConv(d, d, 5, padding=2),
            NormalisedConv(d, 1, 3, padding=1),
        ]
        self.layers = nn.ModuleList(norm(layer) for layer in layers)

    def forward(self, waveform: Tensor) -> DiscriminatorOutput:
        """Judge a batch of waveforms."""
        return _judge(self.layers, waveform)


class MultiScaleDiscriminator(nn.Module):
    """Scale discriminators on the waveform and on its running means, each half as long as the one before.

    The first is normalised by its spectrum, the others by their weights (Kong et al. 2020, section 2.3). Means are of 4
    samples with 2 zeros at each end, as in the authors' code; NVIDIA's pads with 1.
    """

    def __init__(self, scales: int, width: float) -> None:
        super().__init__()
        norms: list[Norm] = [spectral_norm if scale == 0 else weight_norm for scale in range(scales)]
        self.scales = nn.ModuleList(ScaleDiscriminator(norm, width) for norm in norms)

    def forward(self, waveform: Tensor) -> list[DiscriminatorOutput]:
        """Judge a batch of waveforms (B, N) at every scale."""
        outputs = []
        pooled = waveform[:, None]
        for depth, scale in enumerate(self.scales):
            if depth:
                pooled = F.avg_pool1d(pooled, 4, stride=2, padding=2)
            outputs.append(scale(pooled))
        return outputs


class ResolutionDiscriminator(nn.Module):
    """Judges the magnitudes of one STFT (Jang et al. 2021, section 2.3).

    The strides run over frequency, because training segments hold few frames.

    Shape:
        (B, N) -> logits (B, 1, 1 + N / hop_length, about n_fft / 16)
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, win_length: int, width: float) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        channels = _scaled(SPECTROGRAM_CHANNELS, width)
        layers = [nn.Conv2d(1, channels, (3, 9), padding=(1, 4))]
        layers += [nn.Conv2d(channels, channels, (3, 9), stride=(1, 2), padding=(1, 4)) for _ in range(3)]
        layers += [nn.Conv2d(channels, outputs, 3, padding=1) for outputs in (channels, 1)]
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def forward(self, waveform: Tensor) -> DiscriminatorOutput:
        """Judge a batch of waveforms."""
        return _judge(self.layers, self._magnitudes(waveform)[:, None])

    @in_float32
    def _magnitudes(self, waveform: Tensor) -> Tensor:
        spectrum: Tensor = torch.stft(
            waveform, self.n_fft, self.hop_length, len(self.window), self.window, normalized=True, return_complex=True
        )
        return spectrum.abs().mT


class Discriminators(nn.Module):
    """Every judge that the settings name.

    Example:
        >>> judges = Discriminators(DiscriminatorConfig(periods=(2, 3), scales=1, width=0.02))
        >>> [tuple(output.logits.shape) for output in judges(torch.zeros(4, 1000))]
        [(4, 1, 7, 2), (4, 1, 5, 3), (4, 1, 16)]
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodDiscriminator(period, config.width) for period in config.periods)
        self.scales = MultiScaleDiscriminator(config.scales, config.width)
        self.resolutions = nn.ModuleList(
            ResolutionDiscriminator(*resolution, config.width) for resolution in config.resolutions
        )

    def forward(self, waveform: Tensor) -> list[DiscriminatorOutput]:
        """Judge a batch of waveforms (B, N): periods first, then scales, then resolutions."""
        return [
            *(period(waveform) for period in self.periods),
            *self.scales(waveform),
            *(resolution(waveform) for resolution in self.resolutions),
        ]


def _judge(layers: Iterable[nn.Module], hidden: Tensor) -> DiscriminatorOutput:
    *inner, last = layers
    features = []
    for layer in inner:
        hidden = F.leaky_relu(layer(hidden), SLOPE)
        features.append(hidden)
    features.append(last(hidden))
    return DiscriminatorOutput(features[-1], features)


def _scaled(channels: int, width: float, multiple: int = 1) -> int:
    """Return `channels * width`, rounded to a multiple of `multiple` and at least that.

    Example:
        >>> _scaled(128, 1.0, 16), _scaled(128, 0.3, 16), _scaled(128, 0.01, 16)
        (128, 32, 16)
    """
    return max(1, round(channels * width / multiple)) * multiple
