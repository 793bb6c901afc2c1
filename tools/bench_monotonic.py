"""Time the monotonic alignment search against a plain Python loop over rows, frames and symbols.

Run: python tools/bench_monotonic.py [--batch 32 --symbols 100 --frames 600]
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from sonorant.models.monotonic import monotonic_durations


def plain_durations(log_probs: Tensor, symbol_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Find the same alignment one number at a time."""
    durations = torch.zeros(log_probs.shape[0], log_probs.shape[2], dtype=torch.int64)
    for row, (num_symbols, num_frames) in enumerate(zip(symbol_lengths.tolist(), mel_lengths.tolist(), strict=True)):
        for symbol, frames in enumerate(_plain_row(log_probs[row].tolist(), num_symbols, num_frames)):
            durations[row, symbol] = frames
    return durations


def _plain_row(log_probs: list[list[float]], num_symbols: int, num_frames: int) -> list[int]:
    scores = [[float("-inf")] * num_symbols for _ in range(num_frames)]
    scores[0][0] = log_probs[0][0]
    for frame in range(1, num_frames):
        for symbol in range(min(num_symbols, frame + 1)):
            before = scores[frame - 1]
            best = max(before[symbol], before[symbol - 1]) if symbol else before[symbol]
            scores[frame][symbol] = best + log_probs[frame][symbol]
    durations, symbol = [0] * num_symbols, num_symbols - 1
    for frame in range(num_frames - 1, 0, -1):
        durations[symbol] += 1
        before = scores[frame - 1]
        if symbol and before[symbol - 1] > before[symbol]:
            symbol -= 1
    durations[0] += 1
    return durations


def _seconds(function: Callable[[], object], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print both times and their ratio, after making sure that both find the same durations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--frames", type=int, default=600)
    sizes = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    # Quarters add up without rounding, so that float32 and Python's float64 see the same ties.
    log_probs = -torch.randint(1, 100, (sizes.batch, sizes.frames, sizes.symbols), generator=generator) / 4
    symbol_lengths = torch.full((sizes.batch,), sizes.symbols)
    mel_lengths = torch.full((sizes.batch,), sizes.frames)
    arguments = (log_probs, symbol_lengths, mel_lengths)
    if not torch.equal(monotonic_durations(*arguments), plain_durations(*arguments)):
        raise SystemExit("the two searches disagree")
    fast = _seconds(lambda: monotonic_durations(*arguments), repeats=7)
    plain = _seconds(lambda: plain_durations(*arguments), repeats=1)
    print(f"batch {sizes.batch}, {sizes.symbols} symbols, {sizes.frames} frames, same durations")
    print(f"vectorised {fast * 1e3:.1f} ms, plain loop {plain * 1e3:.1f} ms: {plain / fast:.0f} times faster")


if __name__ == "__main__":
    main()
