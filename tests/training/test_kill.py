"""A run that is killed fifty times, also while it saves, loses nothing that it said was saved."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.training.conftest import differences

from sonorant.files import is_partial
from sonorant.training.checkpoint import CheckpointFolder, read_checkpoint
from sonorant.training.metrics import NAME, read_lines, without_undone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="torch is imported once, and the run forked from there"),
]

KILLS, WHILE_SAVING = 50, 15
"""How often the run is killed, and how often at least while it saves a checkpoint; the seed of the moments is fixed."""


@pytest.fixture(scope="module")
def out(store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What killed.py leaves."""
    out = tmp_path_factory.mktemp("killed")
    command = [sys.executable, Path(__file__).with_name("killed.py"), store_path, out]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, timeout=300)
    return out


@pytest.fixture(scope="module")
def lives(out: Path) -> dict[str, list[dict[str, Any]]]:
    """How each life of each run ended."""
    return dict(json.loads((out / "lives.json").read_text()))


Lives = dict[str, list[dict[str, Any]]]


def test_the_run_is_killed_in_all_moments(lives: Lives) -> None:
    assert [life["signal"] for life in lives["killed"]] == [signal.SIGKILL] * KILLS
    assert sum(life["saving"] for life in lives["killed"]) >= WHILE_SAVING
    assert len({life["told"] for life in lives["killed"]}) > KILLS // 3  # it got on between them


def test_no_checkpoint_is_ever_unreadable(lives: Lives) -> None:
    assert [life for life in lives["killed"] if life["unreadable"]] == []


def test_no_checkpoint_that_was_told_to_be_saved_is_lost(lives: Lives) -> None:
    assert [life for life in lives["killed"] if max(life["steps"]) < life["told"]] == []


def test_the_best_checkpoint_is_always_there(lives: Lives) -> None:
    assert [life for life in lives["killed"] if life["best"] not in life["steps"]] == []


def test_writing_in_place_would_be_noticed(lives: Lives) -> None:
    (life,) = lives["write_in_place"]
    assert life["unreadable"] == [max(life["steps"])]


def test_deleting_before_writing_would_be_noticed(lives: Lives) -> None:
    (life,) = lives["delete_before_writing"]
    assert life["told"] > max(life["steps"], default=0)


def test_the_run_ends_as_one_that_nothing_happened_to(out: Path) -> None:
    killed, whole = (CheckpointFolder(out / name) for name in ("killed", "whole"))
    assert killed.steps() == whole.steps()
    assert killed.chosen().name == whole.chosen().name
    states = (read_checkpoint(folder.path(folder.steps()[-1])) for folder in (killed, whole))
    assert differences(*states) == []


def test_it_leaves_nothing_half_written(out: Path) -> None:
    names = {path.name for path in (out / "killed").iterdir()}
    assert names == {path.name for path in (out / "whole").iterdir()}
    assert not any(is_partial(path) for path in (out / "killed").rglob("*"))
    assert len(json.loads((out / "killed" / "run.json").read_text())["starts"]) > KILLS // 2


def test_a_reader_of_its_metrics_sees_every_step_once(out: Path) -> None:
    """The file keeps what was undone; whoever reads it leaves that out, and the numbers are those of the whole run."""
    timed = {"time", "frames/s", "seconds/step", "seconds paused", "waiting for data"}
    whole, killed = (
        [
            {name: line[name] for name in line.keys() - timed}
            for line in without_undone(read_lines(out / run / NAME))
            if line["kind"] != "alarm"  # some look at the clock
        ]
        for run in ("whole", "killed")
    )
    assert killed == whole
    written = [json.loads(line) for line in (out / "killed" / NAME).read_text().splitlines()]
    assert len([line for line in written if line["kind"] != "alarm"]) > len(whole)
