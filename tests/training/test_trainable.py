"""`trainable`: the parts of a model that it names learn, and nothing else moves."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.models import ADVERSARIAL
from torch import Tensor

from sonorant.config import Recipe, load_recipe
from sonorant.errors import ConfigError, RequestError
from sonorant.features.store import FeatureStore
from sonorant.training.checkpoint import read_checkpoint
from sonorant.training.fit import fit
from sonorant.training.processes import Processes
from sonorant.training.run import Run, make_task

MODELS = ("fastpitch", "sharpen_fastpitch")
PARTS = ("decoder", "projection")
SETTINGS = ("optimizer.weight_decay=0.5", "run.ema_decay=0.9", "run.steps=3")


def recipe_of(model: str, *parts: str) -> Recipe:
    judging = ("loss.adversarial_start=0",) if model in ADVERSARIAL else ()
    return load_recipe(f"tiny_{model}", [f"trainable=[{','.join(parts or PARTS)}]", *SETTINGS, *judging])


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Name the tensors that differ by so much as a bit."""
    return {name for name in before if not torch.equal(before[name], after[name])}


def parameters_of(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def named(names: set[str] | dict[str, Tensor]) -> set[str]:
    """Those of the names that are of the parts that learn."""
    return {name for name in names if name.split(".")[0] in PARTS}


@pytest.mark.parametrize("model", MODELS)
def test_all_of_the_named_parts_learns_and_the_rest_stays_bit_for_bit(
    model: str, store: FeatureStore, tmp_path: Path
) -> None:
    run = Run(recipe_of(model), store, tmp_path, Processes())
    assert run.ema is not None
    network, average = run.task.networks["model"], run.ema.network
    before = parameters_of(network)
    for _, (epoch, batches) in zip(range(3), run.batches(), strict=False):
        run.advance(epoch, batches)
    run.check()
    for after in (parameters_of(network), parameters_of(average)):
        assert moved(before, after) == named(before)
    assert len(named(before)) < len(before)


@pytest.mark.parametrize("model", MODELS)
def test_the_optimiser_knows_nothing_of_what_is_frozen(model: str, store: FeatureStore) -> None:
    task: Any = make_task(recipe_of(model), store, Processes())
    held = [parameter for group in task.updaters["model"].optimizer.param_groups for parameter in group["params"]]
    learning = [task.model.get_parameter(name) for name in sorted(named(parameters_of(task.model)))]
    assert {id(parameter) for parameter in held} == {id(parameter) for parameter in learning}


def test_the_judges_learn_all_the_same(store: FeatureStore) -> None:
    task: Any = make_task(recipe_of("sharpen_fastpitch", "projection"), store, Processes())
    assert task.updaters["discriminators"].parameters == list(task.discriminators.parameters())


def test_all_learns_unless_it_is_said(store: FeatureStore) -> None:
    task: Any = make_task(load_recipe("tiny_fastpitch"), store, Processes())
    assert all(parameter.requires_grad for parameter in task.model.parameters())


def test_an_unknown_part_is_refused_with_those_that_there_are(store: FeatureStore) -> None:
    parts = "encoder, duration_predictor, .*, decoder, projection, aligner"
    with pytest.raises(ConfigError, match=f"trainable: the model has no part 'decoderr'; its parts are .*{parts}"):
        make_task(recipe_of("fastpitch", "projection", "decoderr"), store, Processes())


@pytest.mark.parametrize("value", ["[]", "decoder"])
def test_what_names_no_parts_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"trainable: .*found "):
        load_recipe("tiny_fastpitch", [f"trainable={value}"])


def test_a_part_without_a_loss_is_refused() -> None:
    for part, weights in (
        ("pitch_predictor", ["loss.pitch=0"]),
        ("aligner", ["loss.alignment=0", "loss.binarization=0"]),
    ):
        with pytest.raises(ConfigError, match=f"trainable names {part}, .* nothing teaches it"):
            load_recipe("tiny_fastpitch", [f"trainable=[{part}]", *weights])
        load_recipe("tiny_fastpitch", [f"trainable=[{part}]", *weights[1:]])


def test_chance_is_not_frozen(store: FeatureStore, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="trainable: recipe tiny_fastpitch is for trained models"):
        fit(recipe_of("fastpitch"), store.path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_in_two_processes_the_rest_stays_bit_for_bit(store_path: Path, tmp_path: Path) -> None:
    def sonorant(*arguments: str | Path) -> None:
        command = [sys.executable, "-m", "sonorant", *arguments]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr

    sonorant("train", "tiny_fastpitch", store_path, tmp_path / "source", "run.steps=1", "run.sample_every=9")
    settings = [*SETTINGS, "loss.adversarial_start=0", f"trainable=[{','.join(PARTS)}]", "run.sample_every=9"]
    sharpened = ["finetune", tmp_path / "source", store_path, tmp_path / "two", "--recipe", "tiny_sharpen_fastpitch"]
    sonorant(*sharpened, *settings, "--devices", "2")
    before = read_checkpoint(tmp_path / "source" / "step_00000001.pt")["ema"]["weights"]
    state = read_checkpoint(tmp_path / "two" / "step_00000003.pt")
    for after in (state["networks"]["model"], state["ema"]["weights"]):
        assert moved(before, after) == named(before)
