import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.training.models import MODELS

from sonorant.config import Recipe, load_recipe
from sonorant.errors import ConfigError
from sonorant.features.store import FeatureStore
from sonorant.training.checkpoint import CheckpointFolder
from sonorant.training.early_stop import EarlyStop, make_early_stop
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.processes import Processes
from sonorant.training.run import make_task
from sonorant.training.samples import Samples

STILL = ("optimizer.learning_rate=1e-30", "run.ema_decay=null")
"""Nothing changes, so nothing gets better."""

EVERY_STEP = ("run.steps=9", "run.validate_every=1", "run.checkpoint_every=100", "run.sample_every=100")


@pytest.fixture(autouse=True)
def no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FastPitchTask, "samples", lambda self, network: Samples())


def patient(metric: str, patience: int, *overrides: str) -> Recipe:
    settings = f"run.stop_metric={metric}", f"run.stop_patience={patience}"
    return load_recipe("tiny_fastpitch", [*STILL, *EVERY_STEP, *settings, *overrides])


def test_a_higher_metric_improves_by_rising() -> None:
    focus = [{"step": step, "focus": value} for step, value in enumerate((0.1, 0.2, 0.3, 0.2))]
    assert EarlyStop("focus", 2, "higher").check(focus) is None
    assert EarlyStop("focus", 1, "higher").check(focus) == "focus has not improved on 0.3 of step 2 in 1 validation(s)"
    assert EarlyStop("focus", 2, "lower").check(focus) is not None


def test_a_run_that_gets_no_better_saves_and_ends_with_a_line_that_says_so(
    store_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(patient("mel", 2), store_path, tmp_path)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("mel has not improved on ") and "of step 1 in 2 validation(s)" in last
    assert "stopped and saved at step 3 in" in last
    assert CheckpointFolder(tmp_path).steps() == [1, 3]


def test_a_run_that_gets_better_goes_on(store_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(patient("mel", 2, "optimizer.learning_rate=1e-3", "run.steps=4"), store_path, tmp_path)
    assert capsys.readouterr().err.splitlines()[-1].startswith("done: step 4")


def test_a_resumed_run_counts_the_validations_before(
    store_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(patient("mel", 3, "run.steps=2"), store_path, tmp_path, progress=False)
    fit(patient("mel", 3), store_path, tmp_path, resume=True)
    assert "stopped and saved at step 4" in capsys.readouterr().err.splitlines()[-1]


def test_an_unknown_metric_is_refused_before_anything_is_written(store_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run\.stop_metric: no metric 'mell'; there are mel, duration, .*agreement"):
        fit(patient("mell", 2), store_path, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_metric_of_a_loss_that_is_switched_off_is_refused_at_the_first_validation(
    store_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"run\.stop_metric: pitch is not measured with this recipe's losses"):
        fit(patient("pitch", 2, "loss.pitch=0"), store_path, tmp_path, progress=False)


def test_without_a_metric_nothing_stops() -> None:
    assert make_early_stop(load_recipe("tiny_fastpitch").run, {"mel": "lower"}) is None


@pytest.mark.parametrize("model", MODELS)
def test_a_task_knows_all_that_its_validation_measures(model: str, store: FeatureStore) -> None:
    overrides = ["loss.monotonicity=0.1"] if model == "tacotron2" else []
    task: Any = make_task(load_recipe(f"tiny_{model}", overrides), store, Processes())
    measured = set(task.validate(task.networks[task.trained]))
    assert measured == set(task.validation_metrics) and task.best_metric in measured


@pytest.mark.slow
def test_several_processes_stop_together(store_path: Path, tmp_path: Path) -> None:
    settings = [*STILL, *EVERY_STEP, "run.stop_metric=mel", "run.stop_patience=2", "--devices", "2"]
    command = [sys.executable, "-m", "sonorant", "train", "tiny_fastpitch", str(store_path), str(tmp_path), *settings]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert "stopped and saved at step 3" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [1, 2, 3]
