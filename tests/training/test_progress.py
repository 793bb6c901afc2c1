from collections.abc import Callable

import pytest
import torch

from sonorant.training import monitor as monitor_module
from sonorant.training.monitor import Meter
from sonorant.training.processes import Processes
from sonorant.training.progress import Bar, Lines, Silent, make_display, seconds_per_step

Intervals = list[dict[str, float]]


def test_lines_tell_the_step_the_time_left_and_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display(100, True)
    assert isinstance(display, Lines)  # stderr is not a terminal here
    display.begin(10)
    display.update(20, 2.0, {"mel": 1.5})
    display.tell("a word")
    display.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "step 20/100, 0:02:40 left, mel 1.5\na word\n"


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display(10, False)
    assert isinstance(display, Silent)
    display.begin(0)
    display.update(1, 2.0, {"mel": 1.0})
    display.tell("nothing")
    display.close()
    assert capsys.readouterr() == ("", "")


def test_a_bar_leaves_what_was_told_readable(capsys: pytest.CaptureFixture[str]) -> None:
    display = Bar(10)
    display.tell("[before] it begins")
    display.begin(0)
    display.update(5, 60.0, {"mel": 1.0})
    display.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert "[before] it begins" in err and "5/10" in err and "0:05:00 left" in err


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int, float], Intervals]:
    """Run from a step to another at 2 s a step, reporting every 10, with a pause behind every 50th step."""
    now = [1000.0]
    monkeypatch.setattr(monitor_module.time, "perf_counter", lambda: now[0])

    def run(start: int, end: int, pause_s: float) -> Intervals:
        meter, lines = Meter(Processes()), []
        for step in range(start + 1, end + 1):
            now[0] += 2.0
            meter.add({"mel": torch.tensor(1.0)}, 0, 0.0)
            if step % 10 == 0:
                lines.append({"step": float(step), **meter.report()})
            with meter.pause():
                now[0] += pause_s if step % 50 == 0 else 0.0
        return lines

    return run


def test_pauses_count_as_often_as_they_come(simulate: Callable[[int, int, float], Intervals]) -> None:
    lines = simulate(0, 1060, 30.0)
    assert {line["seconds/step"] for line in lines} == {2.0}
    assert seconds_per_step(lines) == pytest.approx(2.0 + 30.0 / 50, rel=0.01)


def test_the_time_left_does_not_jump_after_a_resume(simulate: Callable[[int, int, float], Intervals]) -> None:
    before = simulate(0, 400, 30.0)
    after = simulate(400, 410, 30.0)
    after[0]["seconds/step"] = 20.0  # the first steps wait for workers to start and for graphs to be compiled
    assert seconds_per_step([*before, *after]) == pytest.approx(seconds_per_step(before), rel=0.05)
    assert seconds_per_step(after) == 20.0


def test_a_machine_that_became_slower_counts_as_it_is_now(simulate: Callable[[int, int, float], Intervals]) -> None:
    lines = simulate(0, 600, 0.0)
    for line in lines[-15:]:
        line["seconds/step"] = 5.0
    assert seconds_per_step(lines) == 5.0
