import pytest
import torch
from pydantic import ValidationError

from sonorant.config import DiscriminatorConfig, HifiganConfig
from sonorant.models.discriminators import Discriminators, MultiScaleDiscriminator
from sonorant.models.hifigan import HifiganGenerator
from sonorant.models.vocoder_losses import discriminator_loss, feature_loss, generator_adversarial_loss

SMALL = DiscriminatorConfig(periods=(2, 3), scales=3, resolutions=((64, 16, 64),), width=0.05)


def build(config: DiscriminatorConfig = SMALL) -> Discriminators:
    torch.manual_seed(0)
    return Discriminators(config)


def published() -> Discriminators:
    with torch.device("meta"):
        return Discriminators(DiscriminatorConfig())


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_published_sizes() -> None:
    """As counted in NVIDIA's implementation, the gains of weight normalisation included."""
    judges = published()
    assert count(judges.periods) == 41_105_770
    assert count(judges.scales) == 29_618_821


def test_shapes_of_the_first_period_and_the_first_scale_for_8192_samples() -> None:
    outputs = published()(torch.zeros(1, 8192, device="meta"))
    assert len(outputs) == 8
    assert [tuple(feature.shape[1:]) for feature in outputs[0].features] == [
        (32, 1366, 2), (128, 456, 2), (512, 152, 2), (1024, 51, 2), (1024, 51, 2), (1, 51, 2),
    ]  # fmt: skip
    assert [tuple(feature.shape[1:]) for feature in outputs[5].features] == [
        (128, 8192), (128, 4096), (256, 2048), (512, 512), (1024, 128), (1024, 128), (1024, 128), (1, 128),
    ]  # fmt: skip


def test_each_scale_hears_half_of_what_the_one_before_hears() -> None:
    lengths = [output.logits.shape[-1] for output in published()(torch.zeros(1, 8192, device="meta"))[5:]]
    assert lengths == [128, 65, 33]  # pooling pads by 2, so half and one


def test_logits_are_the_last_feature() -> None:
    for output in build()(torch.randn(2, 500)):
        assert output.features[-1] is output.logits


def test_logits_can_be_negative_without_a_slope() -> None:
    judges = build(DiscriminatorConfig(periods=(2,), scales=0, width=0.02))
    judges.load_state_dict({name: torch.full_like(value, -1.0) for name, value in judges.state_dict().items()})
    plain = judges(torch.zeros(1, 400))[0]
    last = judges.periods[0].layers[-1]
    torch.testing.assert_close(plain.logits, last(plain.features[-2]))
    assert (plain.logits < 0).any()


def test_real_and_fake_in_one_batch_are_judged_as_in_two() -> None:
    """Pooling belongs to the depth of the scale, not to how often the judges were called."""
    judges = build().eval()
    real, fake = torch.randn(2, 800), torch.randn(2, 800)
    together = judges(torch.cat([real, fake]))
    for both, r, f in zip(together, judges(real), judges(fake), strict=True):
        for layer, real_layer, fake_layer in zip(both.features, r.features, f.features, strict=True):
            torch.testing.assert_close(layer, torch.cat([real_layer, fake_layer]), rtol=0, atol=1e-5)


def test_the_last_of_three_scales_is_pooled_twice() -> None:
    torch.manual_seed(0)
    scales = MultiScaleDiscriminator(3, 0.1)
    waveform = torch.randn(1, 640)
    pooled = waveform[:, None]
    for _ in range(2):
        pooled = torch.nn.functional.avg_pool1d(pooled, 4, 2, 2)
    torch.testing.assert_close(scales(waveform)[2].logits, scales.scales[2](pooled).logits)


def test_a_period_sees_only_every_pth_sample() -> None:
    judge = build(DiscriminatorConfig(periods=(5,), scales=0, width=0.05))
    waveform = torch.randn(1, 1003, requires_grad=True)
    judge(waveform)[0].logits[..., 2].sum().backward()
    assert waveform.grad is not None
    heard = waveform.grad[0, :1000].nonzero().flatten()  # the reflected end belongs to other columns
    assert len(heard) == 200
    assert (heard % 5 == 2).all()


