"""Numbers that tell whether an aligner has learned, without looking at a picture."""

import torch
from torch import Tensor

from sonorant.models.lengths import valid_positions


def alignment_quality(soft: Tensor, hard: Tensor, mel_lengths: Tensor) -> dict[str, Tensor]:
    """Measure each utterance's soft alignment; all three numbers are near 1 when it has been learned.

    focus: the highest probability of a frame, averaged over frames. agreement: the probability that the frame gives to
    the hard alignment's symbol, averaged. diagonality: the correlation over frames of time and the expected symbol.

    Shape:
        soft: (B, T, S), hard: (B, T, S) bool, mel_lengths: (B,) -> (B,) each

    Example:
        >>> hard = torch.eye(4, dtype=torch.bool)[None]
        >>> {name: float(value) for name, value in alignment_quality(hard.float(), hard, torch.tensor([4])).items()}
        {'focus': 1.0, 'agreement': 1.0, 'diagonality': 1.0}
    """
    valid = valid_positions(mel_lengths, soft.shape[1])
    soft = soft.float()
    positions = soft @ torch.arange(soft.shape[2], dtype=soft.dtype, device=soft.device)
    times = torch.arange(soft.shape[1], dtype=soft.dtype, device=soft.device).expand_as(positions)
    return {
        "focus": _mean(soft.amax(2), valid),
        "agreement": _mean((soft * hard).sum(2), valid),
        "diagonality": _correlation(times, positions, valid),
    }


def _correlation(a: Tensor, b: Tensor, valid: Tensor) -> Tensor:
    """Correlate valid values row by row; a row that does not vary correlates with nothing."""
    a, b = a - _mean(a, valid)[:, None], b - _mean(b, valid)[:, None]
    spread = (_mean(a * a, valid) * _mean(b * b, valid)).sqrt()
    return _mean(a * b, valid) / spread.clamp(min=1e-8)


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    return (values * valid).sum(1) / valid.sum(1)
