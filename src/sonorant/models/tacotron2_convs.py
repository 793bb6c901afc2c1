"""The convolutions of Tacotron 2's encoder and postnet, with a batch normalisation that knows what padding is."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from sonorant.models.lengths import valid_positions
from sonorant.models.precision import in_float32
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
    nothing. A single valid position is normalised to the bias. In training the statistics are those of the micro-batch
    at hand, whatever the number of processes; `settle` moves the running averages once per optimiser step.

    The weights begin uniform in [0, 1], as NVIDIA's recipe has them.

    Shape:
        sequence: (B, L, C), valid: (B, L) bool -> (B, L, C) float32
    """

    running_mean: Tensor
    running_var: Tensor
    seen: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.rand(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("seen", torch.zeros(2 * channels + 1), persistent=False)

    @in_float32
    def forward(self, sequence: Tensor, valid: Tensor) -> Tensor:
        """Normalise every channel; what comes out in the padding means nothing."""
        mean, variance = self._measure(sequence, valid) if self.training else (self.running_mean, self.running_var)
        return (sequence - mean) * (self.weight * torch.rsqrt(variance + self.eps)) + self.bias

    def _measure(self, sequence: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        inside, count = valid.unsqueeze(2), valid.sum()
        mean = (sequence * inside).sum((0, 1)) / count
        squares = ((sequence - mean) * inside).square().sum((0, 1))
        with torch.no_grad():
            unbiased = squares / (count - 1).clamp(min=1)
            self.seen += torch.cat([mean, unbiased, torch.ones_like(mean[:1])])
        return mean, squares / count

    @torch.no_grad()
    def settle(self, total: Callable[[Tensor], Tensor]) -> None:
        """Move the running averages by the mean of what all micro-batches have shown since the last time.

        What is not finite, as after an overflow in half precision, moves nothing.

        Args:
            total: Adds a tensor over the processes.
        """
        seen = total(self.seen)
        means, variances = (seen[:-1] / seen[-1]).chunk(2)
        for running, shown in ((self.running_mean, means), (self.running_var, variances)):
            running.lerp_(torch.where(shown.isfinite(), shown, running), self.momentum)
        self.seen.zero_()


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


def settle_statistics(network: nn.Module, total: Callable[[Tensor], Tensor]) -> None:
    """Settle every `MaskedBatchNorm` of a network."""
    for module in network.modules():
        if isinstance(module, MaskedBatchNorm):
            module.settle(total)
