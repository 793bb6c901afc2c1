"""A run that is interrupted goes on as if it had not been, bit for bit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.conftest import differences
from tests.training.resumed import END, MODELS, PAUSE, TRAININGS, recipe_of, without_samples
from tests.training.together import free_port, together

from sonorant.features.store import FeatureStore
from sonorant.training.checkpoint import read_checkpoint
from sonorant.training.fit import fit
from sonorant.training.metrics import NAME
from sonorant.training.processes import Processes
from sonorant.training.run import Run
from sonorant.training.state import capture

MICRO = "batch.micro_batch=2"
"""Two micro-batches make a global batch."""


def state_of(run: Path, step: int = END) -> dict[str, Any]:
    return read_checkpoint(run / f"step_{step:08d}.pt")


def train_losses(run: Path) -> dict[int, dict[str, float]]:
    lines = [json.loads(line) for line in (run / NAME).read_text().splitlines()]
    timed = {"kind", "time", "frames/s", "seconds/step", "seconds paused", "waiting for data"}
    reports = [line for line in lines if line["kind"] == "train"]
    return {line["step"]: {name: line[name] for name in line.keys() - timed} for line in reports}


@pytest.fixture(autouse=True)
def no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    without_samples(monkeypatch.setattr)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("model", MODELS)
def test_a_resumed_run_equals_one_that_was_never_interrupted(
    model: str, precision: str, store_path: Path, tmp_path: Path
) -> None:
    def train(run: str, steps: int, resume: bool = False) -> None:
        recipe = recipe_of(model, steps, MICRO, f"run.precision={precision}")
        fit(recipe, store_path, tmp_path / run, resume, progress=False)

    train("whole", END)
    train("parts", PAUSE)
    torch.manual_seed(123)  # whatever the process did in between
    train("parts", PAUSE + 1, resume=True)  # to the end of an epoch
    train("parts", END, resume=True)
    whole = state_of(tmp_path / "whole")
    assert whole["epoch"] == 2 and whole["ema"]["updates"] == END and bool(whole["scaler"]) == (precision == "fp16")
    assert differences(whole, state_of(tmp_path / "parts")) == []
    assert train_losses(tmp_path / "parts") == train_losses(tmp_path / "whole")


@pytest.mark.parametrize("forgotten", ["networks", "ema", "optimizers", "scaler"])
def test_the_comparison_of_runs_notices_what_a_checkpoint_forgets(
    forgotten: str, store_path: Path, tmp_path: Path
) -> None:
    recipe = recipe_of("fastpitch", END, MICRO, "run.precision=fp16")
    fit(recipe, store_path, tmp_path / "whole", progress=False)
    fit(recipe_of("fastpitch", PAUSE, MICRO, "run.precision=fp16"), store_path, tmp_path / "parts", progress=False)
    features = FeatureStore(store_path)
    fresh = Run(recipe, features, tmp_path / "fresh", Processes())
    state = state_of(tmp_path / "parts", PAUSE)
    state[forgotten] = capture(fresh.task, fresh.ema, fresh.position, fresh.recipe, features)[forgotten]
    torch.save(state, tmp_path / "parts" / f"step_{PAUSE:08d}.pt")
    fit(recipe, store_path, tmp_path / "parts", resume=True, progress=False)
    assert differences(state_of(tmp_path / "whole"), state_of(tmp_path / "parts"))


@pytest.fixture(scope="module")
def of_two(store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have trained, in one go and in two."""
    out = tmp_path_factory.mktemp("of-two")
    together(2, Path(__file__).parent / "resumed.py", store_path, out, *(free_port() for _ in range(TRAININGS)))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_two_processes_go_on_as_if_they_had_not_stopped(model: str, of_two: Path) -> None:
    starts = json.loads((of_two / model / "parts" / "run.json").read_text())["starts"]
    assert [(start["step"], start["processes"]) for start in starts] == [(0, 2), (PAUSE, 2)]
    assert differences(state_of(of_two / model / "whole"), state_of(of_two / model / "parts")) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_one_process_goes_on_with_the_run_of_two(model: str, of_two: Path, store_path: Path) -> None:
    """With other data the losses would differ in their first digit."""
    run = of_two / model / "paused"
    fit(recipe_of(model, END, "batch.micro_batch=1"), store_path, run, resume=True, progress=False)
    expected, found = train_losses(of_two / model / "whole"), train_losses(run)
    assert list(found) == list(expected) == list(range(1, END + 1))
    for step, losses in expected.items():
        assert found[step] == pytest.approx(losses, rel=1e-4, abs=1e-6), step
