"""Compiled vocoders learn what plain ones do, and leave the same checkpoints."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sonorant.config import load_recipe
from sonorant.errors import ConfigError
from sonorant.features.store import FeatureStore
from sonorant.training.processes import Processes
from sonorant.training.run import Run

MODELS = ("hifigan", "waveglow", "source_filter")


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let torch trace the networks, but compute the traces as they are: making kernels would take minutes."""
    seen: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        seen.append(graph)
        return graph.forward

    compile_module = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module, mode: compile_module(module, backend=backend))
    torch._dynamo.reset()
    return seen


def losses_of(run: Run, steps: int = 2) -> list[dict[str, Tensor]]:
    batches = run.batches()
    return [run.advance(*next(batches)) for _ in range(steps)]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch's own, as it traces
@pytest.mark.parametrize("model", MODELS)
def test_a_compiled_step_is_the_plain_one(model: str, graphs: list[Any], store: FeatureStore, tmp_path: Path) -> None:
    gan = ["loss.adversarial_start=0", "batch.micro_batch=2"] if model != "waveglow" else []
    recipes = (load_recipe(f"tiny_{model}", [*gan, f"compile={mode}"]) for mode in ("null", "default"))
    plain, compiled = (Run(recipe, store, tmp_path, Processes()) for recipe in recipes)
    expected = losses_of(plain)
    assert not graphs
    found = losses_of(compiled)
    assert graphs
    for before, after in zip(expected, found, strict=True):
        assert before.keys() == after.keys()
        for name, value in before.items():
            torch.testing.assert_close(after[name], value, rtol=1e-4, atol=1e-5, msg=name)
    for name, network in plain.task.networks.items():
        assert network.state_dict().keys() == compiled.task.networks[name].state_dict().keys()
    if compiled.ema is not None:
        assert compiled.ema.network.state_dict().keys() == compiled.network.state_dict().keys()


def test_an_acoustic_model_is_not_compiled_for_every_length() -> None:
    with pytest.raises(ConfigError, match="compile: no such setting"):
        load_recipe("tiny_fastpitch", ["compile=default"])
