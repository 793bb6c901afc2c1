"""Monotonic alignment search: the best path through a text-to-speech alignment (Kim et al. 2020, section 2.2).

The recurrence needs one step per frame and nothing else: a step handles all symbols of all rows at once.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def monotonic_durations(log_probs: Tensor, symbol_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Find the most probable monotonic alignment and return how many frames it gives each symbol.

    The path starts at the first symbol, ends at the last, skips none and never goes back: every symbol gets at least
    one frame, and a row's durations sum to its frames. Adding a number to all symbols of a frame changes nothing.

    Raises:
        ValueError: A row has no symbols, or fewer frames than symbols.

    Shape:
        log_probs: (B, T, S), symbol_lengths: (B,), mel_lengths: (B,) -> (B, S) int64 on the device of `log_probs`

    Example:
        >>> log_probs = torch.tensor([[[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]]).log()
        >>> monotonic_durations(log_probs, torch.tensor([2]), torch.tensor([3])).tolist()
        [[2, 1]]
    """
    num_symbols, num_frames = symbol_lengths.cpu().numpy(), mel_lengths.cpu().numpy()
    for row in np.flatnonzero((num_symbols < 1) | (num_frames < num_symbols)):
        raise ValueError(
            f"row {row}: {num_frames[row]} frames cannot be aligned to {num_symbols[row]} symbols, "
            "there must be at least one symbol and a frame for each"
        )
    frames_first = np.ascontiguousarray(log_probs.detach().float().cpu().numpy().transpose(1, 0, 2))
    durations = _backtrack(_advances(frames_first), num_symbols, num_frames)
    return torch.from_numpy(durations).to(log_probs.device)


def _advances(log_probs: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say for each frame and symbol whether the best path to it comes from the symbol before.

    Shape:
        log_probs: (T, B, S) -> (T, B, S)
    """
    num_frames, batch, num_symbols = log_probs.shape
    advances = np.zeros(log_probs.shape, dtype=np.bool_)
    # Column 0 stands before the first symbol, so that the last S columns and the first S are "stay" and "advance".
    scores = np.full((batch, num_symbols + 1), -np.inf, dtype=np.float32)
    advance, stay = scores[:, :-1], scores[:, 1:]
    stay[:, 0] = log_probs[0, :, 0]
    best = np.empty_like(stay)
    for frame in range(1, num_frames):
        np.greater(advance, stay, out=advances[frame])
        np.maximum(advance, stay, out=best)
        np.add(best, log_probs[frame], out=stay)
    # Symbol k at frame k leaves no choice, whatever the probabilities.
    forced = np.arange(1, min(num_frames, num_symbols))
    advances[forced, :, forced] = True
    return advances


def _backtrack(
    advances: NDArray[np.bool_], num_symbols: NDArray[np.int64], num_frames: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Walk each row's path back from its last frame and symbol, counting the frames of each symbol."""
    total_frames, batch, total_symbols = advances.shape
    rows = np.arange(batch)
    durations = np.zeros((batch, total_symbols), dtype=np.int64)
    symbol = num_symbols - 1
    for frame in range(total_frames - 1, -1, -1):
        inside = frame < num_frames
        durations[rows, symbol] += inside
        symbol = symbol - (advances[frame, rows, symbol] & inside)
    return durations
