"""The loss terms of FastPitch 1.1 (Łańcucki 2021, section 2.2; Badlani et al. 2021, sections 3.1 and 3.4).

A term is a sum and the number of things summed. Neither knows the batch: dividing the sum over a global batch by the
count over it gives the same loss, and the same gradient, however the batch is split.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from sonorant.config.recipe import FastPitchLoss
from sonorant.models.fastpitch import FastPitchOutput
from sonorant.models.lengths import symbol_of_frame, valid_positions
from sonorant.models.precision import in_float32

_IMPOSSIBLE = -1e9
"""A log-probability of nothing that stays finite: CTC's gradient is not a number at minus infinity."""


class LossTerm(NamedTuple):
    """A part of a loss, before its weight; the term's mean is `sum / count`."""

    sum: Tensor
    count: Tensor  # type: ignore[assignment]  # hides tuple.count, which nobody needs here


def loss_weights(weights: FastPitchLoss, step: int) -> dict[str, float]:
    """Return the weight of each term at an optimiser step; binarisation's rises linearly during its warm-up.

    Example:
        >>> loss_weights(FastPitchLoss(binarization_start=100, binarization_warmup=50), step=110)["binarization"]
        0.2
    """
    rise = min(max((step - weights.binarization_start) / weights.binarization_warmup, 0.0), 1.0)
    names = ("mel", "duration", "pitch", "energy", "alignment")
    return {name: getattr(weights, name) for name in names} | {"binarization": weights.binarization * rise}


def fastpitch_losses(
    output: FastPitchOutput,
    mel: Tensor,
    mel_lengths: Tensor,
    symbol_lengths: Tensor,
    weights: FastPitchLoss,
    step: int,
) -> dict[str, LossTerm]:
    """Compute every term whose weight at this step is not 0, over valid frames and symbols, in float32.

    Counted are mel values for `mel`, symbols for `duration`, `pitch` and `energy`, utterances for `alignment` (whose
    summand is an utterance's loss per symbol) and frames for `binarization`. The term `energy` needs an energy
    predictor.

    Shape:
        mel: (B, n_mels, T), mel_lengths: (B,), symbol_lengths: (B,) -> scalars
    """
    valid_symbols = valid_positions(symbol_lengths, output.durations.shape[1])
    valid_frames = valid_positions(mel_lengths, mel.shape[2])
    wanted = {name for name, weight in loss_weights(weights, step).items() if weight > 0}
    terms = {}
    if "mel" in wanted:
        terms["mel"] = squared_error(output.mel, mel, valid_frames.unsqueeze(1).expand_as(mel))
    if "duration" in wanted:
        terms["duration"] = squared_error(output.log_durations, output.durations.float().log1p(), valid_symbols)
    if "pitch" in wanted:
        terms["pitch"] = squared_error(output.pitch, output.pitch_target, valid_symbols)
    if "energy" in wanted and output.energy is not None and output.energy_target is not None:
        terms["energy"] = squared_error(output.energy, output.energy_target, valid_symbols)
    if "alignment" in wanted:
        terms["alignment"] = forward_sum(output.attention_logprob, symbol_lengths, mel_lengths, weights.blank_logprob)
    if "binarization" in wanted:
        terms["binarization"] = binarization(output.attention_logprob, output.durations, valid_frames)
    return terms


@in_float32
def squared_error(predicted: Tensor, target: Tensor, valid: Tensor) -> LossTerm:
    """Sum the squared differences where `valid` is True.

    Shape:
        all of one shape -> scalars

    Example:
        >>> squared_error(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 0.0]), torch.tensor([True, False]))
        LossTerm(sum=tensor(4.), count=tensor(1))
    """
    difference = (predicted - target).masked_fill(~valid, 0.0)
    return LossTerm(difference.square().sum(), valid.sum())


@in_float32
def forward_sum(log_probs: Tensor, symbol_lengths: Tensor, mel_lengths: Tensor, blank_logprob: float) -> LossTerm:
    """Sum -log p(text | speech) per symbol over all monotonic alignments (Badlani et al. 2021, equation 2).

    The symbols of an utterance are CTC's labels 1..S, each used once and in order; a blank of constant log-probability
    lets a frame belong to none.

    Shape:
        log_probs: (B, T, S), -inf at symbols in the padding; symbol_lengths, mel_lengths: (B,) -> scalars
    """
    batch, _, num_symbols = log_probs.shape
    labels = F.pad(log_probs.clamp(min=_IMPOSSIBLE), (1, 0), value=blank_logprob).log_softmax(dim=2)
    targets = torch.arange(1, num_symbols + 1, device=log_probs.device).expand(batch, num_symbols)
    losses = F.ctc_loss(labels.transpose(0, 1), targets, mel_lengths, symbol_lengths, blank=0, reduction="none")
    return LossTerm((losses / symbol_lengths).sum(), torch.tensor(batch, device=log_probs.device))


@in_float32
def binarization(log_probs: Tensor, durations: Tensor, valid_frames: Tensor) -> LossTerm:
    """Sum -log of the soft alignment along the hard one (Badlani et al. 2021, section 3.4).

    Shape:
        log_probs: (B, T, S), durations: (B, S) int64, valid_frames: (B, T) bool -> scalars
    """
    num_symbols = log_probs.shape[2]
    symbols = symbol_of_frame(durations, log_probs.shape[1]).clamp(max=num_symbols - 1)
    chosen = log_probs.gather(2, symbols.unsqueeze(2)).squeeze(2) - log_probs.logsumexp(2)
    return LossTerm(-chosen.masked_fill(~valid_frames, 0.0).sum(), valid_frames.sum())
