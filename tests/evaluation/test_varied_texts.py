"""The tool that looks for runaway speech on many texts."""

import json
import sys
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.text.test_tools import load

from sonorant.errors import TextError
from sonorant.evaluation.mishaps import CHECKS
from sonorant.synthesis import Speech, SpokenWord
from sonorant.synthesis.pieces import read_pieces
from sonorant.text import Frontend

tool: Any = load("varied_texts")
RATE = 22050


def first(count: int, seed: int = 0) -> list[str]:
    return list(islice(tool.texts(seed), count))


def test_a_thousand_texts_differ_and_cover_every_length_from_1_to_60_alike() -> None:
    texts = first(1000)
    lengths = Counter(len(text.split()) for text in texts)
    assert len(set(texts)) == 1000
    assert set(lengths) == set(range(1, 61))
    assert set(lengths.values()) == {16, 17}


def test_texts_depend_on_their_number_and_the_seed_alone() -> None:
    assert first(30) == first(90)[:30]
    assert not set(first(30, seed=1)[10:]) & set(first(30)[10:])


def test_every_length_meets_several_kinds_of_texts_and_every_kind_long_texts() -> None:
    long = [text for text in first(1000) if len(text.split()) > 50]
    marks = Counter(sum(mark in text[:-1] for mark in ',;:."?!') for text in long)
    assert marks[0] > 20 and sum(marks.values()) - marks[0] > 60
    assert any(len(set(text.lower().rstrip(".?!").split())) == 1 for text in long)
    assert any(text.startswith('"') for text in long) and any(text.endswith("?") for text in long)


def test_the_front_end_speaks_every_text_without_a_remark() -> None:
    frontend = Frontend()
    for text in first(1000)[::37]:
        assert frontend.utterance(text).reports == ()


class Voice:
    """Says noise for 0.1 s a sound and ends quietly, or, `cut_s` earlier, in the middle of it."""

    def __init__(self, cut_s: float = 0.0) -> None:
        self.frontend, self._cut_s = Frontend(), cut_s

    def speak(self, text: str) -> Speech:
        words = [word for read in read_pieces(self.frontend, text) if read.utterance for word in read.utterance.words]
        times_s = np.cumsum([0.0, *(0.1 * (word.end - word.start) for word in words)])
        spoken = tuple(
            SpokenWord(word.text, *map(float, times)) for word, times in zip(words, pairwise(times_s), strict=True)
        )
        noise = 0.05 * np.random.default_rng(0).standard_normal(round(times_s[-1] * RATE))
        samples = np.concatenate([noise, np.zeros(RATE // 10)]).astype(np.float32)
        return Speech(samples[: len(samples) - round(self._cut_s * RATE)], RATE, words=spoken)


@pytest.mark.parametrize(("cut_s", "checks"), [(0.0, set()), (0.15, {"cut off"}), (0.6, {"cut off", "silent word"})])
def test_a_text_fails_by_what_is_wrong_with_its_speech(cut_s: float, checks: set[str]) -> None:
    spoken = tool.speak(Voice(cut_s), 0, "Seven rivers met. Did you see?")
    assert {mishap.check for mishap in spoken.mishaps} == checks


def test_a_text_that_cannot_be_spoken_fails() -> None:
    def refuse(text: str) -> Speech:
        raise TextError("nothing to speak")

    (mishap,) = tool.speak(SimpleNamespace(speak=refuse), 0, "...").mishaps
    assert (mishap.check, mishap.detail) == (tool.UNSPEAKABLE, "nothing to speak")


@pytest.mark.parametrize("checks", [(), ("clipped", "pace", "pace")])
def test_the_report_counts_texts_and_shows_those_that_failed(checks: tuple[str, ...]) -> None:
    mishaps = tuple(tool.Mishap(check, f"detail {number}") for number, check in enumerate(checks))
    lines = tool.report([tool.Spoken(0, "Yes.", 60.0, mishaps), tool.Spoken(1, "No.", 60.0, ())]).splitlines()
    counts = {line[:16].strip(): int(line[16:]) for line in lines[-len(CHECKS) - 2 : -1]}
    assert counts == {tool.UNSPEAKABLE: 0} | {check: int(check in checks) for check in CHECKS}
    assert lines[-1] == f"{bool(checks):d} of 2 texts failed, in 2.0 minutes of speech"
    assert lines[: -len(CHECKS) - 2] == (
        ["0 Yes.", "  clipped: detail 0", "  pace: detail 1", "  pace: detail 2"] if checks else []
    )


@pytest.mark.parametrize(("cut_s", "code"), [(0.0, 0), (0.15, 1)])
def test_the_exit_code_tells_of_failures_and_the_file_holds_all_texts(
    cut_s: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "varied.json"
    monkeypatch.setattr(sys, "argv", ["varied_texts.py", "any", "--texts", "30", "--out", str(out)])
    monkeypatch.setattr(tool.Synthesizer, "load", lambda voice, threads: Voice(cut_s))
    with pytest.raises(SystemExit) as stop:
        tool.main()
    assert int(stop.value.code or 0) == code
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [one["text"] for one in written] == first(30)
    assert [bool(one["mishaps"]) for one in written] == [bool(code)] * 30
    assert f"{30 * code} of 30 texts failed" in capsys.readouterr().out
