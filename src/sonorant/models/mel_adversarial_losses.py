"""What an acoustic model and the judges of its mels minimise.

Least squares (Mao et al. 2017, equation 9, without its halves) and the matching of features (Yang et al. 2021, here
with a weight that does not move). Each utterance counts the same, however long: its part is a mean over its own
positions, so a term is a sum over utterances.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from sonorant.models.acoustic_losses import LossTerm
from sonorant.models.lengths import valid_positions
from sonorant.models.mel_discriminators import MelJudgement


def mel_discriminator_loss(recorded: Sequence[MelJudgement], predicted: Sequence[MelJudgement]) -> LossTerm:
    """Pull the judges' logits to 1 for recordings and to 0 for predictions; the latter come from a detached mel."""
    return _term([*(_logit_error(j, 1.0) for j in recorded), *(_logit_error(j, 0.0) for j in predicted)])


def mel_adversarial_loss(predicted: Iterable[MelJudgement]) -> LossTerm:
    """Pull the judges' logits to 1 for predictions."""
    return _term([_logit_error(judgement, 1.0) for judgement in predicted])


def mel_feature_loss(recorded: Sequence[MelJudgement], predicted: Sequence[MelJudgement]) -> LossTerm:
    """Add up the mean absolute differences of all layers of all judges; no gradient flows to the recordings' side."""
    return _term(
        [
            _mean_inside((theirs.float() - ours.detach().float()).abs(), lengths)
            for r, p in zip(recorded, predicted, strict=True)
            for ours, theirs, lengths in zip(r.features, p.features, r.lengths, strict=True)
        ]
    )


def _logit_error(judgement: MelJudgement, wanted: float) -> Tensor:
    return _mean_inside((judgement.features[-1].float() - wanted).square(), judgement.lengths[-1])


def _mean_inside(values: Tensor, lengths: Tensor) -> Tensor:
    """Average each utterance's values up to its end: (B, C, H, T) -> (B,)."""
    inside = values * valid_positions(lengths, values.shape[3])[:, None, None]
    return inside.sum((1, 2, 3)) / (lengths * values.shape[1] * values.shape[2])


def _term(parts: list[Tensor]) -> LossTerm:
    """Add up parts of utterances, (B,) each."""
    per_utterance = torch.stack(parts).sum(0)
    return LossTerm(per_utterance.sum(), torch.tensor(len(per_utterance), device=per_utterance.device))
