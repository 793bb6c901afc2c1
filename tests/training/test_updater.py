import pytest
import torch
from torch import nn
from torch.amp import GradScaler

from sonorant.config import OptimizerConfig
from sonorant.training.processes import Processes
from sonorant.training.updater import NonFinite, Updater


def linear(gradient: float) -> nn.Linear:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)
    layer.weight.grad = torch.full((1, 2), gradient)
    return layer


def make(layer: nn.Module, config: OptimizerConfig, fp16: bool = False) -> Updater:
    return Updater("layer", layer, config, Processes(), GradScaler("cpu", init_scale=4.0, enabled=fp16))


@pytest.mark.parametrize("kind", ["adam", "adamw", "lamb"])
def test_each_optimizer_moves_against_the_gradient(kind: str) -> None:
    layer = linear(1.0)
    make(layer, OptimizerConfig(kind=kind, learning_rate=0.1)).apply({}, 1.0)
    assert (layer.weight < 1).all()
    assert layer.weight.grad is None


def test_the_norm_is_that_of_before_clipping() -> None:
    layer = linear(3.0)
    _, norm = make(layer, OptimizerConfig(clip_norm=1.0)).apply({}, 1.0)
    assert norm.item() == pytest.approx(3 * 2**0.5)


def test_clipping_limits_what_the_optimizer_sees() -> None:
    config = {"kind": "adam", "epsilon": 1e6, "learning_rate": 1e6, "weight_decay": 0.0}  # Adam as plain descent
    free, clipped = linear(3.0), linear(3.0)
    make(free, OptimizerConfig(**config, clip_norm=None)).apply({}, 1.0)
    make(clipped, OptimizerConfig(**config, clip_norm=1.0)).apply({}, 1.0)
    ratio = (1 - free.weight) / (1 - clipped.weight)
    torch.testing.assert_close(ratio, torch.full((1, 2), 3 * 2**0.5), rtol=1e-3, atol=0)


def test_the_factor_scales_the_learning_rate() -> None:
    updater = make(linear(1.0), OptimizerConfig(learning_rate=0.4))
    updater.apply({}, 0.25)
    assert updater.optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


@pytest.mark.parametrize(("gradient", "loss", "quantity"), [
    (float("nan"), 1.0, "gradient norm of the layer = nan"),
    (float("inf"), 1.0, "gradient norm of the layer = inf"),
    (1.0, float("nan"), "mel = nan"),
])  # fmt: skip
def test_what_is_not_finite_stops_before_the_update(gradient: float, loss: float, quantity: str) -> None:
    layer = linear(gradient)
    with pytest.raises(NonFinite, match=quantity):
        make(layer, OptimizerConfig()).apply({"mel": torch.tensor(loss)}, 1.0)
    assert torch.equal(layer.weight, torch.ones(1, 2))


@pytest.mark.parametrize("kind", ["adam", "adamw", "lamb"])
def test_a_scaled_gradient_moves_the_weights_as_the_plain_one_would(kind: str) -> None:
    plain, scaled = linear(1.0), linear(4.0)
    config = OptimizerConfig(kind=kind, learning_rate=0.1, clip_norm=1.0)
    _, norm = make(plain, config).apply({}, 1.0)
    updater = make(scaled, config, fp16=True)
    updater.scaler.scale(torch.zeros(()))  # the scale comes into being with the first loss
    _, unscaled = updater.apply({}, 1.0)
    torch.testing.assert_close(unscaled, norm)
    torch.testing.assert_close(scaled.weight, plain.weight)


def test_an_overflow_in_fp16_skips_the_step_and_halves_the_scale() -> None:
    layer = linear(float("inf"))
    updater = make(layer, OptimizerConfig(), fp16=True)
    updater.scaler.scale(torch.zeros(()))
    updater.apply({"mel": torch.tensor(1.0)}, 1.0)
    updater.scaler.update()
    assert torch.equal(layer.weight, torch.ones(1, 2))
    assert updater.scaler.get_scale() == 2.0
