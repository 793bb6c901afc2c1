from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.models.monotonic import monotonic_durations


def search(log_probs, symbol_lengths, mel_lengths):
    return monotonic_durations(log_probs, torch.tensor(symbol_lengths), torch.tensor(mel_lengths))


def best_durations(log_probs):
    """Try every monotonic path that skips no symbol."""
    num_frames, num_symbols = log_probs.shape
    best, best_score = None, -float("inf")
    for starts in combinations(range(1, num_frames), num_symbols - 1):
        bounds = (0, *starts, num_frames)
        score = sum(log_probs[bounds[k] : bounds[k + 1], k].sum().item() for k in range(num_symbols))
        if score > best_score:
            best, best_score = [bounds[k + 1] - bounds[k] for k in range(num_symbols)], score
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 2**31))
def test_the_path_is_the_best_of_all_paths(num_symbols, extra_frames, seed):
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(num_symbols + extra_frames, num_symbols, generator=generator)
    found = search(log_probs.unsqueeze(0), [num_symbols], [num_symbols + extra_frames])
    assert found.tolist() == [best_durations(log_probs)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 30)), min_size=1, max_size=5), st.integers(0, 2**31))
def test_durations_sum_to_the_frames_and_no_symbol_is_skipped(sizes, seed):
    symbol_lengths = [symbols for symbols, _ in sizes]
    mel_lengths = [symbols + extra for symbols, extra in sizes]
    generator = torch.Generator().manual_seed(seed)
    log_probs = 50 * torch.randn(len(sizes), max(mel_lengths), max(symbol_lengths), generator=generator)
    durations = search(log_probs, symbol_lengths, mel_lengths)
    assert durations.sum(1).tolist() == mel_lengths
    for row, length in enumerate(symbol_lengths):
        assert durations[row, :length].min() >= 1
        assert not durations[row, length:].any()


def test_padding_changes_no_row():
    log_probs = torch.randn(3, 40, 12)
    symbol_lengths, mel_lengths = [12, 5, 1], [40, 9, 17]
    together = search(log_probs, symbol_lengths, mel_lengths)
    for row, (symbols, frames) in enumerate(zip(symbol_lengths, mel_lengths, strict=True)):
        alone = search(log_probs[row : row + 1, :frames, :symbols], [symbols], [frames])
        assert torch.equal(together[row, :symbols], alone[0])


def test_a_level_per_frame_changes_nothing():
    log_probs = torch.randn(2, 30, 6)
    level = 10 * torch.randn(2, 30, 1)
    assert torch.equal(search(log_probs, [6, 6], [30, 30]), search(log_probs + level, [6, 6], [30, 30]))


def test_one_symbol_takes_all_frames():
    assert search(torch.randn(1, 7, 1), [1], [7]).tolist() == [[7]]


def test_as_many_frames_as_symbols_leave_no_choice():
    assert search(torch.randn(1, 5, 5), [5], [5]).tolist() == [[1, 1, 1, 1, 1]]


def test_fewer_frames_than_symbols_are_refused_naming_the_row():
    with pytest.raises(ValueError, match=r"row 1: 3 frames cannot be aligned to 4 symbols"):
        search(torch.randn(2, 8, 4), [4, 4], [8, 3])


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match=r"row 0: 8 frames cannot be aligned to 0 symbols"):
        search(torch.randn(1, 8, 4), [0], [8])


def test_impossible_and_undefined_probabilities_still_give_an_alignment():
    for value in (-torch.inf, torch.nan):
        durations = search(torch.full((1, 9, 4), value), [4], [9])
        assert durations.min() >= 1
        assert durations.sum() == 9
