"""ConvNeXt (Liu et al. 2022) over time instead of over an image, as in Vocos (Siuzdak 2023)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.models.transformer import LayerNorm

FIRST_SCALE = 0.2
"""What a block adds at first, as a share: Vocos divides 1 by the number of its blocks."""


class ConvNextBlock(nn.Module):
    """A depthwise convolution, then two linear layers at every frame, added to the input.

    Shape:
        (B, C, T) -> (B, C, T)
    """

    def __init__(self, channels: int, hidden_channels: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = LayerNorm(channels)
        self.expand = nn.Linear(channels, hidden_channels)
        self.contract = nn.Linear(hidden_channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), FIRST_SCALE))

    def forward(self, hidden: Tensor) -> Tensor:
        """Refine `hidden`."""
        update = self.norm(self.depthwise(hidden).transpose(1, 2))
        update = self.scale * self.contract(F.gelu(self.expand(update)))
        refined: Tensor = hidden + update.transpose(1, 2)
        return refined


class ConvNext(nn.Module):
    """A convolution, blocks, and a linear layer at every frame.

    Attributes:
        reach: Frames to each side that a frame's outputs depend on.

    Shape:
        (B, inputs, T) -> (B, T, outputs)
    """

    def __init__(
        self, inputs: int, channels: int, hidden_channels: int, kernel: int, num_layers: int, outputs: int
    ) -> None:
        super().__init__()
        self.input_conv = nn.Conv1d(inputs, channels, kernel, padding=kernel // 2)
        self.input_norm = LayerNorm(channels)
        self.blocks = nn.Sequential(*(ConvNextBlock(channels, hidden_channels, kernel) for _ in range(num_layers)))
        self.output_norm = LayerNorm(channels)
        self.output = nn.Linear(channels, outputs)
        self.reach = (1 + num_layers) * (kernel // 2)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return `outputs` numbers for every frame."""
        hidden = self.input_norm(self.input_conv(hidden).transpose(1, 2)).transpose(1, 2)
        outputs: Tensor = self.output(self.output_norm(self.blocks(hidden).transpose(1, 2)))
        return outputs
