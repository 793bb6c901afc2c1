"""From symbols to frames and back: masks, durations, repetition and averaging.

Positions in frames are counted in int64, so that they stay exact however long the utterance and whatever the precision
of the network.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def valid_positions(lengths: Tensor, size: int) -> Tensor:
    """Mark the positions that lie inside each row.

    Shape:
        lengths: (B,) -> (B, size) bool, True inside the row

    Example:
        >>> valid_positions(torch.tensor([1, 3]), 3).tolist()
        [[True, False, False], [True, True, True]]
    """
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)


def symbol_of_frame(durations: Tensor, num_frames: int) -> Tensor:
    """Name the symbol that each frame belongs to; frames after a row's last symbol get the number of symbols.

    Shape:
        durations: (B, S) int64 -> (B, T) int64, with T = num_frames

    Example:
        >>> symbol_of_frame(torch.tensor([[2, 0, 1]]), 4).tolist()
        [[0, 0, 2, 3]]
    """
    ends = durations.cumsum(1)
    frames = torch.arange(num_frames, device=durations.device).repeat(len(durations), 1)
    return torch.searchsorted(ends, frames, right=True)


def repeat_by_duration(encodings: Tensor, durations: Tensor, num_frames: int | None = None) -> tuple[Tensor, Tensor]:
    """Repeat each symbol's encoding for as many mel frames as its duration.

    A duration of 0 drops the symbol. Rows shorter than the longest are zero-padded on the right.

    Args:
        encodings: One vector per symbol.
        durations: Frames per symbol, 0 in the padding.
        num_frames: Frames of the result; what is longer is cut. None: those of the longest row, which, like the check
            of the durations, waits for the device.

    Raises:
        ValueError: A duration is negative, and `num_frames` is not given.

    Shape:
        encodings: (B, S, C), durations: (B, S) int64 -> (B, T, C), (B,) int64

    Example:
        >>> encodings = torch.tensor([[[1.0], [2.0], [3.0]]])           # B=1, S=3, C=1
        >>> frames, lengths = repeat_by_duration(encodings, torch.tensor([[2, 0, 1]]))
        >>> frames.squeeze(-1).tolist(), lengths.tolist()
        ([[1.0, 1.0, 3.0]], [3])
    """
    lengths = durations.sum(1)
    if num_frames is None:
        if durations.numel() and int(durations.min()) < 0:
            raise ValueError(f"durations must not be negative, found {int(durations.min())}")
        num_frames = int(lengths.max())
    batch, num_symbols, channels = encodings.shape
    # One zero vector after each row's symbols serves the frames past its end; row b's symbols start at b * (S + 1).
    table = F.pad(encodings, (0, 0, 0, 1)).reshape(-1, channels)
    starts = torch.arange(batch, device=durations.device).unsqueeze(1) * (num_symbols + 1)
    return F.embedding(starts + symbol_of_frame(durations, num_frames), table), lengths


def average_by_duration(values: Tensor, counted: Tensor, durations: Tensor) -> Tensor:
    """Average a value per frame over the frames of each symbol, looking at the counted frames only.

    A symbol without a counted frame gets 0. Sums are taken in float64.

    Shape:
        values: (B, T), counted: (B, T) bool, durations: (B, S) int64 -> (B, S) float32

    Example:
        >>> pitch, voiced = torch.tensor([[1.0, 3.0, 9.0, 9.0]]), torch.tensor([[True, True, True, False]])
        >>> average_by_duration(pitch, voiced, torch.tensor([[2, 1, 1]])).tolist()
        [[2.0, 9.0, 0.0]]
    """
    sums = F.pad((values.double() * counted).cumsum(1), (1, 0))
    counts = F.pad(counted.long().cumsum(1), (1, 0))
    ends = durations.cumsum(1)
    starts = ends - durations
    total = sums.gather(1, ends) - sums.gather(1, starts)
    number = counts.gather(1, ends) - counts.gather(1, starts)
    return torch.where(number > 0, total / number.clamp(min=1), 0.0).float()


def round_durations(durations: Tensor, symbol_lengths: Tensor, max_frames: int) -> Tensor:
    """Round durations to whole frames, a half up, and keep them within 0..max_frames; the padding gets 0.

    Shape:
        durations: (B, S) in frames, symbol_lengths: (B,) -> (B, S) int64

    Example:
        >>> round_durations(torch.tensor([[-0.6, 0.5, 1.5, 2.5, 9.0]]), torch.tensor([5]), max_frames=8).tolist()
        [[0, 1, 2, 3, 8]]
    """
    frames = torch.floor(durations + 0.5).clamp(0, max_frames).long()
    return frames * valid_positions(symbol_lengths, durations.shape[1])
