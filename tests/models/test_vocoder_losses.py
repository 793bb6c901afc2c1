import pytest
import torch
from torch import Tensor

from sonorant.models.discriminators import DiscriminatorOutput
from sonorant.models.vocoder_losses import (
    discriminator_loss,
    feature_loss,
    generator_adversarial_loss,
    spectral_loss,
)


def judged(*layers: list[float], requires_grad: bool = False) -> DiscriminatorOutput:
    features = [torch.tensor([layer], requires_grad=requires_grad) for layer in layers]
    return DiscriminatorOutput(features[-1], features)


def test_judges_are_pulled_to_one_for_real_and_to_zero_for_fake() -> None:
    real, fake = [judged([1.0, 0.0]), judged([3.0])], [judged([0.0, 2.0]), judged([1.0])]
    assert discriminator_loss(real, fake).item() == pytest.approx((0 + 1) / 2 + (0 + 4) / 2 + 4 + 1)


def test_perfect_judges_lose_nothing() -> None:
    assert discriminator_loss([judged([1.0, 1.0])], [judged([0.0, 0.0])]).item() == 0


def test_the_generator_is_pulled_to_one() -> None:
    assert generator_adversarial_loss([judged([0.0, 1.0]), judged([3.0])]).item() == pytest.approx(0.5 + 4)


def test_features_are_compared_in_every_layer_logits_included() -> None:
    real, fake = judged([1.0, 2.0], [0.0], [5.0]), judged([2.0, 4.0], [0.0], [1.0])
    assert feature_loss([real, real], [fake, fake]).item() == pytest.approx(2 * (1.5 + 0 + 4))


def test_no_gradient_flows_into_the_features_of_the_recording() -> None:
    real, fake = judged([1.0, 2.0], [1.0], requires_grad=True), judged([3.0, 0.0], [0.0], requires_grad=True)
    feature_loss([real], [fake]).backward()
    assert [feature.grad for feature in real.features] == [None, None]
    assert all(feature.grad is not None and feature.grad.all() for feature in fake.features)


def test_unequal_numbers_of_judges_are_refused() -> None:
    with pytest.raises(ValueError):
        discriminator_loss([judged([1.0])], [])


def noise(rows: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(rows, 4096, generator=torch.Generator().manual_seed(seed))


def test_spectral_loss_of_a_waveform_with_itself_is_zero() -> None:
    assert spectral_loss(noise(2), noise(2)).item() == 0


def test_spectral_loss_ignores_a_change_of_sign_and_hears_a_change_of_gain() -> None:
    real = noise(2)
    assert spectral_loss(real, -real).item() == pytest.approx(0, abs=1e-5)
    # half the gain: convergence |1 - 1/2|, log distance log 2
    assert spectral_loss(real, 0.5 * real).item() == pytest.approx(0.5 + 0.6931, abs=1e-3)


def test_spectral_loss_does_not_depend_on_how_a_batch_is_split() -> None:
    real, fake = noise(4) * torch.tensor([[1.0], [0.1], [2.0], [0.5]]), noise(4, seed=1)
    halves = (spectral_loss(real[:2], fake[:2]) + spectral_loss(real[2:], fake[2:])) / 2
    torch.testing.assert_close(spectral_loss(real, fake), halves)


@pytest.mark.parametrize(("real", "fake"), [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_spectral_loss_has_finite_gradients_on_silence(real: float, fake: float) -> None:
    generated = (noise(1, seed=1) * fake).requires_grad_()
    loss = spectral_loss(noise(1) * real, generated)
    loss.backward()
    assert loss.isfinite()
    assert generated.grad is not None and generated.grad.isfinite().all()


def test_autocast_changes_no_loss() -> None:
    logits = torch.tensor([[0.3, 0.7]])
    output = DiscriminatorOutput(logits.bfloat16(), [logits.bfloat16()])
    rounded = DiscriminatorOutput(logits.bfloat16().float(), [logits.bfloat16().float()])
    expected = spectral_loss(noise(1), noise(1, seed=1))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(spectral_loss(noise(1), noise(1, seed=1)), expected)
        assert torch.equal(generator_adversarial_loss([output]), generator_adversarial_loss([rounded]))
        assert torch.equal(discriminator_loss([output], [output]), discriminator_loss([rounded], [rounded]))
