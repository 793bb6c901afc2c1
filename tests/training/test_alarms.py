import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tests.training.models import MODELS

from sonorant.config import load_recipe
from sonorant.features.loader import micro_batches
from sonorant.features.store import FeatureStore
from sonorant.training import monitor as monitor_module
from sonorant.training.adversarial_task import AdversarialTask
from sonorant.training.alarms import (
    CALM,
    ExplodingAlarm,
    OverfittingAlarm,
    StarvationAlarm,
    UnalignedAlarm,
    WinningJudgesAlarm,
)
from sonorant.training.data import TimedIterator
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.metrics import History, Line
from sonorant.training.monitor import Monitor
from sonorant.training.processes import Processes
from sonorant.training.progress import Lines, Silent
from sonorant.training.run import make_task
from sonorant.training.samples import Samples

UNALIGNED = UnalignedAlarm("mel", {"diagonality": 0.8, "focus": 0.3}, "start again", patience=2)
OVERFITTING = OverfittingAlarm("mel", patience=3)
STARVATION = StarvationAlarm(share=0.2, patience=3)
EXPLODING = ExplodingAlarm(("discriminator", "discriminators' gradient norm"), "lower the learning rate")
WINNING = WinningJudgesAlarm(num_judges=8, patience=4)


def validations(losses: list[float], diagonality: list[float], focus: list[float]) -> History:
    rows = zip(losses, diagonality, focus, strict=True)
    return History(validations=[{"mel": loss, "diagonality": d, "focus": f} for loss, d, f in rows])


def test_a_falling_loss_without_an_alignment_rings() -> None:
    message = UNALIGNED.check(validations([2.0, 1.5, 1.2], [0.1, 0.12, 0.11], [0.05, 0.05, 0.06]))
    assert message is not None
    assert "mel fell by 40 %" in message and "diagonality 0.11 (0.10 before), focus 0.06 (0.05 before)" in message
    assert message.endswith("start again")


@pytest.mark.parametrize(
    ("what", "history"),
    [
        ("the alignment forms", validations([2.0, 1.5, 1.2], [0.1, 0.2, 0.4], [0.05, 0.08, 0.12])),
        ("it is there", validations([0.5, 0.45, 0.4], [0.98, 0.98, 0.98], [0.6, 0.6, 0.6])),
        ("nothing is learned at all", validations([2.0, 2.0, 2.0], [0.1, 0.1, 0.1], [0.05, 0.05, 0.05])),
        ("it is too early to tell", validations([2.0, 1.0], [0.1, 0.1], [0.05, 0.05])),
    ],
)
def test_of_the_alignment_nothing_is_said_when(what: str, history: History) -> None:
    assert UNALIGNED.check(history) is None


def test_a_diagonal_without_focus_rings_for_the_focus_alone() -> None:
    message = UNALIGNED.check(validations([2.0, 1.5, 1.2], [0.95, 0.95, 0.95], [0.05, 0.05, 0.05]))
    assert message is not None and "focus" in message and "diagonality" not in message


def test_an_alignment_that_is_lost_again_rings() -> None:
    assert UNALIGNED.check(validations([1.0, 0.9, 0.8], [0.98, 0.9, 0.4], [0.6, 0.4, 0.2]))


def losses(training: list[float], validation: list[float], first_step: int = 10) -> History:
    """Two reports of the training before each validation."""
    steps = [first_step + 10 * index for index in range(len(validation))]
    halves = [(step - 5 * part, mel) for step, mel in zip(steps, training, strict=True) for part in (1, 0)]
    train = [{"step": step, "mel": mel} for step, mel in halves]
    return History(train, [{"step": step, "mel": mel} for step, mel in zip(steps, validation, strict=True)])


def test_learning_by_heart_rings_and_names_the_best_checkpoint() -> None:
    message = OVERFITTING.check(losses([1.0, 0.8, 0.6, 0.5, 0.4], [1.1, 0.9, 0.95, 1.0, 1.0]))
    assert message is not None
    assert "since step 20 mel fell from 0.8 to 0.4 in training but rose from 0.9 to 1 in validation" in message
    assert "step_00000020.pt is the best checkpoint" in message


def test_a_fine_tuning_that_is_best_before_its_first_step_rings() -> None:
    history = losses([1.0, 0.8, 0.6, 0.5], [0.9, 0.95, 1.0, 1.1], first_step=0)
    history.train = [line for line in history.train if line["step"] > 0]
    message = OVERFITTING.check(history)
    assert message is not None and "since step 0" in message


@pytest.mark.parametrize(
    ("what", "training", "validation"),
    [
        ("both fall", [1.0, 0.8, 0.6, 0.5, 0.4], [1.1, 1.0, 0.9, 0.8, 0.7]),
        ("both rise, as where judges begin", [0.5, 0.4, 0.6, 0.6, 0.6], [0.6, 0.5, 0.7, 0.7, 0.7]),
        ("it stands still", [1.0, 0.8, 0.6, 0.5, 0.4], [1.1, 0.9, 0.905, 0.903, 0.904]),
        ("the rise is short", [1.0, 0.8, 0.6, 0.5, 0.4], [1.1, 1.0, 0.9, 1.0, 1.1]),
        ("a likelihood below zero falls", [-1.0, -2.0, -3.0, -4.0, -5.0], [-1.0, -2.0, -3.0, -4.0, -4.5]),
        ("there is nothing yet", [], []),
    ],
)
def test_of_overfitting_nothing_is_said_when(what: str, training: list[float], validation: list[float]) -> None:
    assert OVERFITTING.check(losses(training, validation)) is None


