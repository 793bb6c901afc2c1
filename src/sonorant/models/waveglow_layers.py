"""The two halves of a step of WaveGlow's flow: a learned mixture of channels, and the network of an affine coupling.

A sequence is an image one row high, (B, C, 1, L), as in `sonorant.models.hifigan`, and for the same reason.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from sonorant.models.precision import in_float32, without_autocast


class InvertibleMix(nn.Module):
    """An invertible 1x1 convolution (Kingma & Dhariwal 2018, section 3.2; Prenger et al. 2019, section 2.2).

    The matrix starts as a random rotation. Its inverse is never kept, so no update of the weights can leave a wrong one
    behind: see `inverses`.

    Shape:
        (B, C, 1, L) -> (B, C, 1, L)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation = torch.linalg.qr(torch.randn(channels, channels)).Q
        rotation[:, 0] *= torch.linalg.det(rotation).sign()
        self.weight = nn.Parameter(rotation)

    def forward(self, audio: Tensor) -> Tensor:
        """Mix the channels."""
        return mixed(audio, self.weight)

    def log_determinant(self) -> Tensor:
        """Return log |det W|, which each time step adds to the likelihood: a scalar."""
        return log_abs_determinant(self.weight)


class CouplingNetwork(nn.Module):
    """Predicts shift and log-scale of one half of the channels from the other half and the mel (WN, section 2.1).

    A WaveNet that sees both sides: in each layer a dilated convolution of the hidden sequence plus a 1x1 convolution of
    the mel pass through a gate, whose output feeds the next layer and the sum of skips. The weights of the mel are one
    tensor for all layers, but used layer by layer: what they make of a long mel would not stay in the cache. The last
    layer starts at zero, so that the untrained coupling changes nothing.

    Between the sum of skips and the output lies no nonlinearity. So each layer's skip weights are multiplied with those
    of the last layer first: a sum of few output channels in full precision takes the place of a sum of many.

    Args:
        num_inputs: Channels of the half that is seen, and of the half that is changed.
        condition_channels: Channels of the mel's features.
        channels: Hidden channels.
        num_layers: Layer i looks `dilation` 2^i times (kernel - 1) / 2 positions to each side.
        kernel: Of the dilated convolutions; odd.
    """

    def __init__(self, num_inputs: int, condition_channels: int, channels: int, num_layers: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.start = _conv(num_inputs, channels)
        self.condition = _conv(condition_channels, 2 * channels * num_layers)
        self.dilated = nn.ModuleList(_conv(channels, 2 * channels, kernel, 2**layer) for layer in range(num_layers))
        last = num_layers - 1
        self.residual_skip = nn.ModuleList(
            _conv(channels, channels if layer == last else 2 * channels) for layer in range(num_layers)
        )
        self.end = nn.Conv2d(channels, 2 * num_inputs, 1)
        nn.init.zeros_(self.end.weight)
        assert self.end.bias is not None
        nn.init.zeros_(self.end.bias)

    def forward(self, audio: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return shift and log-scale of the other half, in the precision of the audio.

        Shape:
            audio: (B, num_inputs, 1, L), condition: (B, condition_channels, 1, L) -> twice (B, num_inputs, 1, L)
        """
        hidden = self.start(audio)
        mel_weights, mel_biases = self._of_each_layer(self.condition.weight), self._of_each_layer(self.condition.bias)
        output: Tensor | float = 0.0
        for dilated, residual_skip, weight, bias in zip(
            self.dilated, self.residual_skip, mel_weights, mel_biases, strict=True
        ):
            gates = dilated(hidden)
            gates += F.conv2d(condition, weight, bias)
            content, gate = gates.chunk(2, dim=1)
            gated = content.tanh() * gate.sigmoid()
            residual, skip = self._residual_and_output(residual_skip, gated)
            hidden = hidden + residual if residual.shape[1] else hidden
            output = output + skip.to(audio.dtype)
        assert isinstance(output, Tensor) and self.end.bias is not None
        shift, log_scale = (output + self.end.bias[:, None, None]).chunk(2, dim=1)
        return shift, log_scale

    def _of_each_layer(self, parameter: Tensor | None) -> Sequence[Tensor]:
        assert parameter is not None
        return parameter.chunk(len(self.dilated))

    def _residual_and_output(self, residual_skip: nn.Module, gated: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a layer adds to the hidden sequence (of the last layer: nothing) and to the output."""
        assert isinstance(residual_skip, nn.Conv2d) and residual_skip.bias is not None
        weight, bias, end = residual_skip.weight.flatten(1), residual_skip.bias, self.end.weight.flatten(1)
        num_residual = len(weight) - self.channels
        with without_autocast(gated.device):
            weight = torch.cat([weight[:num_residual], end @ weight[num_residual:]])
            bias = torch.cat([bias[:num_residual], end @ bias[num_residual:]])
        both = F.conv2d(gated, weight[:, :, None, None], bias)
        return both[:, :num_residual], both[:, num_residual:]

    @property
    def reach(self) -> int:
        """How far to each side an output position looks at the audio."""
        return sum(int(layer.padding[1]) for layer in self.dilated if isinstance(layer, nn.Conv2d))

    @property
    def reach_before_mel(self) -> int:
        """How much of `reach` lies before the place where the mel enters: it looks so much less far at the mel."""
        first = self.dilated[0]
        assert isinstance(first, nn.Conv2d)
        return int(first.padding[1])


@in_float32
def mixed(audio: Tensor, weight: Tensor) -> Tensor:
    """Multiply the channels by a matrix, in float32.

    Shape:
        audio: (B, C, 1, L), weight: (C, C) -> (B, C, 1, L)
    """
    return F.conv2d(audio, weight[:, :, None, None])


@in_float32
def log_abs_determinant(matrix: Tensor) -> Tensor:
    """Return log |det W| of a square matrix, in float32: a scalar."""
    logarithm: Tensor = torch.linalg.slogdet(matrix).logabsdet
    return logarithm


def inverses(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Invert matrices of up to the first one's size in operations that every runtime has.

    Gauss-Jordan elimination of [WᵀW | Wᵀ], whose left half is positive definite: no pivoting is needed, and float64
    makes good what the square of the condition number costs. All are done at once, the smaller ones bordered by an
    identity, because in an exported graph it is the number of operations that counts.

    Shape:
        each (C, C) -> each (C, C)

    Example:
        >>> large, small = inverses([torch.tensor([[0.0, 2.0], [4.0, 0.0]]), torch.tensor([[8.0]])])
        >>> large.tolist(), small.tolist()
        ([[0.0, 0.25], [0.5, 0.0]], [[0.125]])
    """
    size = len(matrices[0])
    identity = torch.eye(size, dtype=torch.float64, device=matrices[0].device)
    bordered = torch.stack([_bordered(matrix.double(), identity) for matrix in matrices])
    rows = torch.cat([bordered.mT @ bordered, bordered.mT], dim=2)
    for index in range(size):
        here = slice(index, index + 1)
        pivot = rows[:, here] / rows[:, here, here]
        rows = rows - (rows[:, :, here] - identity[:, here]) * pivot
    return [
        rows[index, : len(matrix), size : size + len(matrix)].to(matrix.dtype) for index, matrix in enumerate(matrices)
    ]


def _bordered(matrix: Tensor, identity: Tensor) -> Tensor:
    inside = len(matrix)
    return torch.cat([F.pad(matrix, (0, len(identity) - inside)), identity[inside:]])


def _conv(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, (1, kernel), dilation=(1, dilation), padding=(0, padding))
    normed: nn.Conv2d = weight_norm(conv)
    return normed
