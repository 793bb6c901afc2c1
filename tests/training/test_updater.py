import pytest
import torch
from torch import nn
from torch.amp import GradScaler

from sonorant.config import OptimizerConfig
from sonorant.training.guard import Guard, NonFinite
from sonorant.training.processes import Processes
from sonorant.training.updater import Updater


def linear(gradient: float) -> nn.Linear:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)
    layer.weight.grad = torch.full((1, 2), gradient)
    return layer


KINDS = ("adam", "adamw", "lamb")


def make(layer: nn.Module, config: OptimizerConfig, fp16: bool = False) -> Updater:
    scaler, guard = GradScaler("cpu", init_scale=4.0, enabled=fp16), Guard(torch.device("cpu"))
    return Updater("layer", layer, config, Processes(), scaler, guard)


@pytest.mark.parametrize("kind", KINDS)
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


def state_of(updater: Updater) -> list[torch.Tensor]:
    """Copy the weights, and all that the optimiser remembers."""
    remembered = [value for state in updater.optimizer.state.values() for value in state.values()]
    return [tensor.detach().clone() for tensor in (*updater.parameters, *remembered)]


@pytest.mark.parametrize(("gradient", "loss", "quantity"), [
    (float("nan"), 1.0, "gradient norm of the layer = nan"),
    (float("inf"), 1.0, "gradient norm of the layer = inf"),
    (1.0, float("nan"), "mel = nan"),
])  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_changes_nothing_and_neither_does_what_follows(
    kind: str, gradient: float, loss: float, quantity: str
) -> None:
    layer = linear(1.0)
    updater = make(layer, OptimizerConfig(kind=kind))
    updater.apply({"mel": torch.tensor(1.0)}, 1.0)
    updater.guard.check()
    before = state_of(updater)
    assert len(before) == 4
    for step, (each, value) in enumerate([(gradient, loss), (1.0, 1.0), (float("inf"), 1.0)], start=7):
        updater.guard.begin(step)
        layer.weight.grad = torch.full((1, 2), each)
        updater.apply({"mel": torch.tensor(value)}, 1.0)
    assert all(map(torch.equal, state_of(updater), before))
    with pytest.raises(NonFinite, match=quantity) as caught:
        updater.guard.check()
    assert caught.value.step == 7


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_was_saved_by_an_optimizer_of_other_make_goes_on(kind: str) -> None:
    config = OptimizerConfig(kind=kind, learning_rate=0.1)
    first, whole = (make(linear(1.0), config) for _ in range(2))
    for updater in (first, whole):
        updater.apply({}, 1.0)
    saved = first.optimizer.state_dict()
    for group in saved["param_groups"]:
        group |= {"fused": None} if "fused" in group else {}
    if kind == "lamb":
        saved["state"][0]["step"] = 1  # as it was once saved
    layer = linear(1.0)
    second = make(layer, config)
    with torch.no_grad():
        layer.weight.copy_(*first.parameters)
    second.load_state_dict(saved)
    for updater in (second, whole):
        (parameter,) = updater.parameters
        parameter.grad = torch.full((1, 2), 0.5)
        updater.apply({}, 1.0)
    assert all(map(torch.equal, state_of(second), state_of(whole)))
    assert second.optimizer.state_dict()["param_groups"] == whole.optimizer.state_dict()["param_groups"]


@pytest.mark.parametrize("kind", KINDS)
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
