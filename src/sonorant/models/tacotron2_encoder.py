"""Tacotron 2's encoder: convolutions over the symbols, then an LSTM from either side (Shen et al. 2018, 2.2)."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from sonorant.config.models import Tacotron2Config
from sonorant.models.precision import in_float32
from sonorant.models.tacotron2_convs import NormedConv


def make_embedding(count: int, channels: int) -> nn.Embedding:
    """Make an embedding that begins uniform, with the variance 2 / (count + channels) of Glorot and Bengio (2010).

    No entry is the padding's: whoever looks it up keeps the padding out.
    """
    embedding = nn.Embedding(count, channels)
    bound = math.sqrt(3.0) * math.sqrt(2.0 / (count + channels))
    nn.init.uniform_(embedding.weight, -bound, bound)
    return embedding


class Encoder(nn.Module):
    """Encodes embedded symbols in their context.

    Shape:
        embeddings: (B, S, embedding_channels), valid: (B, S) bool -> (B, S, encoder_channels), zero in the padding
    """

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        widths = [config.embedding_channels] + [config.encoder_channels] * config.encoder_layers
        self.convs = nn.ModuleList(
            NormedConv(before, after, config.encoder_kernel, "relu", config.encoder_dropout)
            for before, after in pairwise(widths)
        )
        self.lstm = BidirectionalLstm(widths[-1], config.encoder_channels // 2)

    def forward(self, embeddings: Tensor, valid: Tensor) -> Tensor:
        """Encode; what stands in the padding is ignored."""
        hidden = embeddings * valid.unsqueeze(2)
        for conv in self.convs:
            hidden = conv(hidden, valid)
        encodings: Tensor = self.lstm(hidden, valid)
        return encodings


class BidirectionalLstm(nn.Module):
    """An LSTM from the left and one from each row's own end, whatever its padding.

    Each row is read in an order of its own, in which its padding comes last, and put back. That equals a packed
    sequence, needs no lengths on the host, and exports to ONNX. It is an island of float32: not every processor has an
    LSTM in half precision.

    Shape:
        sequence: (B, L, C), valid: (B, L) bool, True first -> (B, L, 2 channels), zero in the padding
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(in_channels, channels, batch_first=True)
        self.backwards = nn.LSTM(in_channels, channels, batch_first=True)

    @in_float32
    def forward(self, sequence: Tensor, valid: Tensor) -> Tensor:
        """Read every row from both sides."""
        positions = torch.arange(valid.shape[1], device=valid.device).expand_as(valid)
        mirrored = torch.where(valid, valid.sum(1, keepdim=True) - 1 - positions, positions)
        hiddens = [
            _reorder(lstm(_reorder(sequence, order))[0], order)
            for lstm, order in ((self.forwards, positions), (self.backwards, mirrored))
        ]
        return torch.cat(hiddens, dim=2) * valid.unsqueeze(2)


def _reorder(sequence: Tensor, order: Tensor) -> Tensor:
    """Take each row's positions in its own order: (B, L, C), (B, L) int64 -> (B, L, C)."""
    return sequence.gather(1, order.unsqueeze(2).expand(-1, -1, sequence.shape[2]))
