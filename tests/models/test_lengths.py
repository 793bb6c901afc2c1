import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.models.lengths import (
    average_by_duration,
    repeat_by_duration,
    round_durations,
    symbol_of_frame,
    valid_positions,
)

duration_rows = st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=3)


def test_valid_positions_end_at_the_length():
    assert valid_positions(torch.tensor([0, 2]), 2).tolist() == [[False, False], [True, True]]


@settings(max_examples=50, deadline=None)
@given(duration_rows)
def test_repetition_equals_repeat_interleave_row_by_row(rows):
    durations = torch.tensor(rows)
    encodings = torch.randn(*durations.shape, 3)
    frames, lengths = repeat_by_duration(encodings, durations)
    assert lengths.tolist() == [sum(row) for row in rows]
    for row, length in enumerate(lengths):
        assert torch.equal(frames[row, :length], encodings[row].repeat_interleave(durations[row], 0))
        assert not frames[row, length:].any()


@settings(max_examples=50, deadline=None)
@given(duration_rows)
def test_averages_equal_a_plain_loop(rows):
    durations = torch.tensor(rows)
    values = torch.randn(len(rows), 20)
    counted = torch.rand(values.shape) < 0.5
    averages = average_by_duration(values, counted, durations)
    for row, row_durations in enumerate(rows):
        start = 0
        for symbol, duration in enumerate(row_durations):
            inside = values[row, start : start + duration][counted[row, start : start + duration]]
            expected = inside.mean() if len(inside) else torch.tensor(0.0)
            assert averages[row, symbol] == pytest.approx(expected.item(), abs=1e-6)
            start += duration


def test_an_uncounted_value_never_reaches_the_average():
    values, counted = torch.tensor([[5.0, 1e30, 7.0]]), torch.tensor([[True, False, True]])
    assert average_by_duration(values, counted, torch.tensor([[2, 1]])).tolist() == [[5.0, 7.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_positions_stay_exact_beyond_2048_frames_in_half_precision(dtype):
    durations = torch.full((1, 400), 7)
    encodings = torch.arange(400.0).remainder(128).view(1, 400, 1).to(dtype)
    frames, lengths = repeat_by_duration(encodings, durations)
    assert lengths.item() == 2800
    assert torch.equal(frames[0, :, 0].float(), torch.arange(2800).div(7, rounding_mode="floor").remainder(128).float())


def test_repetition_sends_each_symbol_the_gradient_of_its_frames():
    encodings = torch.zeros(2, 3, 1, requires_grad=True)
    frames, _ = repeat_by_duration(encodings, torch.tensor([[2, 0, 1], [1, 1, 4]]))
    frames.sum().backward()
    assert encodings.grad is not None
    assert encodings.grad[:, :, 0].tolist() == [[2, 0, 1], [1, 1, 4]]


def test_repetition_fills_up_to_the_frames_asked_for():
    frames, lengths = repeat_by_duration(torch.ones(1, 1, 1), torch.tensor([[2]]), num_frames=4)
    assert frames.flatten().tolist() == [1, 1, 0, 0]
    assert lengths.tolist() == [2]


def test_nothing_to_say_gives_no_frames():
    frames, lengths = repeat_by_duration(torch.ones(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64))
    assert frames.shape == (2, 0, 4)
    assert lengths.tolist() == [0, 0]


def test_a_negative_duration_is_refused():
    with pytest.raises(ValueError, match=r"must not be negative, found -1"):
        repeat_by_duration(torch.ones(1, 2, 1), torch.tensor([[3, -1]]))


def test_what_is_longer_than_the_frames_is_cut():
    frames, lengths = repeat_by_duration(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[3, 2]]), num_frames=4)
    assert frames.flatten().tolist() == [1.0, 1.0, 1.0, 2.0] and lengths.tolist() == [5]


def test_frames_after_the_last_symbol_belong_to_none():
    assert symbol_of_frame(torch.tensor([[0, 1, 0, 2], [1, 1, 1, 1]]), 4).tolist() == [[1, 3, 3, 4], [0, 1, 2, 3]]


def test_every_half_rounds_up():
    durations = torch.tensor([[0.5, 1.5, 2.5, 3.5]])
    assert round_durations(durations, torch.tensor([4]), max_frames=75).tolist() == [[1, 2, 3, 4]]


def test_rounded_durations_keep_their_bounds_and_leave_the_padding_empty():
    durations = torch.tensor([[-3.0, 200.0, 4.0, 4.0]])
    assert round_durations(durations, torch.tensor([3]), max_frames=75).tolist() == [[0, 75, 4, 0]]
