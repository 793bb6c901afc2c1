"""Attention of a decoder to symbols that it reads from left to right.

Both kinds know where they were: their energies see the alignment of the step before. They differ in what else they see.
Energies and softmax are computed in float32 whatever the precision around them.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config.models import AttentionConfig, DynamicConvolutionAttentionConfig, LocationAttentionConfig
from sonorant.models.precision import in_float32


class Attention(nn.Module):
    """What a decoder may expect of an attention.

    `keys` runs once per utterance, `query` once per step, and the call turns a projected query and the alignments so
    far into the next alignment. The two projections are apart because the training loop batches their weight gradients.

    Shape:
        keys: memory (B, S, C) -> (B, S, A); query: (B, query_channels) -> (B, A)
    """

    keys: nn.Module
    query: nn.Linear

    def initial_alignment(self, memory: Tensor) -> Tensor:
        """Return where the attention is before the first step: nowhere.

        Shape:
            memory: (B, S, C) -> (B, S) float32
        """
        return memory.new_zeros(memory.shape[:2], dtype=torch.float32)

    @in_float32
    def forward(self, query: Tensor, keys: Tensor, valid: Tensor, alignment: Tensor, cumulative: Tensor) -> Tensor:
        """Attend to the symbols where `valid` is True, at least one per row.

        Args:
            query: The decoder's state, projected by `self.query`.
            keys: The symbols, projected by `self.keys`.
            valid: True at the symbols that may get attention.
            alignment: The attention of the step before, 0 in the padding.
            cumulative: The sum of all alignments so far.

        Shape:
            query: (B, A), keys: (B, S, A), the others: (B, S) -> (B, S) float32, each row sums to 1
        """
        energies = self.energies(query, keys, alignment, cumulative)
        return energies.masked_fill(~valid, -math.inf).softmax(dim=1)

    def energies(self, query: Tensor, keys: Tensor, alignment: Tensor, cumulative: Tensor) -> Tensor:
        """Score every symbol; shapes as in `forward`."""
        raise NotImplementedError


class LocationSensitiveAttention(Attention):
    """Attention by content and by location (Chorowski et al. 2015, section 2.2; Tacotron 2, section 2.2).

    e_s = v · tanh(W query + V memory_s + U f_s), where a convolution over the previous and the cumulative alignment
    makes the features f.
    """

    def __init__(self, config: LocationAttentionConfig, query_channels: int, memory_channels: int) -> None:
        super().__init__()
        self.query = _linear(query_channels, config.channels, gain="tanh")
        self.keys = _linear(memory_channels, config.channels, gain="tanh")
        self.location_conv = nn.Conv1d(2, config.filters, config.kernel, padding=config.kernel // 2, bias=False)
        nn.init.xavier_uniform_(self.location_conv.weight)
        self.location_projection = _linear(config.filters, config.channels, gain="tanh")
        self.energy = _linear(config.channels, 1)

    def energies(self, query: Tensor, keys: Tensor, alignment: Tensor, cumulative: Tensor) -> Tensor:
        """Score every symbol."""
        features = self.location_conv(torch.stack([alignment, cumulative], 1))
        location = self.location_projection(features.transpose(1, 2))
        scores: Tensor = self.energy(torch.tanh(keys + query.unsqueeze(1) + location))
        return scores.squeeze(2)


class DynamicConvolutionAttention(Attention):
    """Attention by location alone, steered by the decoder (Battenberg et al. 2019, section 2.3).

    e_s = v · tanh(U f_s + T g_s + b) + p_s. Static filters make f, filters computed from the query make g, and p is the
    logarithm of the previous alignment, moved forward by a fixed filter: so the attention moves on by about
    (taps - 1) · alpha / (alpha + beta) symbols a step before anything is learned, never back and never far.
    """

    FLOOR = 1e-6
    """Of the prior, before its logarithm."""

    prior: Tensor

    def __init__(self, config: DynamicConvolutionAttentionConfig, query_channels: int, memory_channels: int) -> None:
        super().__init__()
        channels = config.channels
        self.query = nn.Linear(query_channels, channels)
        self.keys = _NoKeys()
        kernel = config.static_kernel
        self.static_conv = nn.Conv1d(1, config.static_filters, kernel, padding=kernel // 2, bias=False)
        self.static_projection = nn.Linear(config.static_filters, channels, bias=False)
        self.dynamic_filters = nn.Linear(channels, config.dynamic_filters * config.dynamic_kernel, bias=False)
        self.dynamic_projection = nn.Linear(config.dynamic_filters, channels)
        self.energy = nn.Linear(channels, 1, bias=False)
        self.dynamic_kernel = config.dynamic_kernel
        filter_ = beta_binomial(config.prior_taps - 1, config.prior_alpha, config.prior_beta)
        self.register_buffer("prior", filter_.flip(0).view(1, 1, -1), persistent=False)

    def initial_alignment(self, memory: Tensor) -> Tensor:
        """Return the attention before the first step: all of it on the first symbol.

        Shape:
            memory: (B, S, C) -> (B, S) float32
        """
        alignment = super().initial_alignment(memory)
        alignment[:, 0] = 1.0
        return alignment

    def energies(self, query: Tensor, keys: Tensor, alignment: Tensor, cumulative: Tensor) -> Tensor:
        """Score every symbol; keys and the cumulative alignment are not looked at."""
        before = alignment.unsqueeze(1)
        static = self.static_projection(self.static_conv(before).transpose(1, 2))
        dynamic = self.dynamic_projection(self._windows(before) @ self._filters(query))
        moved = F.conv1d(F.pad(before, (self.prior.shape[2] - 1, 0)), self.prior).squeeze(1)
        scores: Tensor = self.energy(torch.tanh(static + dynamic))
        return scores.squeeze(2) + moved.clamp(min=self.FLOOR).log()

    def _filters(self, query: Tensor) -> Tensor:
        """Compute each row's own filters: (B, A) -> (B, K, filters)."""
        filters: Tensor = self.dynamic_filters(torch.tanh(query))
        return filters.reshape(len(query), self.dynamic_kernel, -1)

    def _windows(self, signal: Tensor) -> Tensor:
        """Cut the neighbourhood of every symbol, (B, 1, S) -> (B, S, K), by a convolution, which exports to ONNX."""
        kernel = self.dynamic_kernel
        picks = torch.eye(kernel, device=signal.device).unsqueeze(1)
        return F.conv1d(signal, picks, padding=kernel // 2).transpose(1, 2)


def make_attention(config: AttentionConfig, query_channels: int, memory_channels: int) -> Attention:
    """Build the attention that a config names."""
    if isinstance(config, LocationAttentionConfig):
        return LocationSensitiveAttention(config, query_channels, memory_channels)
    return DynamicConvolutionAttention(config, query_channels, memory_channels)


def beta_binomial(trials: int, alpha: float, beta: float) -> Tensor:
    """Return the probabilities of 0 to `trials` successes of a beta-binomial distribution.

    Shape:
        -> (trials + 1,) float32

    Example:
        >>> beta_binomial(2, 1.0, 1.0).tolist()  # flat
        [0.333..., 0.333..., 0.333...]
    """

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    return torch.tensor(
        [
            math.comb(trials, k) * math.exp(log_beta(k + alpha, trials - k + beta) - log_beta(alpha, beta))
            for k in range(trials + 1)
        ]
    )


class _NoKeys(nn.Module):
    """The keys of an attention that does not look at the symbols: one zero each.

    Shape:
        (B, S, C) -> (B, S, 1)
    """

    def forward(self, memory: Tensor) -> Tensor:
        return torch.zeros_like(memory[:, :, :1])


def _linear(in_channels: int, out_channels: int, gain: str = "linear") -> nn.Linear:
    layer = nn.Linear(in_channels, out_channels, bias=False)
    nn.init.xavier_uniform_(layer.weight, gain=nn.init.calculate_gain(gain))  # type: ignore[arg-type]
    return layer