def test_a_likelihood_below_zero_that_rises_rings() -> None:
    assert OVERFITTING.check(losses([-1.0, -2.0, -3.0, -4.0, -5.0], [-1.0, -2.0, -1.9, -1.8, -1.5]))


def intervals(name: str, values: Sequence[float]) -> History:
    return History([{"step": 10 * index, name: value} for index, value in enumerate(values, start=1)])


def test_waiting_for_data_rings_with_advice() -> None:
    message = STARVATION.check(intervals("waiting for data", [0.0, 0.3, 0.4, 0.5]))
    assert message is not None and "40 % of the time" in message and "raise batch.num_workers" in message


@pytest.mark.parametrize("waits", [[0.9, 0.0, 0.0], [0.5, 0.5, 0.1], [0.9, 0.9]])
def test_a_start_or_a_hiccup_is_no_starvation(waits: list[float]) -> None:
    assert STARVATION.check(intervals("waiting for data", waits)) is None


@pytest.mark.parametrize("name", ["discriminator", "discriminators' gradient norm"])
def test_a_discriminator_that_explodes_rings(name: str) -> None:
    message = EXPLODING.check(intervals(name, [3.0, 2.5, 2.8, 2.6, 2.7, 60.0]))
    assert message is not None and f"{name} leapt to 60, 22 times the usual; lower the learning rate" in message


@pytest.mark.parametrize(
    "values",
    [
        [3.0, 2.5, 2.8, 2.6, 2.7, 20.0],
        [3.0, 60.0],
        [2.0 * 1.1**index for index in range(30)],
        [3.0, 2.5, 2.8, 2.6, 2.7, float("inf")],
        [],
    ],
    ids=["it rises to less", "it is too early to tell", "it rises slowly", "fp16 skipped a step", "no judges"],
)
def test_of_an_explosion_nothing_is_said_when(values: list[float]) -> None:
    assert EXPLODING.check(intervals("discriminator", values)) is None


def test_judges_that_tell_everything_for_long_ring() -> None:
    message = WINNING.check(intervals("discriminator", [4.0, 0.3, 0.2, 0.1, 0.05]))
    assert message is not None and "their loss is 0.05, 4 if they could not" in message


@pytest.mark.parametrize("values", [[4.0, 3.9, 3.8, 3.7], [0.1, 0.1, 0.1, 1.0], [0.1, 0.1, 0.1]])
def test_judges_that_err_are_left_alone(values: list[float]) -> None:
    assert WINNING.check(intervals("discriminator", values)) is None


def ring(run: Path, start_step: int, steps: Sequence[int], aligned: bool) -> None:
    with Monitor(run, start_step, 22050, Lines(100), [UNALIGNED]) as monitor:
        for step in steps:
            focus = step / 100 if aligned else 0.05
            monitor.validation(step, 0, {"mel": 2.0 - step / 100, "diagonality": 0.9, "focus": focus})


def lines_of(run: Path) -> list[Line]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def alarm_steps(run: Path) -> list[int]:
    return [line["step"] for line in lines_of(run) if line["kind"] == "alarm"]


def test_a_run_warns_on_stderr_and_in_its_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ring(tmp_path, 0, [10, 20, 30], aligned=False)
    assert "warning: step 30: mel fell by" in capsys.readouterr().err
    assert [line["kind"] for line in lines_of(tmp_path)] == ["validation", "validation", "validation", "alarm"]
    last = lines_of(tmp_path)[-1]
    assert last["step"] == 30 and "focus 0.05" in last["message"]


def test_a_run_that_aligns_is_not_warned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ring(tmp_path, 0, [10, 20, 30], aligned=True)
    assert "warning" not in capsys.readouterr().err
    assert alarm_steps(tmp_path) == []


def test_a_resumed_run_rings_like_one_that_was_never_interrupted(tmp_path: Path) -> None:
    ring(tmp_path, 0, [10, 20], aligned=False)
    assert alarm_steps(tmp_path) == []
    ring(tmp_path, 20, [30], aligned=False)
    assert alarm_steps(tmp_path) == [30]


def test_what_lasts_is_told_once_also_across_a_resume(tmp_path: Path) -> None:
    ring(tmp_path, 0, range(10, 60, 10), aligned=False)
    ring(tmp_path, 50, range(60, 100, 10), aligned=False)
    assert alarm_steps(tmp_path) == [30]


def wait(run: Path, start_step: int, waits: Sequence[float]) -> None:
    with Monitor(run, start_step, 22050, Silent(), [STARVATION]) as monitor:
        for step, share in enumerate(waits, start=start_step + 1):
            monitor.train(step, 0, {"waiting for data": share, "seconds/step": 1.0})


