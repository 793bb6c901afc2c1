"""One corpus with everything wrong, and what the doctor says of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.speechlike import WORDS, waveform, write_corpus

from sonorant.config import FeatureConfig
from sonorant.corpus import read_corpus
from sonorant.corpus.clip import clipped_samples
from sonorant.corpus.doctor import check
from sonorant.corpus.report import Report
from sonorant.errors import CorpusError, RequestError

CONFIG = FeatureConfig(max_duration_s=2.5)

LINES: tuple[tuple[str, str | bytes], ...] = (
    *((f"good{n}", f"{WORDS[n]} {WORDS[n + 1]} {WORDS[n + 2]}") for n in range(5)),
    ("empty", "One river empty."),
    ("noise", "One river noise."),
    ("cut", "One river cut."),
    ("silent", "One river silent."),
    ("short", "Two."),
    ("long", "One river seven mellow stone again."),
    ("clipped", "One river clipped."),
    ("rate", "One river rated."),
    ("same", "One river same."),
    ("good0", "The id is taken."),
    ("speechless", "你好"),
    ("strange", "One river 你 strange."),
    ("wordless", "One frobnicat river."),
    ("slow", "One."),
    ("impossible", " ".join(WORDS * 3)),
    ("take", "ONE river, seven!"),
    ("nothing", ""),
    ("gone", "No recording."),
    ("latin", b"caf\xe9"),
    ("columns", "one|two|three"),
)
FOUND = {
    ("unreadable", "error", "empty"), ("unreadable", "error", "noise"), ("unreadable", "error", "cut"),
    ("silent", "error", "silent"), ("too-short", "error", "short"), ("too-long", "error", "long"),
    ("duplicate-id", "error", "good0"), ("unspeakable", "error", "speechless"),
    ("too-few-frames", "error", "impossible"), ("empty-text", "error", "nothing"), ("missing-audio", "error", "gone"),
    ("encoding", "error", None), ("columns", "error", None),
    ("clipped", "warning", "clipped"), ("sample-rate", "warning", "rate"), ("duplicate-audio", "warning", "same"),
    ("characters", "warning", "strange"), ("speaking-rate", "warning", "slow"),
    ("speaking-rate", "warning", "impossible"), ("missing-transcript", "warning", "untold"),
    ("unknown-words", "note", "wordless"), ("takes", "note", "good0"),
}  # fmt: skip


UNHEARD = ("gone", "latin", "columns")


def write_bad_corpus(folder: Path) -> Path:
    wavs = folder / "wavs"
    wavs.mkdir(parents=True)
    sounds = {name: waveform(1.2, seed=number) for number, (name, _) in enumerate(LINES) if name not in UNHEARD}
    sounds |= {"silent": 1e-4 * waveform(1.2), "short": waveform(0.15), "long": waveform(3.0), "slow": waveform(2.2)}
    sounds |= {"untold": waveform(1.2, seed=99), "same": sounds["good1"]}
    sounds["clipped"] = np.clip(6 * sounds["clipped"], -0.9, 0.9)
    sounds["good0"] = waveform(1.2)
    for name, samples in sounds.items():
        soundfile.write(wavs / f"{name}.wav", samples, 16000 if name == "rate" else 22050)
    (wavs / "empty.wav").write_bytes(b"")
    (wavs / "noise.wav").write_text("no sound")
    cut = (wavs / "cut.wav").read_bytes()
    (wavs / "cut.wav").write_bytes(cut[: len(cut) // 2])
    lines = [name.encode() + b"|" + (text if isinstance(text, bytes) else text.encode()) for name, text in LINES]
    (folder / "metadata.csv").write_bytes(b"\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bad_corpus(tmp_path_factory.mktemp("doctor") / "bad")


@pytest.fixture(scope="module")
def report(bad: Path) -> Report:
    return check(bad, config=CONFIG)


def test_every_kind_of_problem_is_found_and_nothing_else(report: Report) -> None:
    assert {(problem.kind, problem.severity, problem.utterance_id) for problem in report.problems} == FOUND
    assert len(report.problems) == len(FOUND)


def test_every_problem_of_a_line_names_it_in_the_message(report: Report, bad: Path) -> None:
    names = [name for name, _ in LINES]
    for problem in report.problems:
        if problem.kind == "missing-transcript":
            assert problem.line is None and "untold.wav" in problem.message
            continue
        assert problem.message.startswith(f"{bad / 'metadata.csv'}:{problem.line}: ")
        if problem.utterance_id:
            assert problem.line is not None and names[problem.line - 1] == problem.utterance_id


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("clipped", "samples in flat tops at 0.900"),
        ("sample-rate", "16000 Hz, most of the corpus has 22050 Hz"),
        ("duplicate-audio", "good1.wav, with another text"),
        ("characters", "U+4F60"),
        ("unknown-words", "not in the lexicon: frobnicat"),
        ("takes", "2 takes of one sentence, kept on one side of a split: good0, take"),
        ("too-long", "at most 2.5 s allowed"),
        ("too-few-frames", "is the transcript longer?"),
    ],
)
def test_a_problem_says_what_was_found(kind: str, words: str, report: Report) -> None:
    assert words in next(problem.message for problem in report.problems if problem.kind == kind)


def test_text_and_json_tell_the_same(report: Report) -> None:
    text, found = report.to_text(), json.loads(json.dumps(report.to_json()))
    assert all(problem["message"] in text for problem in found["problems"])
    assert found["counts"] == {"error": 13, "warning": 7, "note": 2}
    assert text.endswith("13 errors, 7 warnings, 2 notes\n")
    assert found["summary"]["clips"] == 20 and "20 clips" in text
    assert found["summary"]["sample_rates"] == {"22050": 16, "16000": 1}
    assert 150 < found["summary"]["median_pitch_hz"] < 270


def test_what_prepare_would_leave_out_are_the_errors(report: Report, bad: Path, tmp_path: Path) -> None:
    from sonorant.features.prepare import prepare

    left_out = prepare(bad, tmp_path / "features", CONFIG).problems
    assert {(problem.kind, problem.utterance_id) for problem in left_out if problem.severity == "error"} == {
        (kind, name) for kind, severity, name in FOUND if severity == "error"
    }


def test_two_workers_find_what_one_finds(report: Report, bad: Path) -> None:
    assert check(bad, workers=2, config=CONFIG) == report


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_picture_is_drawn_in_the_format_of_its_suffix(suffix: str, report: Report, tmp_path: Path) -> None:
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    report.save_picture(tmp_path / f"report{suffix}")
    content = (tmp_path / f"report{suffix}").read_bytes()
    assert content.startswith(starts[suffix]) and len(content) > 5000


def test_a_picture_that_cannot_be_written_leaves_what_was_there(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.png"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(RequestError, match=r"report\.png: the picture cannot be written: .*No space left"):
        report.save_picture(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.png"] and path.read_text() == "old"
    with pytest.raises(RequestError, match="the picture cannot be written"):
        report.save_picture(tmp_path / "report.xyz")


def test_a_good_corpus_has_no_problem(tmp_path: Path) -> None:
    report = check(write_corpus(tmp_path / "corpus", 8))
    assert [str(problem) for problem in report.problems] == []
    assert report.summary.clips == report.summary.sentences == len(report.lengths_s) == 8
    assert report.summary.hours == pytest.approx(sum(report.lengths_s) / 3600) and report.summary.hours > 0.002
    assert report.summary.median_pitch_hz == pytest.approx(210, abs=25)


def test_a_corpus_without_a_clip_is_an_error_of_its_own(bad: Path, tmp_path: Path) -> None:
    shutil.copytree(bad, tmp_path / "corpus")
    (tmp_path / "corpus" / "metadata.csv").write_text("")
    for file in (tmp_path / "corpus" / "wavs").iterdir():
        file.unlink()
    report = check(tmp_path / "corpus")
    assert [problem.kind for problem in report.problems] == ["no-clips"]
    report.save_picture(tmp_path / "empty.png")
    assert "0 clips" in report.to_text()


def test_what_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such corpus"):
        check(tmp_path / "missing")


@pytest.mark.parametrize(("gain", "clips"), [(0.5, False), (1.0, False), (1.5, True), (4.0, True)])
def test_only_flat_tops_are_clipping(gain: float, clips: bool) -> None:
    samples = waveform(1.0)
    scaled = np.clip(gain * samples / np.abs(samples).max(), -1.0, 1.0)
    assert (clipped_samples(np.round(scaled * 32767) / np.float32(32768)) >= 12) is clips


def test_real_speech_is_examined(shared: Path, tmp_path: Path) -> None:
    records = read_corpus(shared / "data" / "kathleen").records[:5]
    lines = "\n".join(f"{record.audio}|{record.text}|kathleen" for record in records)
    (tmp_path / "list.txt").write_text(lines)
    report = check(tmp_path / "list.txt")
    assert not report.count("error") and not report.count("warning")
    assert report.summary.median_lufs is not None and report.summary.median_lufs < -25
    assert report.summary.median_pitch_hz is not None and 120 < report.summary.median_pitch_hz < 220
