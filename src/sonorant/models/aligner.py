"""The learned aligner of text and speech (Badlani et al. 2021, "One TTS alignment to rule them all")."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.models.lengths import valid_positions
from sonorant.models.precision import in_float32
from sonorant.models.transformer import SequenceConv

PRIOR_FLOOR = 1e-8
"""Added to the prior before its logarithm, so that the audio can overrule it."""


def beta_binomial_prior(symbol_lengths: Tensor, mel_lengths: Tensor, num_symbols: int, num_frames: int) -> Tensor:
    """Return the probability of each symbol at each frame when speech proceeds evenly (Badlani et al., section 3.2).

    Frame i = 1..T of a row of S symbols has a beta-binomial distribution of S - 1 trials with α = i and β = T + 1 - i:

        p(k) = C(S-1, k) · B(k + i, S - 1 - k + T + 1 - i) / B(i, T + 1 - i),  k = 0..S-1.

    All arguments of the gamma functions are whole numbers, and those of the second beta function depend on k + i
    alone: one table of log-factorials holds everything, exact to float64 rounding.

    Shape:
        symbol_lengths, mel_lengths: (B,) int64 -> (B, num_frames, num_symbols) float32, zero in the padding

    Example:
        >>> beta_binomial_prior(torch.tensor([2]), torch.tensor([2]), num_symbols=2, num_frames=2)
        tensor([[[0.6667, 0.3333],
                 [0.3333, 0.6667]]])
    """
    device = symbol_lengths.device
    log_factorials = torch.lgamma(torch.arange(1, num_symbols + num_frames + 1, device=device, dtype=torch.float64))

    def log_factorial(numbers: Tensor) -> Tensor:
        return log_factorials[numbers.clamp(min=0)]  # a negative number occurs in the padding only

    symbols, frames = symbol_lengths.unsqueeze(1), mel_lengths.unsqueeze(1)
    k = torch.arange(num_symbols, device=device)
    i = torch.arange(1, num_frames + 1, device=device)
    k_plus_i = torch.arange(1, num_symbols + num_frames, device=device)
    choose = log_factorial(symbols - 1) - log_factorial(k) - log_factorial(symbols - 1 - k)
    per_frame = log_factorial(i - 1) + log_factorial(frames - i) - log_factorial(frames)
    diagonal = log_factorial(k_plus_i - 1) + log_factorial(symbols + frames - 1 - k_plus_i)
    diagonal = diagonal - log_factorial(symbols + frames - 1)
    log_prior = diagonal.unfold(1, num_symbols, 1) - per_frame.unsqueeze(2) + choose.unsqueeze(1)
    valid_frames, valid_symbols = valid_positions(mel_lengths, num_frames), valid_positions(symbol_lengths, num_symbols)
    return log_prior.exp().where(valid_frames.unsqueeze(2) & valid_symbols.unsqueeze(1), 0.0).float()


class ConvAttention(nn.Module):
    """Soft alignment from the distance between symbol embeddings and mel frames (Badlani et al., section 3.1).

    Both are encoded by convolutions, and a frame's logits are minus the temperature times the squared distances to all
    symbols. The published code also creates, and never reads, a projection of the channels to one number; its weights
    and its bias are given work here: exp(weight + bias) scales each channel's share of the distance. They start at 0,
    where this is the published distance.

    All of it is an island of float32: distances are differences of large numbers.

    Shape:
        embeddings: (B, S, C), mel: (B, n_mels, T) -> log-probabilities up to a constant per frame, with the prior's in
        them: (B, T, S) float32, -inf at symbols in the padding
    """

    def __init__(self, embedding_channels: int, n_mels: int, channels: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.key_convs = nn.Sequential(
            _rectified(SequenceConv(embedding_channels, 2 * embedding_channels, 3)),
            SequenceConv(2 * embedding_channels, channels, 1),
        )
        self.query_convs = nn.Sequential(
            _rectified(SequenceConv(n_mels, 2 * n_mels, 3)),
            _rectified(SequenceConv(2 * n_mels, channels, 1)),
            SequenceConv(channels, channels, 1),
        )
        self.channel_scale = nn.Linear(channels, 1)
        nn.init.zeros_(self.channel_scale.weight)
        nn.init.zeros_(self.channel_scale.bias)

    @in_float32
    def forward(self, embeddings: Tensor, symbol_lengths: Tensor, mel: Tensor, mel_lengths: Tensor) -> Tensor:
        """Return the log-probabilities of the symbols at each frame."""
        valid_symbols = valid_positions(symbol_lengths, embeddings.shape[1])
        valid_frames = valid_positions(mel_lengths, mel.shape[2])
        keys = self.key_convs(embeddings * valid_symbols.unsqueeze(2))
        queries = self.query_convs(mel.transpose(1, 2) * valid_frames.unsqueeze(2))
        logits = -self.temperature * self._squared_distance(queries, keys)
        # Padded symbols must have no share in the normalisation: the level of a row against CTC's blank counts.
        padding = ~valid_symbols.unsqueeze(1)
        log_probs = F.log_softmax(logits.masked_fill(padding, -torch.inf), dim=2)
        prior = beta_binomial_prior(symbol_lengths, mel_lengths, embeddings.shape[1], mel.shape[2])
        return log_probs + (prior + PRIOR_FLOOR).log()

    def _squared_distance(self, queries: Tensor, keys: Tensor) -> Tensor:
        scale = torch.exp((self.channel_scale.weight + self.channel_scale.bias) / 2)
        queries, keys = queries * scale, keys * scale
        products = queries @ keys.transpose(1, 2)
        return queries.square().sum(2, keepdim=True) + keys.square().sum(2).unsqueeze(1) - 2 * products


class PausePenalty(nn.Module):
    """What pauses lose in log-probability where speech has a voice; not of the paper, which lets them take vowels.

    A mark and the space behind it are silent, and lose in voiced frames. A space between two words without a mark is
    no pause but the way from sound to sound, and may be voiced. Before the first voiced frame all of them lose.

    Args:
        penalty: How much, in natural logarithm.
        num_symbols: Size of the symbol table.
        marks: Ids of the punctuation marks.
        spaces: Ids of what stands between words.

    Shape:
        symbols: (B, S) int64, voiced: (B, T) bool -> (B, T, S)

    Example:
        >>> penalty = PausePenalty(100.0, num_symbols=10, marks=(1,), spaces=(2,))
        >>> voiced = torch.tensor([[False, True, False]])
        >>> penalty(torch.tensor([[5, 2, 7, 1, 2]]), voiced)  # a sound, a space, a sound, a mark, a space
        tensor([[[  0., 100.,   0., 100., 100.],
                 [  0.,   0.,   0., 100., 100.],
                 [  0.,   0.,   0.,   0.,   0.]]])
    """

    is_mark: Tensor
    is_space: Tensor

    def __init__(self, penalty: float, num_symbols: int, marks: Sequence[int], spaces: Sequence[int]) -> None:
        super().__init__()
        self.penalty = penalty
        for name, chosen in (("is_mark", marks), ("is_space", spaces)):
            flags = torch.tensor([symbol in chosen for symbol in range(num_symbols)])
            self.register_buffer(name, flags, persistent=False)

    def forward(self, symbols: Tensor, voiced: Tensor) -> Tensor:
        """Return what each symbol loses at each frame."""
        mark, space = self.is_mark[symbols], self.is_space[symbols]
        silent = mark | (space & F.pad(mark[:, :-1], (1, 0)))
        before_voice = (voiced.cumsum(1) == 0) & voiced.any(1, keepdim=True)
        misplaced = _pairs(voiced, silent) | _pairs(before_voice, mark | space)
        return self.penalty * misplaced


def _pairs(frames: Tensor, symbols: Tensor) -> Tensor:
    """Tell where a frame and a symbol are both marked: (B, T) bool, (B, S) bool -> (B, T, S) bool."""
    return frames.unsqueeze(2) & symbols.unsqueeze(1)


def _rectified(conv: SequenceConv) -> nn.Sequential:
    """Follow a convolution by a ReLU, starting it so that the variance survives (Glorot and Bengio 2010)."""
    nn.init.xavier_uniform_(conv.weight, nn.init.calculate_gain("relu"))
    return nn.Sequential(conv, nn.ReLU())
