import pytest
import torch
from torch import Tensor

from sonorant.config import MelDiscriminatorConfig
from sonorant.models.mel_adversarial_losses import mel_adversarial_loss, mel_discriminator_loss, mel_feature_loss
from sonorant.models.mel_discriminators import MelDiscriminators, MelJudgement

LENGTHS = torch.tensor([40, 7, 23, 1])


def judged(*layers: list[list[float]], lengths: tuple[int, ...], requires_grad: bool = False) -> MelJudgement:
    """A judgement of one channel and one bin; each layer has a row per utterance, as long as it is told."""
    features = [torch.tensor(layer)[:, None, None].requires_grad_(requires_grad) for layer in layers]
    return MelJudgement(features, [torch.tensor(lengths)] * len(layers))


def two_judgements(rows: slice = slice(None)) -> tuple[list[MelJudgement], list[MelJudgement]]:
    """What freshly made judges make of two batches of noise, or of some rows of them."""
    torch.manual_seed(0)
    judges = MelDiscriminators(MelDiscriminatorConfig(patch_channels=2, band_channels=4), n_mels=20)
    recorded, predicted = torch.randn(2, len(LENGTHS), 20, 40)
    frames = int(LENGTHS[rows].max())
    first, second = (judges(mel[rows, :, :frames], LENGTHS[rows]) for mel in (recorded, predicted))
    return first, second


def test_judges_are_pulled_to_one_for_recordings_and_to_zero_for_predictions() -> None:
    recorded = [judged([[1.0, 0.0]], lengths=(2,)), judged([[3.0]], lengths=(1,))]
    predicted = [judged([[0.0, 2.0]], lengths=(2,)), judged([[1.0]], lengths=(1,))]
    total, count = mel_discriminator_loss(recorded, predicted)
    assert total.item() == pytest.approx((0 + 1) / 2 + (0 + 4) / 2 + 4 + 1)
    assert count.item() == 1


def test_judges_that_are_right_lose_nothing() -> None:
    assert mel_discriminator_loss([judged([[1.0]], lengths=(1,))], [judged([[0.0]], lengths=(1,))]).sum == 0


def test_judges_that_cannot_tell_lose_a_half_each() -> None:
    """`WinningJudgesAlarm` knows this."""
    undecided = [judged([[0.5, 0.5], [0.5, 0.0]], lengths=(2, 1))] * 2
    total, count = mel_discriminator_loss(undecided, undecided)
    assert total / count == 2 * 0.5


def test_the_model_is_pulled_to_one() -> None:
    predicted = [judged([[0.0, 1.0]], lengths=(2,)), judged([[3.0]], lengths=(1,))]
    assert mel_adversarial_loss(predicted).sum.item() == pytest.approx(0.5 + 4)


def test_features_are_compared_in_every_layer_logits_included() -> None:
    recorded = judged([[1.0, 2.0]], [[0.0, 0.0]], [[5.0, 1.0]], lengths=(2,))
    predicted = judged([[2.0, 4.0]], [[0.0, 0.0]], [[1.0, 1.0]], lengths=(2,))
    assert mel_feature_loss([recorded] * 2, [predicted] * 2).sum.item() == pytest.approx(2 * (1.5 + 0 + 2))


def test_channels_and_bins_are_averaged_like_frames() -> None:
    values = torch.arange(12.0).reshape(1, 2, 3, 2)
    zero, other = (MelJudgement([part], [torch.tensor([1])]) for part in (torch.zeros_like(values), values))
    assert mel_feature_loss([zero], [other]).sum.item() == pytest.approx((0 + 2 + 4 + 6 + 8 + 10) / 6)


def test_no_gradient_flows_into_the_features_of_the_recording() -> None:
    recorded = judged([[1.0, 2.0]], [[1.0, 1.0]], lengths=(2,), requires_grad=True)
    predicted = judged([[3.0, 0.0]], [[0.0, 0.0]], lengths=(2,), requires_grad=True)
    mel_feature_loss([recorded], [predicted]).sum.backward()
    assert [feature.grad for feature in recorded.features] == [None, None]
    assert all(feature.grad is not None and feature.grad.all() for feature in predicted.features)


def test_a_long_utterance_counts_as_much_as_a_short_one() -> None:
    total, count = mel_adversarial_loss([judged([[0.0, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]], lengths=(4, 1))])
    assert (total.item(), count.item()) == (1 + 4, 2)


@pytest.mark.parametrize("loss", [
    mel_discriminator_loss, mel_feature_loss, lambda _, predicted: mel_adversarial_loss(predicted),
])  # fmt: skip
def test_sums_over_parts_of_a_batch_add_up(loss) -> None:  # type: ignore[no-untyped-def]
    whole = loss(*two_judgements())
    parts = [loss(*two_judgements(rows)) for rows in (slice(1), slice(1, 3), slice(3, 4))]
    assert whole.count == sum(part.count for part in parts) == len(LENGTHS)
    torch.testing.assert_close(sum(part.sum for part in parts), whole.sum)


def test_unequal_numbers_of_judges_are_refused() -> None:
    with pytest.raises(ValueError):
        mel_feature_loss([judged([[1.0]], lengths=(1,))], [])


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_losses_of_numbers_in_half_precision_are_those_of_the_same_numbers_in_float32(half: torch.dtype) -> None:
    """Logits near 1 and thousands of them: a square or a sum in half precision would be far off."""
    recorded = (1 + 1e-3 * torch.randn(2, 1, 1, 9999, generator=torch.Generator().manual_seed(0))).to(half)
    predicted = -300 * recorded

    def losses(recorded: Tensor, predicted: Tensor) -> list[Tensor]:
        first, second = ([MelJudgement([part], [torch.tensor([9999, 5000])])] for part in (recorded, predicted))
        terms = mel_discriminator_loss(first, second), mel_feature_loss(first, second), mel_adversarial_loss(first)
        return [term.sum for term in terms]

    expected = losses(recorded.float(), predicted.float())
    with torch.autocast("cpu", half):
        found = losses(recorded, predicted)
    assert all(value.dtype == torch.float32 and value.isfinite() for value in found)
    torch.testing.assert_close(found, expected)
