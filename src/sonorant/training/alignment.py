"""Numbers that tell whether symbols and sound have been aligned, without looking at a picture.

A step is whatever attends to the symbols: a frame of FastPitch's aligner, a decoder step of Tacotron 2.
"""

import torch
from torch import Tensor

from sonorant.models.lengths import valid_positions
from sonorant.synthesis.reading import SEEN
from sonorant.training.early_stop import Better

ALIGNMENT_METRICS: dict[str, Better] = {
    "focus": "higher",
    "diagonality": "higher",
    "skipped": "lower",
    "repeated": "lower",
}
"""What `alignment_quality` measures -> which values are better."""

FLICKER = 1
"""Going back by so many symbols is no repetition: between two symbols the larger weight may change sides twice."""


def alignment_quality(alignment: Tensor, num_steps: Tensor, symbol_lengths: Tensor) -> dict[str, Tensor]:
    """Measure each utterance's soft alignment; learned, the first two are near 1 and the other two near 0.

    focus: the highest weight of a step, averaged over steps.
    diagonality: the correlation over steps of time and the expected symbol.
    skipped: the share of symbols whose weight reaches `SEEN` at no step.
    repeated: the share of symbols that steps attend to most, leave for one more than `FLICKER` further on, and come
        back to.

    Shape:
        alignment: (B, steps, S), num_steps: (B,), symbol_lengths: (B,) -> (B,) each

    Example:
        >>> attended = torch.tensor([0, 1, 3, 4, 1])                       # never 2, and 1 again at the end
        >>> alignment = torch.eye(5)[attended][None]
        >>> quality = alignment_quality(alignment, torch.tensor([5]), torch.tensor([5]))
        >>> {name: round(float(value), 2) for name, value in quality.items()}
        {'focus': 1.0, 'diagonality': 0.48, 'skipped': 0.2, 'repeated': 0.2}
    """
    valid_steps = valid_positions(num_steps, alignment.shape[1])
    valid_symbols = valid_positions(symbol_lengths, alignment.shape[2])
    alignment = alignment.float() * valid_steps.unsqueeze(2) * valid_symbols.unsqueeze(1)
    positions = alignment @ torch.arange(alignment.shape[2], dtype=alignment.dtype, device=alignment.device)
    times = torch.arange(alignment.shape[1], dtype=alignment.dtype, device=alignment.device).expand_as(positions)
    return {
        "focus": _mean(alignment.amax(2), valid_steps),
        "diagonality": _correlation(times, positions, valid_steps),
        "skipped": _mean(alignment.amax(1) < SEEN, valid_symbols),
        "repeated": _mean(_returned_to(alignment.argmax(2), valid_steps, alignment.shape[2]), valid_symbols),
    }


def agreement(soft: Tensor, hard: Tensor, num_steps: Tensor) -> Tensor:
    """Average over steps the weight that the soft alignment gives to the hard one's symbol.

    Shape:
        soft: (B, steps, S), hard: (B, steps, S) bool, num_steps: (B,) -> (B,)

    Example:
        >>> agreement(torch.tensor([[[0.9, 0.1], [0.5, 0.5]]]), torch.eye(2, dtype=torch.bool)[None], torch.tensor([2]))
        tensor([0.7000])
    """
    return _mean((soft.float() * hard).sum(2), valid_positions(num_steps, soft.shape[1]))


def _returned_to(attended: Tensor, valid_steps: Tensor, num_symbols: int) -> Tensor:
    """Mark the symbols that are attended to again after one more than `FLICKER` further on.

    Shape:
        attended: (B, steps) int64, valid_steps: (B, steps) bool -> (B, S) bool
    """
    symbols = torch.arange(num_symbols, device=attended.device)
    here = (attended.unsqueeze(2) == symbols) & valid_steps.unsqueeze(2)  # (B, steps, S)
    beyond = attended.unsqueeze(2) > symbols + FLICKER
    left = _so_far(_so_far(here) & beyond)
    return (here & left).any(1)


def _so_far(happens: Tensor) -> Tensor:
    """Tell whether something has happened at a step or before: (B, steps, S) bool, likewise."""
    return happens.cumsum(1) > 0


def _correlation(a: Tensor, b: Tensor, valid: Tensor) -> Tensor:
    """Correlate valid values row by row; a row that does not vary correlates with nothing."""
    a, b = a - _mean(a, valid)[:, None], b - _mean(b, valid)[:, None]
    spread = (_mean(a * a, valid) * _mean(b * b, valid)).sqrt()
    return _mean(a * b, valid) / spread.clamp(min=1e-8)


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    return (values * valid).sum(1) / valid.sum(1)
