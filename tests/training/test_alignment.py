import pytest
import torch

from sonorant.training.alignment import agreement, alignment_quality


def hard(durations: list[int]) -> torch.Tensor:
    """(1, steps, S): each symbol is attended to for so many steps."""
    symbols = torch.tensor([symbol for symbol, duration in enumerate(durations) for _ in range(duration)])
    return torch.eye(len(durations), dtype=torch.bool)[symbols][None]


def along(*attended: int, num_symbols: int = 8) -> torch.Tensor:
    """(1, steps, S): the symbol that each step attends to."""
    return torch.eye(num_symbols)[torch.tensor(attended)][None]


def measure(alignment: torch.Tensor) -> dict[str, float]:
    _, num_steps, num_symbols = alignment.shape
    quality = alignment_quality(alignment, torch.tensor([num_steps]), torch.tensor([num_symbols]))
    return {name: value.item() for name, value in quality.items()}


def test_a_path_along_all_symbols_is_faultless() -> None:
    quality = measure(hard([3, 3, 3, 3]).float())
    assert quality == {"focus": 1.0, "diagonality": pytest.approx(0.96, abs=0.02), "skipped": 0.0, "repeated": 0.0}


def test_a_blurred_alignment_has_no_focus_runs_nowhere_and_sees_no_symbol() -> None:
    quality = measure(torch.full((1, 30, 12), 1 / 12))
    assert quality["focus"] == pytest.approx(1 / 12)
    assert quality["diagonality"] == pytest.approx(0, abs=1e-3)
    assert quality["skipped"] == 1.0


def test_an_alignment_that_runs_backwards_is_told_apart() -> None:
    quality = measure(hard([4, 4, 4]).float().flip(1))
    assert quality["focus"] == 1
    assert quality["diagonality"] < -0.8
    assert quality["repeated"] == 0  # no symbol comes twice


def test_skipped_symbols_are_counted() -> None:
    assert measure(along(0, 1, 2, 5, 6, 7))["skipped"] == pytest.approx(2 / 8)


def test_a_symbol_seen_from_the_corner_of_the_eye_is_not_skipped() -> None:
    alignment = along(0, 1, 2, 4, 5, 6, 7)
    assert measure(alignment)["skipped"] == pytest.approx(1 / 8)
    alignment[0, 2, 2:4] = torch.tensor([0.8, 0.2])
    assert measure(alignment)["skipped"] == 0


def test_each_symbol_that_is_gone_back_to_counts_once() -> None:
    assert measure(along(0, 1, 2, 3, 4, 1, 2, 1, 2, 3, 4, 5, 6, 7))["repeated"] == pytest.approx(2 / 8)


def test_one_look_ahead_repeats_nothing() -> None:
    assert measure(along(5, 0, 0, 1, 2, 3, 4, 5, 6, 7))["repeated"] == 0
    assert measure(along(0, 1, 6, 2, 3, 4, 5, 6, 7))["repeated"] == 0


def test_flickering_between_neighbours_is_no_repetition() -> None:
    assert measure(along(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 6, 7))["repeated"] == 0


def test_staying_on_one_symbol_is_no_diagonal() -> None:
    assert measure(along(*[3] * 20))["diagonality"] == 0


def test_agreement_is_the_weight_along_the_hard_path() -> None:
    path, lengths = hard([3, 5, 2]), torch.tensor([10])
    assert agreement(torch.full((1, 10, 3), 1 / 3), path, lengths).item() == pytest.approx(1 / 3)
    assert agreement(hard([4, 4]).float().flip(1), hard([4, 4]), torch.tensor([8])).item() == 0


def test_padding_does_not_count() -> None:
    alignment = along(0, 1, 2, 2, 3, 1, 6)[:, :, :7]
    padded = torch.rand(1, 11, 9, generator=torch.Generator().manual_seed(0))
    padded[:, :7, :7] = alignment
    lengths = torch.tensor([7]), torch.tensor([7])
    alone = alignment_quality(alignment, *lengths)
    for name, value in alignment_quality(padded, *lengths).items():
        torch.testing.assert_close(value, alone[name])
    everywhere = torch.ones_like(padded, dtype=torch.bool)
    assert agreement(padded, everywhere, lengths[0]).item() == pytest.approx(padded[:, :7].sum().item() / 7)
