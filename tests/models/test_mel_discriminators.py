import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sonorant.config import MelDiscriminatorConfig
from sonorant.models.mel_discriminators import MEL_CENTRE, MelDiscriminators, MelJudgement

N_MELS = 20
LENGTHS = torch.tensor([37, 1, 90])


def build(n_mels: int = N_MELS) -> MelDiscriminators:
    torch.manual_seed(0)
    return MelDiscriminators(MelDiscriminatorConfig(patch_channels=3, band_channels=4), n_mels)


def a_mel(rows: int = 3, frames: int = 90, n_mels: int = N_MELS) -> Tensor:
    return MEL_CENTRE + 2 * torch.randn(rows, n_mels, frames, generator=torch.Generator().manual_seed(1))


def row(judgement: MelJudgement, number: int) -> list[Tensor]:
    """What one utterance's features are up to its end."""
    return [
        feature[number, ..., : int(lengths[number])]
        for feature, lengths in zip(judgement.features, judgement.lengths, strict=True)
    ]


def assert_row_equals(found: MelJudgement, number: int, expected: MelJudgement, other: int) -> None:
    for ours, theirs in zip(row(found, number), row(expected, other), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_a_judgement_does_not_depend_on_what_lies_in_the_padding() -> None:
    judges, mel = build(), a_mel()
    other = torch.where(torch.arange(90) < LENGTHS[:, None, None], mel, 1e3)
    for found, expected in zip(judges(other, LENGTHS), judges(mel, LENGTHS), strict=True):
        assert all(map(torch.equal, found.features, expected.features))


def test_a_judgement_does_not_depend_on_how_much_padding_there_is() -> None:
    judges, mel = build(), a_mel()
    for found, expected in zip(judges(F.pad(mel, (0, 13)), LENGTHS), judges(mel, LENGTHS), strict=True):
        for number in range(3):
            assert_row_equals(found, number, expected, number)


def test_a_row_alone_is_judged_as_in_a_batch() -> None:
    judges, mel = build(), a_mel()
    batch = judges(mel, LENGTHS)
    for number, length in enumerate(LENGTHS.tolist()):
        alone = judges(mel[number : number + 1, :, :length], LENGTHS[number : number + 1])
        for found, expected in zip(batch, alone, strict=True):
            assert_row_equals(found, number, expected, 0)


def test_every_layer_is_zero_beyond_the_end_and_not_before() -> None:
    for judgement in build()(a_mel(), LENGTHS):
        for feature, lengths in zip(judgement.features, judgement.lengths, strict=True):
            for values, length in zip(feature, lengths.tolist(), strict=True):
                assert not values[..., length:].any()
                assert values[..., :length].any(0).all()


def test_lengths_are_rounded_up_at_every_stride() -> None:
    patches, bands = build()(a_mel(), LENGTHS)
    assert [lengths.tolist() for lengths in patches.lengths] == [
        [19, 1, 45], [10, 1, 23], [5, 1, 12], [3, 1, 6], [3, 1, 6],
    ]  # fmt: skip
    assert [lengths.tolist() for lengths in bands.lengths] == [
        [37, 1, 90], [19, 1, 45], [10, 1, 23], [10, 1, 23], [10, 1, 23],
    ]  # fmt: skip
    for judgement in (patches, bands):
        widths = [feature.shape[3] for feature in judgement.features]
        assert widths == [int(lengths.max()) for lengths in judgement.lengths]


def test_an_utterance_of_one_frame_is_judged() -> None:
    for judgement in build()(a_mel(1, 1), torch.tensor([1])):
        assert judgement.features[-1].shape[3] == 1 and judgement.features[-1].any()


@pytest.mark.parametrize(("judge", "bins", "frames"), [(0, 63, 63), (1, 80, 39)])
def test_a_logit_sees_as_much_as_is_said(judge: int, bins: int, frames: int) -> None:
    mel = a_mel(1, 160, n_mels=80).requires_grad_()
    logits = build(80)(mel, torch.tensor([160]))[judge].features[-1]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert mel.grad is not None
    seen = mel.grad[0].nonzero()
    height, width = (seen.amax(0) - seen.amin(0) + 1).tolist()
    assert (height, width) == (bins, frames)


def test_the_second_judges_channels_come_in_fours() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        MelDiscriminatorConfig(band_channels=6)


def test_channels_of_the_patches_double_twice() -> None:
    patches, bands = build()(a_mel(), LENGTHS)
    assert [feature.shape[1] for feature in patches.features] == [3, 6, 12, 12, 1]
    assert [feature.shape[1] for feature in bands.features] == [4, 4, 4, 4, 1]


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_judges_learn_in_half_precision(half: torch.dtype) -> None:
    judges, mel = build(), a_mel().requires_grad_()
    with torch.autocast("cpu", half):
        logits = [judgement.features[-1] for judgement in judges(mel, LENGTHS)]
    assert {logit.dtype for logit in logits} == {half}
    torch.stack([logit.float().square().sum() for logit in logits]).sum().backward()
    gradients = [mel.grad, *(parameter.grad for parameter in judges.parameters())]
    assert all(gradient is not None and gradient.isfinite().all() and gradient.any() for gradient in gradients)
