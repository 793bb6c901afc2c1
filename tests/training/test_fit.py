import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from sonorant.config import Recipe, load_recipe, parse_recipe
from sonorant.errors import CorpusError, RequestError, TrainingDiverged
from sonorant.training import updater
from sonorant.training.checkpoint import CheckpointFolder, read_checkpoint
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.hifigan_task import HifiganTask
from sonorant.training.samples import Samples
from sonorant.training.tacotron2_task import Tacotron2Task

# 10 utterances in batches of 4 are 2 steps an epoch: step 3 lies in the middle of the second epoch.
SHORT = ("batch.micro_batch=2", "run.validate_every=3", "run.checkpoint_every=3", "run.log_every=2",
         "run.sample_every=1000", "schedule.kind=exponential", "schedule.gamma=0.9")  # fmt: skip
RECIPES = {
    "tiny_fastpitch": (*SHORT, "loss.binarization_start=1", "loss.binarization_warmup=4"),
    "tiny_tacotron2": (*SHORT, "loss.guided_attention_steps=5"),
    "tiny_hifigan": (*SHORT, "loss.adversarial_start=2"),
}


def short(name: str, steps: int, *overrides: str) -> Recipe:
    return load_recipe(name, [*RECIPES[name], f"run.steps={steps}", *overrides])


