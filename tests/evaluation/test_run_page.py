"""The page of a run, from folders in every state that a run may leave."""

import json
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from sonorant.config import dump_recipe, load_recipe
from sonorant.errors import RequestError
from sonorant.evaluation.run_page import run_page
from sonorant.evaluation.run_record import read_run
from sonorant.training.samples import Samples, write_samples

DATES = ("2026-01-01T00:00:00+00:00", "2026-01-01T10:00:00+00:00")
T0 = 1767225600.0  # the first of them


def train(step: int, mel: float, time: float) -> dict[str, Any]:
    values = {"mel": mel, "gradient norm": 1.0, "seconds/step": 0.5, "waiting for data": 0.25}
    return {"kind": "train", "step": step, "epoch": step // 10, "time": time, **values}


def validation(step: int, mel: float, time: float) -> dict[str, Any]:
    return {"kind": "validation", "step": step, "epoch": step // 10, "time": time, "mel": mel, "focus": 0.5}


def write_run(
    folder: Path, lines: Sequence[dict[str, Any]], starts: Sequence[int] = (0,), half_a_line: str = ""
) -> Path:
    folder.mkdir()
    recipe = dump_recipe(load_recipe("tiny_fastpitch", ["run.steps=50", "description=<b>small</b>"]))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    facts = {"torch": "2.13", "device": "cpu", "processor": "abacus", "processes": 2}
    described = [{"step": step, "date": date, **facts} for step, date in zip(starts, DATES, strict=False)]
    (folder / "run.json").write_text(json.dumps({"features": "0", "starts": described}))
    if lines or half_a_line:
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + half_a_line)
    return folder


@pytest.fixture
def make_page(tmp_path: Path) -> Callable[..., str]:
    def make(*lines: dict[str, Any], **details: Any) -> str:
        return run_page(read_run(write_run(tmp_path / "run", lines, **details)))

    return make


def test_a_run_is_told_with_its_curves_recipe_hardware_and_speed(make_page: Callable[..., str]) -> None:
    page = make_page(train(10, 2.0, T0 + 60), train(20, 1.5, T0 + 120), validation(20, 1.6, T0 + 125))
    assert "<th>step</th><td>20 of 50</td>" in page
    assert "0:02:05 in 1 start(s)" in page and "2 steps/s" in page and "25.0 %" in page
    assert "device cpu, processor abacus, processes 2" in page and "torch 2.13" in page
    assert re.findall(r"<h3>(.*?)</h3>", page)[:2] == ["mel", "focus"]
    (mel,) = re.findall(r"<h3>mel</h3>(<svg.*?</svg>)", page)
    assert "class='train'" in mel and "class='validation'" in mel
    assert "name: tiny_fastpitch" in page and "<p>None.</p>" in page
    assert "<b>small</b>" not in page and "&lt;b&gt;small" in page


def test_a_resumed_run_shows_both_starts_and_only_what_counts(make_page: Callable[..., str]) -> None:
    hours_10 = T0 + 36000
    undone = train(30, 99.0, T0 + 180)
    page = make_page(train(10, 2.0, T0 + 60), undone, train(20, 1.5, hours_10 + 30), starts=(0, 10))
    assert "<td>0 to 30</td>" in page and "<td>10 to 20</td>" in page
    assert "0:03:30 in 2 start(s)" in page
    assert "<td>20 of 50</td>" in page and "went on at step 10" in page
    assert len(re.findall(r"points='(.*?)'", page)[0].split()) == 2


def test_a_run_that_was_killed_while_writing_a_line_is_shown_up_to_it(make_page: Callable[..., str]) -> None:
    assert "10 of 50" in make_page(train(10, 2.0, T0 + 60), half_a_line='{"kind": "train", "ste')


def test_a_run_that_has_only_begun_says_so(make_page: Callable[..., str]) -> None:
    page = make_page()
    assert "Nothing has been reported yet" in page and "<td>0 to ?</td>" in page and "abacus" in page


def test_alarms_are_told_and_marked(make_page: Callable[..., str]) -> None:
    alarm = {"kind": "alarm", "step": 20, "epoch": 2, "time": T0 + 121, "message": "mel < 3, the disk is full"}
    page = make_page(train(10, 2.0, T0 + 60), train(20, 1.5, T0 + 120), alarm)
    assert "<th>step 20</th><td>mel &lt; 3, the disk is full</td>" in page
    assert page.count("step 20: mel &lt; 3, the disk is full") == 4  # in every chart


def test_the_best_checkpoint_is_named_and_its_metric_comes_first(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [validation(10, 1.5, T0 + 60), validation(20, 1.8, T0 + 120)])
    (run / "best.json").write_text(json.dumps({"step": 10, "metric": "mel", "value": 1.5}))
    page = run_page(read_run(run))
    assert "step_00000010.pt: mel 1.5 in validation" in page and "best: 1.5 at step 10" in page


def test_samples_of_the_first_the_last_and_some_steps_between_are_in_the_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [train(60, 1.0, T0 + 60)])
    tone = 0.1 * np.sin(np.arange(2205, dtype=np.float32) / 10)
    for step in (10, 20, 30, 40, 50, 60, 70):  # the last was undone by a resume
        write_samples(run, step, Samples({"spoken 0": tone}, {"mel 0": np.zeros((20, 30, 3), np.uint8)}), 22050)
    page = run_page(read_run(run))
    captions = re.findall(r"<figcaption>step (\d+)</figcaption><(\w+)", page)
    assert captions == [(step, kind) for kind in ("audio", "img") for step in ("10", "30", "40", "60")]
    assert "<h3>spoken 0</h3>" in page and "<h3>mel 0</h3>" in page


def test_the_page_loads_nothing_and_is_well_formed(tmp_path: Path) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.sources: list[str] = []

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.sources += [str(value) for name, value in attributes if name in ("src", "href")]
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    run = write_run(tmp_path / "run", [train(10, 2.0, T0 + 60), validation(10, 1.5, T0 + 61)])
    silence = np.zeros(2205, np.float32)
    write_samples(run, 10, Samples({"spoken 0": silence}, {"mel 0": np.zeros((2, 3, 3), np.uint8)}), 22050)
    reader = Reader()
    reader.feed(run_page(read_run(run)))
    assert reader.open == []
    assert len(reader.sources) == 2 and all(source.startswith("data:") for source in reader.sources)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RequestError, match="there is no run here"):
            read_run(folder)


@pytest.mark.parametrize(
    ("name", "content"), [("run.json", "{"), ("run.json", "[]"), ("recipe.yaml", "a: [1"), ("best.json", "7")]
)
def test_a_damaged_file_is_named(name: str, content: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [])
    (run / name).write_text(content)
    with pytest.raises(RequestError, match=rf"{name}: (damaged|cannot be read)"):
        read_run(run)
