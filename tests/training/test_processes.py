"""One, two and four processes that train one model give the same gradients and the same losses."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from tests.training.conftest import write_store
from tests.training.models import ADVERSARIAL, MODELS
from tests.training.together import free_port, together

from sonorant.config import FeatureConfig, load_recipe
from sonorant.errors import ConfigError
from sonorant.features.store import FeatureStore
from sonorant.training.alignment import ALIGNMENT_METRICS
from sonorant.training.data import open_store
from sonorant.training.fit import fit

COUNTS = (1, 2, 4)
"""Processes; each has as many micro-batches as make up the global batch of 8."""

TRAINED = (1, 2)
"""Those that also train for ten steps."""


@pytest.fixture(scope="module")
def uneven_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Utterances of very different lengths: 3 to 36 symbols."""
    folder = tmp_path_factory.mktemp("uneven") / "store"
    return write_store(folder, FeatureConfig(), lambda number: 3 + 3 * (number % 12))


@pytest.fixture(scope="module")
def runs(uneven_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The folder that each number of processes has left."""
    folders = {count: tmp_path_factory.mktemp(f"several-{count}") for count in COUNTS}
    for count, folder in folders.items():
        ports = [free_port() for _ in MODELS] if count in TRAINED else []
        together(count, "several", uneven_store, folder, *ports)
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS[1:])
@pytest.mark.parametrize("model", MODELS)
def test_the_gradient_does_not_depend_on_the_number_of_processes(model: str, count: int, runs: dict[int, Path]) -> None:
    alone, several = (torch.load(runs[number] / "gradients.pt")[model] for number in (1, count))
    assert len(alone) == len(several) == (2 if model in ADVERSARIAL else 1)
    for expected, found in zip(alone, several, strict=True):
        assert expected.norm() > 1e-6
        assert (found - expected).norm() < 1e-6 * expected.norm()


@pytest.mark.slow
def test_counting_in_each_process_alone_is_noticed(runs: dict[int, Path]) -> None:
    (right,), (wrong,) = (torch.load(runs[2] / "gradients.pt")[name] for name in ("fastpitch", "forgetful"))
    assert (wrong - right).norm() > 1e-3 * right.norm()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_ten_steps_give_the_same_losses(model: str, runs: dict[int, Path]) -> None:
    alone, several = (_metrics(runs[number] / model) for number in TRAINED)
    assert [line["step"] for line in several] == [line["step"] for line in alone] == [*range(1, 11), 10]
    others = {"kind", "time", "frames/s", "seconds/step", "seconds paused", "waiting for data"}
    for expected, found in zip(alone, several, strict=True):
        for name in {name for name in expected if not name.endswith("gradient norm")} - others:
            # How straight an untrained attention is hangs by a thread: it is no loss, and between -1 and 1.
            smallest = 1e-3 if name in ALIGNMENT_METRICS else 1e-6
            assert found[name] == pytest.approx(expected[name], rel=1e-4, abs=smallest), name


def _metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_machines_train_together_as_the_documentation_says(uneven_store: Path, tmp_path: Path) -> None:
    recipe = ["tiny_fastpitch", uneven_store]
    settings = ["batch.global_batch=4", "batch.micro_batch=1", "run.log_every=1", "run.steps=3"]
    rendezvous = f"--nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint 127.0.0.1:{free_port()}"
    launcher = [sys.executable, "-m", "torch.distributed.run", *rendezvous.split(), "-m", "sonorant"]
    command = list(map(str, [*launcher, "train", *recipe, tmp_path / "both", *settings]))
    machines = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [machine.communicate(timeout=300)[1].decode() for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], "\n".join(errors)
    _sonorant("train", *recipe, tmp_path / "alone", *settings)
    both, alone = (
        [line["total"] for line in _metrics(tmp_path / run) if line["kind"] == "train"] for run in ("both", "alone")
    )
    assert len(alone) == 3 and both == pytest.approx(alone, rel=1e-4)


def _sonorant(*arguments: object, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "sonorant", *map(str, arguments)], capture_output=True, timeout=300)
    assert done.returncode == code, done.stderr.decode()
    return done.stderr.decode()


@pytest.mark.slow
def test_a_stop_reaches_every_process_and_the_run_is_saved(uneven_store: Path, tmp_path: Path) -> None:
    settings = ["batch.global_batch=4", "run.steps=1000000", "run.log_every=1", "run.validate_every=1000000"]
    settings += ["run.checkpoint_every=1000000", "run.sample_every=1000000", "--devices", "2"]
    command = [sys.executable, "-m", "sonorant", "train", "tiny_fastpitch", uneven_store, tmp_path / "run", *settings]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 200
    while not (tmp_path / "run" / "metrics.jsonl").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=200)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"SIGTERM: stopped and saved at step" in told
    (checkpoint,) = (tmp_path / "run").glob("step_*.pt")
    assert int(checkpoint.stem.removeprefix("step_")) >= 1


@pytest.mark.slow
def test_what_a_process_dies_of_is_told_with_its_exit_code(uneven_store: Path, tmp_path: Path) -> None:
    """A validation, which the first process alone makes, is due before a report that all make."""
    settings = ["batch.global_batch=4", "optimizer.learning_rate=1e30", "--devices", 2]
    settings += ["run.log_every=1000", "run.validate_every=2"]
    told = _sonorant("train", "tiny_fastpitch", uneven_store, tmp_path / "run", *settings, code=3)
    assert "the update was not applied" in told and "of 2 failed" in told and "Traceback" not in told


def _hold_a_run(run: Path, store: Path) -> None:
    (run / "step_00000001.pt").write_bytes(b"of another run")


def _refuse_best(run: Path, store: Path) -> None:
    (run / "run.json").write_text('{"starts": []}')
    (run / "best.json").mkdir()


def _spoil_validation(run: Path, store: Path) -> None:
    for entry in FeatureStore(store).split("validation"):
        path = store / entry.file
        save_file(load_file(path) | {"mel": np.full((80, entry.num_frames), np.nan, np.float32)}, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "code", "message"),
    [
        (_hold_a_run, 2, "holds checkpoints of another run"),
        (_refuse_best, 2, "best.json: cannot be written"),
        (_spoil_validation, 3, "mel = nan in validation"),
    ],
)
def test_what_the_first_process_alone_fails_of_is_all_that_is_told(
    uneven_store: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], code: int, message: str
) -> None:
    """A run folder is refused before the first step, a checkpoint behind the last, a validation between two."""
    store, run = shutil.copytree(uneven_store, tmp_path / "store"), tmp_path / "run"
    run.mkdir()
    spoil(run, store)
    settings = ["batch.global_batch=4", "run.steps=3", "run.log_every=1000", "run.checkpoint_every=3"]
    settings += ["run.validate_every=2" if code == 3 else "run.validate_every=3", "--devices", "2"]
    told = _sonorant("train", "tiny_fastpitch", store, run, *settings, code=code)
    assert f"process 0: {run}" in told or "process 0: step 2" in told
    assert message in told and "process 0 of 2 failed" in told
    assert "process 1:" not in told and "Traceback" not in told


@pytest.mark.slow
def test_several_processes_go_on_with_the_run_of_one(uneven_store: Path, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_fastpitch", ["batch.global_batch=4", "run.steps=1", "run.sample_every=1000"])
    fit(recipe, uneven_store, tmp_path, progress=False)
    _sonorant("resume", tmp_path, uneven_store, "run.steps=2", "run.log_every=1", "--devices", 2)
    starts = json.loads((tmp_path / "run.json").read_text())["starts"]
    assert [(start["step"], start["processes"]) for start in starts] == [(0, 1), (1, 2)]
    assert [line["step"] for line in _metrics(tmp_path) if line["kind"] == "train"] == [1, 2]
    assert (tmp_path / "step_00000002.pt").is_file()


def test_a_batch_that_cannot_be_dealt_out_is_refused(uneven_store: Path) -> None:
    recipe = load_recipe("tiny_fastpitch", ["batch.global_batch=6", "batch.micro_batch=2"])
    open_store(uneven_store, recipe, 3)
    with pytest.raises(ConfigError, match="6 cannot be dealt out to 2 processes in micro-batches of 2;"):
        open_store(uneven_store, recipe, 2)
