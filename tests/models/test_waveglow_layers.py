import pytest
import torch
from torch import Tensor

from sonorant.models.waveglow_layers import InvertibleMix, inverses


def conditioned(size: int, condition: float) -> Tensor:
    """Return a matrix whose largest singular value is so many times its smallest."""
    generator = torch.Generator().manual_seed(size)
    left, right = (torch.linalg.qr(torch.randn(size, size, generator=generator)).Q for _ in range(2))
    return left @ torch.diag(torch.logspace(0, float(torch.tensor(condition).log10()), size)) @ right


def test_inverses_of_matrices_of_several_sizes() -> None:
    matrices = [conditioned(8, 10.0), conditioned(8, 1000.0), conditioned(6, 100.0), conditioned(4, 1.0)]
    for matrix, inverse in zip(matrices, inverses(matrices), strict=True):
        assert inverse.dtype == matrix.dtype
        torch.testing.assert_close(inverse, torch.linalg.inv(matrix.double()).float(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [2, 8])
def test_a_matrix_whose_corner_is_zero_is_inverted_as_well(size: int) -> None:
    """Elimination without pivoting would divide by zero if it began with the matrix itself."""
    reversal = torch.eye(size).flip(0)
    (inverse,) = inverses([reversal])
    torch.testing.assert_close(inverse, reversal)


def test_a_mixture_starts_as_a_rotation() -> None:
    for seed in range(4):
        torch.manual_seed(seed)
        weight = InvertibleMix(6).weight.detach()
        torch.testing.assert_close(weight @ weight.T, torch.eye(6), rtol=0.0, atol=1e-6)
        assert torch.linalg.det(weight).item() == pytest.approx(1.0, abs=1e-5)


def test_the_log_determinant_of_a_reflection_is_a_number() -> None:
    """An update may turn the sign of the determinant; the density asks only for its size."""
    mix = InvertibleMix(4)
    with torch.no_grad():
        mix.weight[0] *= -2.0
    assert mix.log_determinant().item() == pytest.approx(torch.tensor(2.0).log().item(), abs=1e-5)