def test_an_alarm_rings_again_only_after_it_was_silent_for_some_looks(tmp_path: Path) -> None:
    flickering = [0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5]  # it has a reason at 3 and 7, and none at 4, 5, 6
    wait(tmp_path, 0, flickering)
    assert CALM == 3 and alarm_steps(tmp_path) == [3, 7]
    wait(tmp_path, 7, [0.5, 0.1, 0.5])
    assert alarm_steps(tmp_path) == [3, 7]


def test_a_resume_amid_the_calm_does_not_ring_sooner(tmp_path: Path) -> None:
    patient = StarvationAlarm(share=0.2, patience=1)
    for start, waits in ((0, [0.5, 0.0]), (2, [0.0, 0.5]), (4, [0.0, 0.0, 0.0]), (7, [0.5])):
        with Monitor(tmp_path, start, 22050, Silent(), [patient]) as monitor:
            for step, share in enumerate(waits, start=start + 1):
                monitor.train(step, 0, {"waiting for data": share, "seconds/step": 1.0})
    assert alarm_steps(tmp_path) == [1, 8]


def test_a_disk_that_fills_up_is_told_once_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter((500, 190, 150, 500, 120))

    class Usage:
        free = 0

    def disk_usage(path: Path) -> Usage:
        assert path == tmp_path
        usage = Usage()
        usage.free = next(free) * 10**6
        return usage

    monkeypatch.setattr(monitor_module.shutil, "disk_usage", disk_usage)
    with Monitor(tmp_path, 0, 22050, Silent()) as monitor:
        for step in range(1, 6):
            monitor.disk(step, 0, 100 * 10**6)
    assert alarm_steps(tmp_path) == [2, 5]
    assert "190 MB are free, a checkpoint has about 100 MB" in lines_of(tmp_path)[0]["message"]


RUN = ("run.steps=6", "run.log_every=1", "run.validate_every=1", "run.checkpoint_every=2", "run.sample_every=100")


def test_a_healthy_run_rings_nothing(store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FastPitchTask, "samples", lambda self, network: Samples())
    fit(load_recipe("tiny_fastpitch", RUN), store_path, tmp_path, progress=False)
    assert alarm_steps(tmp_path) == []


def test_a_run_in_trouble_rings_once_for_each_trouble(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rising = iter(range(1, 7))
    monkeypatch.setattr(FastPitchTask, "samples", lambda self, network: Samples())
    monkeypatch.setattr(FastPitchTask, "validate", lambda self, network: {
        "mel": float(next(rising)), "diagonality": 1.0, "focus": 1.0
    })  # fmt: skip
    monkeypatch.setattr(
        TimedIterator, "waited_s", property(lambda self: 1000.0, lambda self, value: None), raising=False
    )
    full = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr(monitor_module.shutil, "disk_usage", lambda path: full)
    fit(load_recipe("tiny_fastpitch", RUN), store_path, tmp_path, progress=False)
    disk, data, heart = (line["message"] for line in lines_of(tmp_path) if line["kind"] == "alarm")
    assert "the disk is nearly full" in disk and "waiting for data" in data and heart.startswith("overfitting")
    assert alarm_steps(tmp_path) == [1, 3, 5]


@pytest.mark.parametrize("recipe", ["tiny_hifigan", "tiny_source_filter"])
def test_the_alarm_of_the_judges_knows_how_many_there_are(recipe: str, store: FeatureStore) -> None:
    task = make_task(load_recipe(recipe), store, Processes())
    (alarm,) = (alarm for alarm in task.alarms if isinstance(alarm, WinningJudgesAlarm))
    assert isinstance(task, AdversarialTask)
    assert alarm.num_judges == len(task.discriminators(torch.zeros(1, 8192)))


@pytest.mark.parametrize("model", MODELS)
def test_what_is_watched_for_overfitting_is_a_loss_of_the_training(model: str, store: FeatureStore) -> None:
    recipe = load_recipe(f"tiny_{model}", ["batch.num_workers=0"])
    task = make_task(recipe, store, Processes())
    _, batches = next(micro_batches(store, store.split("train"), recipe, 0))
    watched = {alarm.metric for alarm in task.alarms if isinstance(alarm, OverfittingAlarm)}
    assert watched == {task.best_metric} & set(task.step(batches, 0, 1.0))
    assert bool(watched) != (model == "sharpen_fastpitch")  # whose mels are meant to move away from the recordings


def test_steps_that_were_taken_twice_count_once_and_later_ones_not_at_all(tmp_path: Path) -> None:
    lines = [{"kind": "validation", "step": step, "mel": mel} for step, mel in ((1, 3.0), (2, 9.0), (3, 9.0), (2, 2.0))]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "train", "step": 2}\n[1]\n{"kind": "vali'
    (tmp_path / "metrics.jsonl").write_text(text)
    history = History.read(tmp_path / "metrics.jsonl", 2)
    assert [values["mel"] for values in history.validations] == [3.0, 2.0]
    assert [values["step"] for values in history.train] == [2]
    assert History.read(tmp_path / "none.jsonl", 2) == History()