@pytest.mark.parametrize(
    ("settings", "outputs"),
    [
        ({"periods": (), "scales": 2}, 2),
        ({"scales": 0}, 5),
        ({"periods": (), "scales": 0, "resolutions": ((64, 16, 64), (128, 32, 100))}, 2),
        ({"resolutions": ((64, 16, 64),)}, 9),
    ],
)
def test_families_can_be_left_out(settings: dict[str, object], outputs: int) -> None:
    judges = build(DiscriminatorConfig.model_validate({**settings, "width": 0.02}))
    assert len(judges(torch.randn(2, 600))) == outputs


def test_no_judge_at_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="no discriminator left"):
        DiscriminatorConfig(periods=(), scales=0)


def test_a_window_longer_than_its_transform_is_refused() -> None:
    with pytest.raises(ValidationError, match="hop <= window <= n_fft"):
        DiscriminatorConfig(resolutions=((64, 16, 65),))


@pytest.mark.parametrize("width", [0.001, 0.1, 0.3, 0.5])
def test_every_width_gives_valid_grouped_convolutions(width: float) -> None:
    judges = build(DiscriminatorConfig(periods=(2,), scales=1, resolutions=((64, 16, 64),), width=width))
    assert all(output.logits.isfinite().all() for output in judges(torch.randn(1, 400)))


def test_width_scales_the_channels() -> None:
    features = build(DiscriminatorConfig(periods=(2,), scales=1, width=0.25))(torch.randn(1, 400))
    assert [feature.shape[1] for feature in features[0].features] == [8, 32, 128, 256, 256, 1]
    assert [feature.shape[1] for feature in features[1].features] == [32, 32, 64, 128, 256, 256, 256, 1]


def test_a_row_alone_equals_the_row_in_a_batch() -> None:
    judges = build().eval()
    waveform = torch.randn(3, 700)
    for alone, batch in zip(judges(waveform[1:2]), judges(waveform), strict=True):
        torch.testing.assert_close(alone.logits, batch.logits[1:2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("autocast", [False, True])
def test_gradients_are_finite_on_silence(autocast: bool) -> None:
    judges = build()
    waveform = torch.zeros(2, 600, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs = judges(waveform)
    discriminator_loss(outputs, outputs).backward()
    assert waveform.grad is not None and waveform.grad.isfinite().all()
    for name, parameter in judges.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def snapshot(model: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def unchanged(model: torch.nn.Module, before: list[torch.Tensor]) -> list[bool]:
    return [torch.equal(new, old) for new, old in zip(model.parameters(), before, strict=True)]


def test_each_sides_step_changes_all_of_itself_and_nothing_of_the_other() -> None:
    torch.manual_seed(0)
    generator = HifiganGenerator(HifiganConfig(upsample_rates=(8, 4), upsample_kernels=(16, 8), channels=8))
    judges = build()
    generator_optimizer = torch.optim.AdamW(generator.parameters(), 1e-3)
    judge_optimizer = torch.optim.AdamW(judges.parameters(), 1e-3)
    mel, real = torch.randn(2, 80, 20), 0.1 * torch.randn(2, 640)

    generator_before, judges_before = snapshot(generator), snapshot(judges)
    discriminator_loss(judges(real), judges(generator(mel).detach())).backward()
    assert all(parameter.grad is None for parameter in generator.parameters())
    judge_optimizer.step()
    assert all(unchanged(generator, generator_before))
    assert not any(unchanged(judges, judges_before))

    judges_before = snapshot(judges)
    judges.requires_grad_(False)
    outputs = judges(generator(mel))
    (generator_adversarial_loss(outputs) + feature_loss(judges(real), outputs)).backward()
    generator_optimizer.step()
    assert all(unchanged(judges, judges_before))
    assert not any(unchanged(generator, generator_before))
