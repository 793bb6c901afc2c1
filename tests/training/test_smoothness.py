import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sonorant.training.smoothness import LEAST_DEVIATION, variance_error

LENGTHS = torch.tensor([50, 17])


def a_mel(seed: int = 0) -> Tensor:
    return -5 + 2 * torch.randn(2, 4, 50, generator=torch.Generator().manual_seed(seed))


def test_a_mel_has_no_error_against_itself_nor_shifted_by_a_constant() -> None:
    assert variance_error(a_mel(), a_mel(), LENGTHS).tolist() == [0, 0]
    assert variance_error(a_mel() + 3, a_mel(), LENGTHS).tolist() == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_twice_is_as_wrong_as_half(factor: float) -> None:
    assert variance_error(factor * a_mel(), a_mel(), LENGTHS).tolist() == pytest.approx([math.log(2)] * 2, rel=1e-5)


def test_too_much_in_one_bin_does_not_make_good_too_little_in_another() -> None:
    factors = torch.tensor([0.5, 2.0, 1.0, 1.0])[:, None]
    error = variance_error(factors * a_mel(), a_mel(), LENGTHS)
    assert error.tolist() == pytest.approx([math.log(2) / 2] * 2, rel=1e-5)


def test_it_does_not_depend_on_the_padding_nor_on_the_other_row() -> None:
    expected = variance_error(a_mel(), a_mel(1), LENGTHS)
    padded, other = (F.pad(mel, (0, 9), value=7.0) for mel in (a_mel(), a_mel(1)))
    padded[1, :, 17:] = 1e3
    torch.testing.assert_close(variance_error(padded, other, LENGTHS), expected)
    alone = variance_error(a_mel()[1:, :, :17], a_mel(1)[1:, :, :17], LENGTHS[1:])
    torch.testing.assert_close(alone, expected[1:])


def test_a_bin_that_does_not_vary_has_the_least_deviation() -> None:
    varying = torch.tensor([1.0, -1.0]).repeat(25).expand(1, 4, 50)
    still, length = torch.full((1, 4, 50), -11.5), torch.tensor([50])
    wrong = -math.log(LEAST_DEVIATION)
    assert variance_error(still, varying, length).item() == pytest.approx(wrong, rel=1e-5)
    assert variance_error(varying, still, length).item() == pytest.approx(wrong, rel=1e-5)
    assert variance_error(still, still, length).item() == 0


def test_an_utterance_of_one_frame_has_no_error() -> None:
    assert variance_error(a_mel()[:, :, :1], a_mel(1)[:, :, :1], torch.ones(2)).tolist() == [0, 0]


def test_a_prediction_in_half_precision_is_measured_in_float32() -> None:
    rough = a_mel().bfloat16()
    found = variance_error(rough, a_mel(1), LENGTHS)
    assert torch.equal(found, variance_error(rough.float(), a_mel(1), LENGTHS)) and found.dtype == torch.float32
