"""The doctor finds each kind of problem, says where it is, and finds nothing in a healthy corpus."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from tests.speechlike import WORDS, waveform, write_corpus

from sonorant.corpus.doctor import check
from sonorant.corpus.report import Report
from sonorant.errors import RequestError

RATE = 22050


def _write(folder: Path, name: str, samples: NDArray[np.float32], rate: int = RATE) -> None:
    soundfile.write(folder / "wavs" / f"{name}.wav", samples, rate)


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A corpus of twelve healthy clips and one clip of every disease."""
    folder = tmp_path_factory.mktemp("sick")
    (folder / "wavs").mkdir()
    lines = []
    for index in range(12):
        _write(folder, f"good{index:02}", waveform(1.2, seed=index))
        lines.append(f"good{index:02}|{WORDS[index % 10]} {WORDS[(index * 3 + 1) % 10]} {WORDS[(index * 7 + 2) % 10]}")
    loud = np.clip(20 * waveform(1.2, seed=20), -1, 1)
    clips = {
        "clipped": ("clipped seven", loud),
        "silent": ("silent seven", np.zeros(RATE, dtype=np.float32)),
        "short": ("short", waveform(0.2, seed=21)),
        "long": ("a long sentence about a river and a stone", waveform(20.5, seed=22)),
        "twin": ("twin river", waveform(1.2, seed=0)),
        "chinese": ("你好", waveform(1.2, seed=23)),
        "emoji": ("mellow 🙂 stone", waveform(1.2, seed=24)),
        "unknown": ("yellow frobnikate", waveform(1.2, seed=25)),
        "slow": ("one", waveform(12.0, seed=26)),
        "hurried": (" ".join(WORDS * 3), waveform(0.8, seed=27)),
        "take": (lines[1].split("|")[1].upper(), waveform(1.3, seed=28)),
        "orphan": (None, waveform(1.0, seed=29)),
    }
    for name, (text, samples) in clips.items():
        _write(folder, name, samples)
        if text is not None:
            lines.append(f"{name}|{text}")
    _write(folder, "telephone", waveform(1.2, sample_rate=8000, seed=30), 8000)
    (folder / "wavs" / "broken.wav").write_bytes(b"RIFF, but not for long")
    (folder / "wavs" / "empty.wav").write_bytes(b"")
    lines += ["telephone|under paper", "broken|stone paper", "empty|river paper", "absent|nobody recorded this"]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return check(folder)


@pytest.mark.parametrize(
    ("kind", "utterance_id", "line"),
    [
        ("clipped", "clipped", 13),
        ("silent", "silent", 14),
        ("too-short", "short", 15),
        ("too-long", "long", 16),
        ("duplicate-audio", "twin", 17),
        ("unspeakable", "chinese", 18),
        ("characters", "emoji", 19),
        ("unknown-words", "unknown", 20),
        ("speaking-rate", "slow", 21),
        ("too-few-frames", "hurried", 22),
        ("takes", "good01", 2),
        ("missing-transcript", "orphan", None),
        ("sample-rate", "telephone", 24),
        ("unreadable", "broken", 25),
        ("unreadable", "empty", 26),
        ("missing-audio", "absent", 27),
    ],
)
def test_each_disease_is_found_in_its_place(sick: Report, kind: str, utterance_id: str, line: int | None) -> None:
    assert (kind, utterance_id, line) in {(p.kind, p.utterance_id, p.line) for p in sick.problems}


def test_healthy_clips_are_left_alone_but_for_takes(sick: Report) -> None:
    blamed = {p.utterance_id for p in sick.problems if p.kind != "takes"}
    assert not {name for name in blamed if name and name.startswith("good")}


def test_a_healthy_corpus_has_no_problem(tmp_path: Path) -> None:
    report = check(write_corpus(tmp_path / "well", num_clips=8))
    assert not report.problems
    assert report.summary.clips == 8 and report.summary.sample_rates == {RATE: 8}
    assert report.summary.hours == pytest.approx(sum(report.lengths_s) / 3600)
    assert report.summary.median_pitch_hz == pytest.approx(210, abs=25)


def test_the_text_counts_what_the_json_lists(sick: Report) -> None:
    tree = json.loads(json.dumps(sick.to_json()))
    assert len(tree["problems"]) == len(sick.problems) == sum(tree["counts"].values())
    text = sick.to_text()
    assert f"{tree['counts']['error']} errors" in text and "metadata.csv:14" in text


def test_the_picture_is_drawn_or_refused_in_words(sick: Report, tmp_path: Path) -> None:
    sick.save_picture(tmp_path / "corpus.png")
    assert (tmp_path / "corpus.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(RequestError, match="the picture cannot be written"):
        sick.save_picture(tmp_path / "corpus.png" / "inside.png")


def test_two_workers_find_what_one_finds(sick: Report) -> None:
    assert check(sick.path, workers=2).problems == sick.problems


def test_the_real_corpus_is_healthy(shared: Path, tmp_path: Path) -> None:
    """Ten clips of LJ Speech by a list of their own."""
    source = shared / "data" / "LJSpeech-1.1"
    rows = [line.split("|") for line in (source / "metadata.csv").read_text(encoding="utf-8").splitlines()[:10]]
    lines = [f"{source / 'wavs' / row[0]}.flac|{row[2]}" for row in rows]
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    report = check(tmp_path / "list.txt")
    assert report.count("error") == report.count("warning") == 0
    assert report.summary.median_pitch_hz == pytest.approx(195, abs=30)
