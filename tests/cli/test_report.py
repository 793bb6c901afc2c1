"""`sonorant report`: where the page goes, and what is no run."""

import json
from pathlib import Path

import pytest

from sonorant.cli import main


def report(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["sonorant", "report", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"features": "0", "starts": []}))
    return folder


def test_the_page_lies_in_the_run_unless_told_otherwise(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = run.parent / "other.html"
    assert report(monkeypatch, run) == 0 and report(monkeypatch, run, "--out", other) == 0
    assert capsys.readouterr().out.split() == [str(run / "report.html"), str(other)]
    assert (run / "report.html").read_text() == other.read_text()


def test_what_is_no_run_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(monkeypatch, tmp_path) == 2
    assert capsys.readouterr().err == (
        f"sonorant: {tmp_path}: there is no run here; give the folder that sonorant train was given\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_page_that_cannot_be_written_is_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(monkeypatch, run, "--out", run) == 2
    assert "this is a folder" in capsys.readouterr().err
