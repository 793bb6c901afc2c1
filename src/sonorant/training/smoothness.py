"""How much smoother predicted mels are than recorded ones."""

from torch import Tensor

from sonorant.models.lengths import valid_positions

LEAST_DEVIATION = 1e-3
"""Of a bin that does not vary: keeps the logarithm finite."""


def variance_error(predicted: Tensor, recorded: Tensor, lengths: Tensor) -> Tensor:
    """Compare how much each mel bin varies over an utterance: |ln of the ratio of standard deviations|, averaged.

    A model that minimises squared errors predicts means, whose variance is too small, and sounds muffled (the "global
    variance" of Toda and Tokuda 2007).

    Shape:
        predicted, recorded: (B, n_mels, T), lengths: (B,) -> (B,)

    Example:
        >>> recorded = Tensor([[[0.0, 4.0, 0.0, 4.0]]])
        >>> variance_error(recorded / 2, recorded, Tensor([4])).exp()
        tensor([2.])
    """
    deviations = [_deviation(mel.float(), lengths) for mel in (predicted, recorded)]
    return (deviations[0].log() - deviations[1].log()).abs().mean(1)


def _deviation(mel: Tensor, lengths: Tensor) -> Tensor:
    """Return the standard deviation over the valid frames: (B, n_mels, T) -> (B, n_mels)."""
    valid, count = valid_positions(lengths, mel.shape[2]).unsqueeze(1), lengths.unsqueeze(1)
    mean = (mel * valid).sum(2) / count
    squares = ((mel - mean.unsqueeze(2)) * valid).square().sum(2) / count
    return squares.sqrt().clamp(min=LEAST_DEVIATION)
