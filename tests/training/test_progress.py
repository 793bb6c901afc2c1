import pytest

from sonorant.training.progress import Bar, Lines, Silent, make_display


def test_lines_tell_the_step_the_time_left_and_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display(100, True)
    assert isinstance(display, Lines)  # stderr is not a terminal here
    display.begin(10)
    display.update(20, {"mel": 1.5})
    display.tell("a word")
    display.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "step 20/100, 0:00:00 left, mel 1.5\na word\n"


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    display = make_display(10, False)
    assert isinstance(display, Silent)
    display.begin(0)
    display.update(1, {"mel": 1.0})
    display.tell("nothing")
    display.close()
    assert capsys.readouterr() == ("", "")


def test_a_bar_leaves_what_was_told_readable(capsys: pytest.CaptureFixture[str]) -> None:
    display = Bar(10)
    display.tell("[before] it begins")
    display.begin(0)
    display.update(5, {"mel": 1.0})
    display.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert "[before] it begins" in err and "5/10" in err
