import json
from pathlib import Path

import pytest

from sonorant.training.alarms import UnalignedAlarm, past_validations
from sonorant.training.monitor import Monitor
from sonorant.training.progress import Lines

ALARM = UnalignedAlarm("mel", {"diagonality": 0.8, "focus": 0.3}, "start again", patience=2)


def course(losses: list[float], diagonality: list[float], focus: list[float]) -> list[dict[str, float]]:
    rows = zip(losses, diagonality, focus, strict=True)
    return [{"mel": loss, "diagonality": d, "focus": f} for loss, d, f in rows]


def test_a_falling_loss_without_an_alignment_rings() -> None:
    message = ALARM.check(course([2.0, 1.5, 1.2], [0.1, 0.12, 0.11], [0.05, 0.05, 0.06]))
    assert message is not None
    assert "mel fell by 40 %" in message and "diagonality 0.11 (0.10 before), focus 0.06 (0.05 before)" in message
    assert message.endswith("start again")


@pytest.mark.parametrize(
    ("what", "validations"),
    [
        ("the alignment forms", course([2.0, 1.5, 1.2], [0.1, 0.2, 0.4], [0.05, 0.08, 0.12])),
        ("it is there", course([0.5, 0.45, 0.4], [0.98, 0.98, 0.98], [0.6, 0.6, 0.6])),
        ("nothing is learned at all", course([2.0, 2.0, 2.0], [0.1, 0.1, 0.1], [0.05, 0.05, 0.05])),
        ("it is too early to tell", course([2.0, 1.0], [0.1, 0.1], [0.05, 0.05])),
    ],
)
def test_it_is_silent_when(what: str, validations: list[dict[str, float]]) -> None:
    assert ALARM.check(validations) is None


def test_a_diagonal_without_focus_rings_for_the_focus_alone() -> None:
    message = ALARM.check(course([2.0, 1.5, 1.2], [0.95, 0.95, 0.95], [0.05, 0.05, 0.05]))
    assert message is not None and "focus" in message and "diagonality" not in message


def test_an_alignment_that_is_lost_again_rings() -> None:
    assert ALARM.check(course([1.0, 0.9, 0.8], [0.98, 0.9, 0.4], [0.6, 0.4, 0.2]))


def ring(run: Path, start_step: int, steps: list[int], aligned: bool) -> None:
    with Monitor(run, start_step, 22050, Lines(100), [ALARM]) as monitor:
        for step in steps:
            focus = step / 100 if aligned else 0.05
            monitor.validation(step, 0, {"mel": 2.0 - step / 100, "diagonality": 0.9, "focus": focus})


def kinds(run: Path) -> list[str]:
    return [json.loads(line)["kind"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_warns_on_stderr_and_in_its_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ring(tmp_path, 0, [10, 20, 30], aligned=False)
    assert "warning: step 30: mel fell by" in capsys.readouterr().err
    assert kinds(tmp_path) == ["validation", "validation", "validation", "alarm"]
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 30 and "focus 0.05" in last["message"]


def test_a_run_that_aligns_is_not_warned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ring(tmp_path, 0, [10, 20, 30], aligned=True)
    assert "warning" not in capsys.readouterr().err
    assert kinds(tmp_path) == ["validation"] * 3


def test_a_resumed_run_rings_like_one_that_was_never_interrupted(tmp_path: Path) -> None:
    ring(tmp_path, 0, [10, 20], aligned=False)
    assert "alarm" not in kinds(tmp_path)
    ring(tmp_path, 20, [30], aligned=False)
    assert kinds(tmp_path)[-1] == "alarm"


def test_steps_that_were_taken_twice_count_once_and_later_ones_not_at_all(tmp_path: Path) -> None:
    lines = [{"kind": "validation", "step": step, "mel": mel} for step, mel in ((1, 3.0), (2, 9.0), (3, 9.0), (2, 2.0))]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "train", "step": 1}\n{"kind": "vali'
    (tmp_path / "metrics.jsonl").write_text(text)
    assert [values["mel"] for values in past_validations(tmp_path / "metrics.jsonl", 2)] == [3.0, 2.0]
    assert past_validations(tmp_path / "none.jsonl", 2) == []
