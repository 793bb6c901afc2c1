"""The judges of an acoustic model's mels (patches: Isola et al. 2017, section 3.2.2; in speech: Yang et al. 2021)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from sonorant.config import MelDiscriminatorConfig
from sonorant.models.lengths import valid_positions

SLOPE = 0.2
"""Negative slope of every leaky ReLU (Isola et al. 2017, arXiv version, appendix 6.1)."""

MEL_CENTRE, MEL_SCALE = -5.0, 2.5
"""A natural log-mel of speech less the one, divided by the other, is about of mean 0 and deviation 1."""


class MelJudgement(NamedTuple):
    """What one judge makes of a batch of mels.

    Attributes:
        features: The output of every layer, (B, C, H, T of that layer), zero beyond an utterance's end. The last one
            holds the logits: near 1 where the judge sees a recording, near 0 where it sees a prediction.
        lengths: How far each utterance reaches in each of them, (B,) each.
    """

    features: list[Tensor]
    lengths: list[Tensor]


class MelJudge(nn.Module):
    """Convolutions over frequency and time; padding neither gives nor takes.

    Args:
        layers: The last one makes the logits. Kernels are odd in time and padded by half of that.

    Shape:
        mel: (B, n_mels, T), mel_lengths: (B,)
    """

    def __init__(self, layers: Sequence[nn.Conv2d]) -> None:
        super().__init__()
        self.strides = [layer.stride[1] for layer in layers]
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def forward(self, mel: Tensor, mel_lengths: Tensor) -> MelJudgement:
        """Judge a batch of log-mels."""
        hidden, lengths = ((mel - MEL_CENTRE) / MEL_SCALE).unsqueeze(1), mel_lengths
        hidden = _inside(hidden, lengths)
        judgement = MelJudgement([], [])
        for index, (layer, stride) in enumerate(zip(self.layers, self.strides, strict=True)):
            hidden, lengths = layer(hidden), (lengths + stride - 1) // stride
            if index < len(self.layers) - 1:
                hidden = F.leaky_relu(hidden, SLOPE)
            hidden = _inside(hidden, lengths)
            judgement.features.append(hidden)
            judgement.lengths.append(lengths)
        return judgement


class MelDiscriminators(nn.Module):
    """Two judges: one of patches, 63 frames by 63 bins, and one that sees all bins of 39 frames at once.

    Example:
        >>> import torch
        >>> judges = MelDiscriminators(MelDiscriminatorConfig(patch_channels=2, band_channels=4), n_mels=80)
        >>> [tuple(j.features[-1].shape) for j in judges(torch.zeros(3, 80, 100), torch.tensor([100, 90, 5]))]
        [(3, 1, 5, 7), (3, 1, 1, 25)]
    """

    def __init__(self, config: MelDiscriminatorConfig, n_mels: int) -> None:
        super().__init__()
        patch, band = config.patch_channels, config.band_channels
        self.judges = nn.ModuleList([MelJudge(_patch_layers(patch)), MelJudge(_band_layers(band, n_mels))])

    def forward(self, mel: Tensor, mel_lengths: Tensor) -> list[MelJudgement]:
        """Judge a batch of log-mels (B, n_mels, T), the patches first."""
        return [judge(mel, mel_lengths) for judge in self.judges]


def _patch_layers(channels: int) -> list[nn.Conv2d]:
    widths = [1, channels, 2 * channels, 4 * channels, 4 * channels]
    layers = [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)]
    return [*layers, nn.Conv2d(widths[-1], 1, 3, padding=1)]


def _band_layers(channels: int, n_mels: int) -> list[nn.Conv2d]:
    groups = 4
    return [
        nn.Conv2d(1, channels, (n_mels, 3), padding=(0, 1)),
        nn.Conv2d(channels, channels, (1, 5), stride=(1, 2), padding=(0, 2), groups=groups),
        nn.Conv2d(channels, channels, (1, 5), stride=(1, 2), padding=(0, 2), groups=groups),
        nn.Conv2d(channels, channels, (1, 5), padding=(0, 2)),
        nn.Conv2d(channels, 1, (1, 3), padding=(0, 1)),
    ]


def _inside(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Set to zero what lies beyond the end: (B, C, H, T)."""
    return hidden * valid_positions(lengths, hidden.shape[3])[:, None, None]
