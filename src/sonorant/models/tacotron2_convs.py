"""The convolutions of Tacotron 2's encoder and postnet, with a batch normalisation that knows what padding is."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from sonorant.models.lengths import valid_positions
from sonorant.models.transformer import SequenceConv

Activation = Literal["linear", "relu", "tanh"]

_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "linear": lambda values: values,
    "relu": torch.relu,
    "tanh": torch.tanh,
}


class MaskedBatchNorm(nn.Module):
    """Batch normalisation over the valid positions of a padded batch (Ioffe and Szegedy 2015), in float32.

    Mean and variance leave the padding out, in the batch as in the running averages: how far a batch is padded changes
    nothing. A single valid position is normalised to the bias. In training the statistics are those of the batch at
    hand: of one process, and of one micro-batch.

    The weights begin uniform in [0, 1], as NVIDIA's recipe has them.

    Shape:
        sequence: (B, L, C), valid: (B, L) bool -> (B, L, C) float32
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.rand(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, sequence: Tensor, valid: Tensor) -> Tensor:
        """Normalise every channel; what comes out in the padding means nothing."""
        sequence = sequence.float()
        mean, variance = self._measure(sequence, valid) if self.training else (self.running_mean, self.running_var)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return sequence * scale + (self.bias - mean * scale)

    def _measure(self, sequence: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        inside, count = valid.unsqueeze(2), valid.sum()
        mean = (sequence * inside).sum((0, 1)) / count
        squares = ((sequence - mean) * inside).square().sum((0, 1))
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(squares / (count - 1).clamp(min=1), self.momentum)
        return mean, squares / count


class NormedConv(nn.Module):
    """A convolution, batch normalisation, an activation and dropout; zero in, zero out of the padding.

    Shape:
        sequence: (B, L, in_channels), zero in the padding; valid: (B, L) bool -> (B, L, out_channels), likewise
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, activation: Activation, dropout: float
    ) -> None:
        super().__init__()
        self.conv = SequenceConv(in_channels, out_channels, kernel)
        nn.init.xavier_uniform_(self.conv.weight, gain=nn.init.calculate_gain(activation))
        self.norm = MaskedBatchNorm(out_channels)
        self.activation = _FUNCTIONS[activation]
        self.dropout = nn.Dropout(dropout)

    def forward(self, sequence: Tensor, valid: Tensor) -> Tensor:
        """Convolve along the length."""
        activated = self.activation(self.norm(self.conv(sequence), valid))
        convolved: Tensor = self.dropout(activated) * valid.unsqueeze(2)
        return convolved


class Postnet(nn.Module):
    """Refines a mel spectrogram that the decoder made frame by frame (Tacotron 2, section 2.2).

    Shape:
        mel: (B, n_mels, T), mel_lengths: (B,) -> (B, n_mels, T), zero in the padding
    """

    def __init__(self, n_mels: int, channels: int, kernel: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        widths = [n_mels] + [channels] * (num_layers - 1) + [n_mels]
        self.convs = nn.ModuleList(
            NormedConv(before, after, kernel, "tanh" if layer < num_layers else "linear", dropout)
            for layer, (before, after) in enumerate(pairwise(widths), start=1)
        )

    def forward(self, mel: Tensor, mel_lengths: Tensor) -> Tensor:
        """Add what five convolutions find; what stands in the padding is ignored."""
        valid = valid_positions(mel_lengths, mel.shape[2])
        frames = mel.transpose(1, 2) * valid.unsqueeze(2)
        residual = frames
        for conv in self.convs:
            residual = conv(residual, valid)
        return (frames + residual).transpose(1, 2)