@pytest.fixture(autouse=True)
def quick_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Griffin-Lim and pictures have their own tests."""
    for task in (FastPitchTask, Tacotron2Task, HifiganTask):
        monkeypatch.setattr(task, "samples", lambda self, network: Samples())


def test_a_run_leaves_its_recipe_its_hardware_its_metrics_and_its_best(store_path: Path, tmp_path: Path) -> None:
    recipe = short("tiny_fastpitch", 6)
    fit(recipe, store_path, tmp_path, progress=False)
    assert parse_recipe(yaml.safe_load((tmp_path / "recipe.yaml").read_text()), "run") == recipe
    (start,) = json.loads((tmp_path / "run.json").read_text())["starts"]
    assert {"date", "torch", "python", "sonorant", "device", "processor"} < set(start)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    train = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in train] == [2, 4, 6]
    assert {"mel", "total", "learning rate", "gradient norm", "frames/s", "waiting for data"} < set(train[0])
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [3, 6]
    assert train[-1]["learning rate"] == pytest.approx(recipe.optimizer.learning_rate * 0.9**2)
    best = json.loads((tmp_path / "best.json").read_text())
    assert best["value"] == min(line["mel"] for line in lines if line["kind"] == "validation")
    assert any((tmp_path / "tensorboard").iterdir())


def test_progress_goes_to_stderr_alone(store_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(short("tiny_hifigan", 3), store_path, tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert "step 2/3" in err and "validation: mel" in err and "done: step 3" in err


@pytest.mark.parametrize(("name", "loss"), [("tiny_tacotron2", "postnet"), ("tiny_fastpitch", "mel")])
def test_a_run_that_does_not_learn_to_align_is_warned(
    name: str, loss: str, store_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    losses = iter((4.0, 3.0, 2.0, 1.0))
    unaligned = lambda self, network: {loss: next(losses), "diagonality": 0.1, "focus": 0.05}  # noqa: E731
    monkeypatch.setattr(Tacotron2Task if name == "tiny_tacotron2" else FastPitchTask, "validate", unaligned)
    fit(short(name, 4, "run.validate_every=1"), store_path, tmp_path)
    assert f"warning: step 4: {loss} fell by 75 %" in capsys.readouterr().err


def test_a_folder_of_other_things_is_not_trained_into(store_path: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RequestError, match="holds other things than a run; choose a new folder"):
        fit(short("tiny_hifigan", 1), store_path, tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_with_checkpoints_is_not_trained_over(store_path: Path, tmp_path: Path) -> None:
    fit(short("tiny_hifigan", 1), store_path, tmp_path, progress=False)
    with pytest.raises(RequestError, match="holds checkpoints of another run; resume it"):
        fit(short("tiny_hifigan", 1), store_path, tmp_path, progress=False)


def test_nothing_to_resume_is_told(store_path: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no checkpoint to resume from"):
        fit(short("tiny_hifigan", 1), store_path, tmp_path, resume=True, progress=False)


def test_resuming_with_another_recipe_names_every_difference(store_path: Path, tmp_path: Path) -> None:
    fit(short("tiny_hifigan", 1), store_path, tmp_path, progress=False)
    changed = short("tiny_hifigan", 2, "optimizer.learning_rate=0.5", "loss.mel=1.0", "run.log_every=1")
    with pytest.raises(RequestError) as caught:
        fit(changed, store_path, tmp_path, resume=True, progress=False)
    message = str(caught.value)
    assert "optimizer.learning_rate: 0.001 then, 0.5 now" in message
    assert "loss.mel: 45.0 then, 1.0 now" in message
    assert "log_every" not in message and "run.steps" not in message


def test_resuming_with_other_features_is_refused(store_path: Path, tmp_path: Path) -> None:
    fit(short("tiny_hifigan", 1), store_path, tmp_path, progress=False)
    path = tmp_path / "step_00000001.pt"
    state = read_checkpoint(path)
    state["store"]["signature"] = "0" * 16
    torch.save(state, path)
    with pytest.raises(RequestError, match="the features are not those of the run"):
        fit(short("tiny_hifigan", 2), store_path, tmp_path, resume=True, progress=False)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    store_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(short("tiny_hifigan", 4), store_path, tmp_path, progress=False)
    newest = CheckpointFolder(tmp_path).path(4)
    newest.write_bytes(newest.read_bytes()[:1000])
    fit(short("tiny_hifigan", 4), store_path, tmp_path, resume=True)
    assert "step_00000004.pt: damaged" in capsys.readouterr().err
    assert read_checkpoint(newest)["step"] == 4


def test_features_of_another_mel_and_other_symbols_are_refused_together(store_path: Path, tmp_path: Path) -> None:
    recipe = short("tiny_fastpitch", 1, "features.mel.f_max=7000", "features.frontend.symbols=characters",
                   "batch.global_batch=100", "batch.micro_batch=null")  # fmt: skip
    with pytest.raises(CorpusError) as caught:
        fit(recipe, store_path, tmp_path / "run", progress=False)
    message = str(caught.value)
    assert "mel f_max: 8000.0 in the features, 7000.0 in the recipe" in message
    assert "symbols: arpabet in the features, characters in the recipe" in message
    assert "batch.global_batch: 100, but there are only 10" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", list(RECIPES))
def test_divergence_stops_the_run_and_names_the_last_good_checkpoint(
    name: str, store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_norm, calls = torch.nn.utils.get_total_norm, []

    def breaking_norm(gradients: Any) -> torch.Tensor:
        calls.append(0)
        return true_norm(gradients) * (float("nan") if len(calls) > 5 else 1.0)

    monkeypatch.setattr(updater.nn.utils, "get_total_norm", breaking_norm)
    with pytest.raises(TrainingDiverged, match=r"step \d: gradient norm of the .* = nan; .*step_00000003\.pt"):
        fit(short(name, 8), store_path, tmp_path, progress=False)
    assert CheckpointFolder(tmp_path).steps() == [3]


def test_divergence_before_the_first_checkpoint_says_so(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updater.nn.utils, "get_total_norm", lambda gradients: torch.tensor(float("inf")))
    with pytest.raises(TrainingDiverged, match=r"step 1: .* none yet"):
        fit(short("tiny_fastpitch", 2), store_path, tmp_path, progress=False)


TRAIN = """
import sys
from pathlib import Path
from sonorant.config import load_recipe
from sonorant.training.fit import fit
fit(load_recipe(sys.argv[1], sys.argv[4:]), Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_cleanly_and_the_run_goes_on(
    number: signal.Signals, store_path: Path, tmp_path: Path
) -> None:
    overrides = [*RECIPES["tiny_hifigan"], "run.steps=100000", "run.checkpoint_every=100000", "run.log_every=1",
                 "run.validate_every=100000"]  # fmt: skip
    command = [sys.executable, "-c", TRAIN, "tiny_hifigan", str(store_path), str(tmp_path), *overrides]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step 3/"):
                process.send_signal(number)
                break
        rest = process.stderr.read()
    assert process.returncode == 0
    assert f"{number.name}: stopped and saved at step" in rest and "Traceback" not in rest
    (step,) = CheckpointFolder(tmp_path).steps()
    recipe = load_recipe("tiny_hifigan", [*overrides, f"run.steps={step + 1}"])
    fit(recipe, store_path, tmp_path, resume=True, progress=False)
    assert CheckpointFolder(tmp_path).steps() == [step, step + 1]


def test_a_validation_that_is_not_finite_ends_the_run(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FastPitchTask, "validate", lambda task, network: {"mel": float("nan")})
    with pytest.raises(TrainingDiverged, match=r"mel = nan in validation; the last checkpoint is none yet"):
        fit(short("tiny_fastpitch", 4), store_path, tmp_path / "run", progress=False)
