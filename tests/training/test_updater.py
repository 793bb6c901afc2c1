import pytest
import torch
from torch import nn

from sonorant.config import OptimizerConfig
from sonorant.training.updater import NonFinite, Updater


def linear(gradient: float) -> nn.Linear:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)
    layer.weight.grad = torch.full((1, 2), gradient)
    return layer


@pytest.mark.parametrize("kind", ["adam", "adamw", "lamb"])
def test_each_optimizer_moves_against_the_gradient(kind: str) -> None:
    layer = linear(1.0)
    Updater("layer", layer, OptimizerConfig(kind=kind, learning_rate=0.1)).apply({}, 1.0)
    assert (layer.weight < 1).all()
    assert layer.weight.grad is None


def test_the_norm_is_that_of_before_clipping() -> None:
    layer = linear(3.0)
    norm = Updater("layer", layer, OptimizerConfig(clip_norm=1.0)).apply({}, 1.0)
    assert norm.item() == pytest.approx(3 * 2**0.5)


def test_clipping_limits_what_the_optimizer_sees() -> None:
    config = {"kind": "adam", "epsilon": 1e6, "learning_rate": 1e6, "weight_decay": 0.0}  # Adam as plain descent
    free, clipped = linear(3.0), linear(3.0)
    Updater("layer", free, OptimizerConfig(**config, clip_norm=None)).apply({}, 1.0)
    Updater("layer", clipped, OptimizerConfig(**config, clip_norm=1.0)).apply({}, 1.0)
    ratio = (1 - free.weight) / (1 - clipped.weight)
    torch.testing.assert_close(ratio, torch.full((1, 2), 3 * 2**0.5), rtol=1e-3, atol=0)


def test_the_factor_scales_the_learning_rate() -> None:
    updater = Updater("layer", linear(1.0), OptimizerConfig(learning_rate=0.4))
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
        Updater("layer", layer, OptimizerConfig()).apply({"mel": torch.tensor(loss)}, 1.0)
    assert torch.equal(layer.weight, torch.ones(1, 2))
