import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sonorant.errors import RequestError
from sonorant.training import monitor as monitor_module
from sonorant.training.monitor import Meter, Monitor
from sonorant.training.processes import Processes
from sonorant.training.progress import Silent
from sonorant.training.samples import Samples


def test_a_meter_averages_each_value_over_the_steps_that_had_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(monitor_module.time, "perf_counter", lambda: now[0])
    meter = Meter(Processes())
    meter.add({"mel": torch.tensor(1.0)}, num_frames=300, waited_s=0.5)
    meter.add({"mel": torch.tensor(3.0), "adversarial": torch.tensor(7.0)}, num_frames=500, waited_s=0.5)
    now[0] += 4.0
    assert meter.report() == {
        "mel": 2.0, "adversarial": 7.0, "frames/s": 200.0, "waiting for data": 0.25, "seconds/step": 2.0,
        "seconds paused": 0.0,
    }  # fmt: skip


def test_a_pause_is_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(monitor_module.time, "perf_counter", lambda: now[0])
    meter = Meter(Processes())
    with meter.pause():
        now[0] += 60.0
    meter.add({"mel": torch.tensor(1.0)}, num_frames=300, waited_s=1.0)
    now[0] += 2.0
    report = meter.report()
    assert (report["frames/s"], report["waiting for data"], report["seconds/step"]) == (150.0, 0.5, 2.0)
    assert report["seconds paused"] == 60.0


def test_a_meter_begins_anew_after_its_report() -> None:
    meter = Meter(Processes())
    meter.add({"mel": torch.tensor(1.0)}, 10, 0.0)
    meter.report()
    meter.add({"mel": torch.tensor(5.0)}, 10, 0.0)
    assert meter.report()["mel"] == 5.0


def test_metrics_pictures_and_audio_reach_their_files(tmp_path: Path) -> None:
    with Monitor(tmp_path, 0, 22050, Silent()) as monitor:
        monitor.train(1, 0, {"mel": 2.5, "learning rate": 1e-3, "seconds/step": 1.0})
        monitor.validation(2, 0, {"mel": 1.5})
        picture = np.zeros((4, 6, 3), np.uint8)
        monitor.samples(2, Samples({"spoken 0": np.zeros(100, np.float32)}, {"mel 0": picture}))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["kind"], line["step"], line["mel"]) for line in lines] == [("train", 1, 2.5), ("validation", 2, 1.5)]
    assert {path.name for path in (tmp_path / "samples" / "step_00000002").iterdir()} == {"spoken_0.flac", "mel_0.png"}
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert board.Scalars("train/learning rate")[0].value == pytest.approx(1e-3)
    assert board.Scalars("validation/mel")[0].step == 2
    assert (board.Images("mel 0")[0].width, board.Images("mel 0")[0].height) == (6, 4)
    assert board.Audio("spoken 0")[0].sample_rate == 22050


def test_metrics_that_cannot_be_written_are_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with (
        pytest.raises(RequestError, match=r"metrics\.jsonl: cannot be written: Is a directory"),
        Monitor(tmp_path, 0, 22050, Silent()) as monitor,
    ):
        monitor.train(1, 0, {"mel": 2.5, "seconds/step": 1.0})


def test_a_resumed_run_adds_to_its_metrics(tmp_path: Path) -> None:
    for step in (1, 2):
        with Monitor(tmp_path, step - 1, 22050, Silent()) as monitor:
            monitor.train(step, 0, {"mel": 1.0, "seconds/step": 1.0})
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_line_that_was_half_written_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"kind": "train", "step": 1}\n{"kind": "tra')
    with Monitor(tmp_path, 0, 22050, Silent()) as monitor:
        monitor.train(2, 0, {"mel": 1.0, "seconds/step": 1.0})
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1, 2]
