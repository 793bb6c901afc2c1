"""`prepare` can be killed, repeated and fed with damaged clips."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.speechlike import waveform, write_corpus

from sonorant.config import FeatureConfig
from sonorant.corpus import read_corpus, split_of
from sonorant.errors import CorpusError
from sonorant.features.prepare import prepare
from sonorant.features.store import FeatureStore
from sonorant.files import PARTIAL_SUFFIX

KILLED = """
import sys
from pathlib import Path
from sonorant.config import FeatureConfig
from sonorant.features.prepare import prepare
prepare(Path(sys.argv[1]), Path(sys.argv[2]), FeatureConfig())
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus", 6)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "features"


def test_killed_anywhere_only_the_missing_are_made(tmp_path: Path, out: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", 20)
    process = subprocess.Popen([sys.executable, "-c", KILLED, corpus, out])
    deadline = time.monotonic() + 20
    while len(list(out.glob("utterances/*.safetensors"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    assert process.wait() != 0, "it ended before it could be killed"
    with pytest.raises(CorpusError, match="no finished features here"):
        FeatureStore(out)
    there = {file.name: file.stat().st_mtime_ns for file in out.glob("utterances/*.safetensors")}
    (out / "utterances" / f".clip.safetensors.77{PARTIAL_SUFFIX}").write_bytes(b"half")
    report = prepare(corpus, out, FeatureConfig())
    assert 3 <= report.reused == len(there) < 20 and report.prepared == 20 - report.reused
    assert all((out / "utterances" / name).stat().st_mtime_ns == time_ns for name, time_ns in there.items())
    assert len(FeatureStore(out).entries) == 20 and not list(out.rglob(f"*{PARTIAL_SUFFIX}"))


def test_repeated_it_changes_no_byte_but_the_report(corpus: Path, out: Path) -> None:
    prepare(corpus, out, FeatureConfig())
    before, signature = contents(out), FeatureStore(out).signature()
    report = prepare(corpus, out, FeatureConfig())
    after = contents(out)
    assert (report.prepared, report.reused) == (0, 6)
    assert {name for name in after if after[name] != before.get(name)} == {"report.json"}
    assert FeatureStore(out).signature() == signature


def test_two_workers_give_the_bytes_of_one(corpus: Path, out: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    prepare(corpus, out, FeatureConfig(), 2, lambda done, total: seen.append((done, total)))
    prepare(corpus, tmp_path / "one", FeatureConfig(), 1)
    assert contents(out) == contents(tmp_path / "one")
    assert seen == [(done, 6) for done in range(1, 7)]


def test_only_what_a_change_touches_is_redone(corpus: Path, out: Path) -> None:
    prepare(corpus, out, FeatureConfig())
    (corpus / "clip001.txt").write_text("Something else.")
    soundfile.write(corpus / "clip002.wav", waveform(1.0, seed=99), 22050)
    (corpus / "clip003.wav").unlink()
    report = prepare(corpus, out, FeatureConfig())
    assert (report.prepared, report.reused) == (2, 3)
    assert [problem.kind for problem in report.problems] == ["missing-audio"]
    assert len(list(out.glob("utterances/*"))) == 5 == len(FeatureStore(out).entries)


def test_a_changed_setting_redoes_all_and_a_changed_split_nothing(corpus: Path, out: Path) -> None:
    prepare(corpus, out, FeatureConfig())
    moved = prepare(corpus, out, FeatureConfig(split_seed=5, validation_share=0.5))
    assert moved.reused == 6 and moved.splits["validation"] > 0
    assert prepare(corpus, out, FeatureConfig(trim_margin_ms=20)).prepared == 6
    assert FeatureStore(out).config.trim_margin_ms == 20 and len(list(out.glob("utterances/*"))) == 6


def test_an_addition_to_the_lexicon_redoes_the_clips_it_changes(corpus: Path, out: Path) -> None:
    prepare(corpus, out, FeatureConfig())
    config = FeatureConfig.model_validate({"frontend": {"lexicon": {"mellow": "M EH1 L OW2"}}})
    report = prepare(corpus, out, config)
    changed = sum("mellow" in record.text.lower() for record in read_corpus(corpus).records)
    assert 0 < changed < 6 and (report.prepared, report.reused) == (changed, 6 - changed)


def test_damaged_clips_are_reported_and_left_out(corpus: Path, out: Path) -> None:
    sound = (corpus / "clip000.wav").read_bytes()
    (corpus / "clip000.wav").write_bytes(sound[:5000])
    (corpus / "clip001.wav").write_bytes(b"")
    soundfile.write(corpus / "clip002.wav", np.zeros(22050, np.float32), 22050)
    (corpus / "clip003.txt").write_text("你好")
    (corpus / "clip004.txt").write_text("One 你 word.")
    report = prepare(corpus, out, FeatureConfig())
    assert [(problem.kind, problem.severity, problem.utterance_id) for problem in report.problems] == [
        ("unreadable", "error", "clip000"), ("unreadable", "error", "clip001"), ("silent", "error", "clip002"),
        ("unspeakable", "error", "clip003"), ("characters", "warning", "clip004"),
    ]  # fmt: skip
    assert "truncated" in str(report.problems[0]) and "U+4F60" in str(report.problems[4])
    assert [entry.utterance_id for entry in FeatureStore(out).entries] == ["clip004", "clip005"]
    assert json.loads((out / "report.json").read_text())["problems"] == [p.to_json() for p in report.problems]


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: b"\xff" * 900])
def test_a_damaged_file_of_features_is_made_again(damage, corpus: Path, out: Path) -> None:
    prepare(corpus, out, FeatureConfig())
    before = contents(out / "utterances")
    victim = min((out / "utterances").iterdir())
    victim.write_bytes(damage(victim.read_bytes()))
    report = prepare(corpus, out, FeatureConfig())
    assert (report.prepared, report.reused) == (1, 5) and contents(out / "utterances") == before


def test_sides_are_those_of_the_sentences_and_pitch_is_the_training_sides(store: FeatureStore) -> None:
    records = read_corpus(store.path.parent / "corpus").records
    assert {entry.utterance_id: entry.split for entry in store.entries} == split_of(records, store.config)
    pitch = np.concatenate([store.read(entry).pitch_hz for entry in store.split("train")])
    voiced = pitch[pitch > 0]
    assert 170 < voiced.mean() < 250
    np.testing.assert_allclose(store.pitch[0].mean_hz, voiced.mean(), rtol=1e-5)
    np.testing.assert_allclose(store.pitch[0].std_hz, voiced.std(), rtol=1e-3)


def test_speakers_have_numbers_and_statistics_of_their_own(corpus: Path, out: Path) -> None:
    lines = [f"clip{n:03}.wav|Sentence {n}.|{'bob' if n % 2 else 'ann'}" for n in range(6)]
    (corpus / "list.psv").write_text("\n".join(lines))
    prepare(corpus / "list.psv", out, FeatureConfig(validation_share=0, test_share=0))
    found = FeatureStore(out)
    assert found.speakers == ("ann", "bob") and [entry.speaker_id for entry in found.entries] == [0, 1, 0, 1, 0, 1]
    assert found.pitch[0] != found.pitch[1]


@pytest.mark.parametrize(
    ("gain", "loudness", "levelled"), [(0.05, "auto", True), (1.0, "auto", False), (1.0, "on", True)]
)
def test_a_quiet_corpus_is_levelled(gain: float, loudness: str, levelled: bool, corpus: Path, out: Path) -> None:
    for file in corpus.glob("*.wav"):
        samples, rate = soundfile.read(file)
        soundfile.write(file, samples * gain, rate)
    config = FeatureConfig.model_validate({"loudness": loudness})
    assert prepare(corpus, out, config).loudness_applied is levelled
    assert FeatureStore(out).loudness_applied is levelled


def test_a_corpus_without_a_usable_clip_says_what_is_wrong_and_leaves_old_features(corpus: Path, out: Path) -> None:
    prepare(corpus, out, FeatureConfig())
    before = contents(out)
    for file in corpus.glob("*.wav"):
        file.write_bytes(b"no sound")
    message = r"(?s)holds no clip that can be used\n .*clip000.wav: not a sound.*and 1 more"
    with pytest.raises(CorpusError, match=message):
        prepare(corpus, out, FeatureConfig())
    assert contents(out) == before


def test_an_output_that_is_a_file_is_refused(corpus: Path, out: Path) -> None:
    out.write_text("precious")
    with pytest.raises(CorpusError, match=r"features.*: cannot be written"):
        prepare(corpus, out, FeatureConfig())
    assert out.read_text() == "precious"


def test_a_full_disk_is_told_and_leaves_no_part(corpus: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(corpus, out, FeatureConfig())
    before = contents(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CorpusError, match=r"cannot be written: No space left on device"):
        prepare(corpus, out, FeatureConfig(trim_margin_ms=20))
    assert contents(out) == before


def test_ids_that_are_no_file_names_are_kept_apart(corpus: Path, out: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "corpus" / "a b")
    shutil.copytree(tmp_path / "corpus" / "a b", tmp_path / "corpus" / "a_b")
    prepare(corpus, out, FeatureConfig())
    entries = FeatureStore(out).entries
    assert len({entry.file for entry in entries}) == 18
    assert {"a b/clip000", "a_b/clip000"} <= {entry.utterance_id for entry in entries}
    assert all(Path(entry.file).parent == Path("utterances") for entry in entries)
