"""report.json: written, read, refused."""

import json
from pathlib import Path

import pytest
from tests.evaluation.reports import evaluation, result

from sonorant.errors import RequestError
from sonorant.evaluation.report import write_report
from sonorant.evaluation.results import read_evaluation


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = evaluation(result(1, notes=("left out: x",)), result(2, heard_in_recording=None, recording_shares={}))
    write_report(tmp_path, written, [])
    assert read_evaluation(tmp_path) == read_evaluation(tmp_path / "report.json") == written


def test_a_report_holds_its_figures(tmp_path: Path) -> None:
    write_report(tmp_path, evaluation(result(1)), [])
    figures = json.loads((tmp_path / "report.json").read_text())["figures"]
    assert figures["wer"]["value"]["value"] == 0.25 and figures["wer"]["beside"]["value"] == 1.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "format None"),
        ('{"format": 9}', "format 9, this version reads 1"),
        ('{"format": 1, "kind": "speech"}', "not a report"),
    ],
)
def test_what_is_no_report_is_refused_in_words(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(RequestError, match=f"report.json: .*{message}"):
        read_evaluation(tmp_path)
