"""A run that is interrupted goes on as if it had not been, bit for bit."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.conftest import differences
from tests.training.models import MODELS
from tests.training.resumed import END, PAUSE, TRAININGS, pause, recipe_of, without_samples
from tests.training.together import free_port, together

from sonorant.features.store import FeatureStore
from sonorant.files import PARTIAL_SUFFIX
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


def assert_same_end(whole: Path, rest: Path) -> None:
    """Compare two runs, the second of which began with a checkpoint of the first."""
    assert differences(state_of(whole), state_of(rest)) == []
    assert train_losses(rest) == {step: losses for step, losses in train_losses(whole).items() if step > PAUSE}


@pytest.fixture(autouse=True)
def no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    without_samples(monkeypatch.setattr)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("model", MODELS)
def test_a_resumed_run_equals_one_that_was_never_interrupted(
    model: str, precision: str, store_path: Path, tmp_path: Path
) -> None:
    recipe, whole, rest = recipe_of(model, MICRO, f"run.precision={precision}"), tmp_path / "whole", tmp_path / "rest"
    fit(recipe, store_path, whole, progress=False)
    pause(whole, rest)
    torch.manual_seed(123)  # whatever the process did in between
    fit(recipe, store_path, rest, resume=True, progress=False)
    state = state_of(whole)
    assert state["epoch"] == 2 and state["ema"]["updates"] == END and bool(state["scaler"]) == (precision == "fp16")
    assert_same_end(whole, rest)


@pytest.mark.parametrize("forgotten", ["networks", "ema", "optimizers", "scaler"])
def test_the_comparison_of_runs_notices_what_a_checkpoint_forgets(
    forgotten: str, store_path: Path, tmp_path: Path
) -> None:
    recipe, whole, rest = recipe_of("fastpitch", MICRO, "run.precision=fp16"), tmp_path / "whole", tmp_path / "rest"
    fit(recipe, store_path, whole, progress=False)
    pause(whole, rest)
    fresh = Run(recipe, FeatureStore(store_path), tmp_path / "fresh", Processes())
    state = state_of(rest, PAUSE)
    state[forgotten] = capture(fresh.task, fresh.ema, fresh.position, fresh.recipe, fresh.store)[forgotten]
    torch.save(state, rest / f"step_{PAUSE:08d}.pt")
    fit(recipe, store_path, rest, resume=True, progress=False)
    assert differences(state_of(whole), state_of(rest))


def test_what_a_run_left_undone_when_it_was_killed_at_its_end_is_done(store_path: Path, tmp_path: Path) -> None:
    recipe = recipe_of("fastpitch", "run.keep_last=1")
    fit(recipe, store_path, tmp_path / "whole", progress=False)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    newest = state_of(tmp_path / "whole")
    torch.save({**newest, "step": 1}, tmp_path / "killed" / "step_00000001.pt")  # not yet removed
    (tmp_path / "killed" / "best.json").write_text('{"step": 1, "metric": "mel", "value": 99}')  # not yet written
    (tmp_path / "killed" / f".best.json.abcdefgh{PARTIAL_SUFFIX}").write_text('{"step')
    fit(recipe, store_path, tmp_path / "killed", resume=True, progress=False)
    left = [{path.name for path in (tmp_path / run).iterdir()} for run in ("whole", "killed")]
    assert left[0] == left[1]
    assert json.loads((tmp_path / "killed" / "best.json").read_text()) == newest["best"]


@pytest.fixture(scope="module")
def of_two(store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have trained, in one go and from a checkpoint on."""
    out = tmp_path_factory.mktemp("of-two")
    together(2, "resumed", store_path, out, *(free_port() for _ in range(TRAININGS)))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_two_processes_go_on_as_if_they_had_not_stopped(model: str, of_two: Path) -> None:
    whole, rest = of_two / model / "whole", of_two / model / "rest"
    (start,) = json.loads((rest / "run.json").read_text())["starts"]
    assert (start["step"], start["processes"]) == (PAUSE, 2)
    assert_same_end(whole, rest)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_one_process_goes_on_with_the_run_of_two(model: str, of_two: Path, store_path: Path, tmp_path: Path) -> None:
    """With other data the losses would differ in their first digits."""
    pause(of_two / model / "whole", tmp_path / "alone")
    fit(recipe_of(model, "batch.micro_batch=1"), store_path, tmp_path / "alone", resume=True, progress=False)
    expected, found = train_losses(of_two / model / "whole"), train_losses(tmp_path / "alone")
    assert list(found) == list(range(PAUSE + 1, END + 1))
    for step, losses in found.items():
        assert losses == pytest.approx(expected[step], rel=1e-4, abs=1e-6), step
