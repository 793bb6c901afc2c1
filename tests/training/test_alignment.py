import pytest
import torch

from sonorant.training.alignment import alignment_quality


def hard(durations: list[int], num_frames: int) -> torch.Tensor:
    rows = [symbol for symbol, duration in enumerate(durations) for _ in range(duration)]
    alignment = torch.zeros(1, num_frames, len(durations), dtype=torch.bool)
    alignment[0, torch.arange(len(rows)), torch.tensor(rows)] = True
    return alignment


def test_a_blurred_alignment_has_no_focus_and_runs_nowhere() -> None:
    path = hard([3, 5, 2], 10)
    quality = alignment_quality(torch.full((1, 10, 3), 1 / 3), path, torch.tensor([10]))
    assert quality["focus"].item() == pytest.approx(1 / 3)
    assert quality["agreement"].item() == pytest.approx(1 / 3)
    assert quality["diagonality"].item() == pytest.approx(0, abs=1e-3)


def test_an_alignment_that_runs_backwards_is_told_apart() -> None:
    path = hard([4, 4], 8)
    quality = alignment_quality(path.float().flip(1), path, torch.tensor([8]))
    assert quality["focus"].item() == 1
    assert quality["agreement"].item() == 0
    assert quality["diagonality"].item() < -0.8


def test_padding_does_not_count() -> None:
    path = hard([3, 5, 2], 10)
    alone = alignment_quality(path.float(), path, torch.tensor([10]))
    padded = hard([3, 5, 2], 14)
    noise = padded.float()
    noise[:, 10:] = 0.7
    for name, value in alignment_quality(noise, padded, torch.tensor([10])).items():
        torch.testing.assert_close(value, alone[name])
