"""What is read is what was written, in whole and in part; anything else is refused in words."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from sonorant.errors import CorpusError
from sonorant.features.store import FeatureStore


@pytest.fixture
def copy(store: FeatureStore, tmp_path: Path) -> FeatureStore:
    """A store that a test may spoil."""
    return FeatureStore(shutil.copytree(store.path, tmp_path / "features"))


@pytest.mark.parametrize(("start", "num_frames"), [(0, 10), (17, 40), (0, 10_000), (70, 10_000)])
def test_a_partial_read_is_a_part_of_the_whole(store: FeatureStore, start: int, num_frames: int) -> None:
    entry = store.entries[3]
    whole, hop = store.read(entry), store.config.mel.hop_length
    mel, samples = store.read_mel(entry, start, num_frames), store.read_waveform(entry, start, num_frames)
    np.testing.assert_array_equal(mel, whole.mel[:, start : start + num_frames])
    np.testing.assert_array_equal(samples, whole.waveform[start * hop : (start + num_frames) * hop])
    assert len(samples) == mel.shape[1] * hop > 0


def test_the_manifest_says_what_the_files_hold(store: FeatureStore) -> None:
    assert [entry.utterance_id for entry in store.entries] == [f"clip{n:03}" for n in range(12)]
    for entry in store.entries:
        features = store.read(entry)
        assert (len(features.ids), features.mel.shape[1]) == (entry.num_symbols, entry.num_frames)
    parts = [store.split(side) for side in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 12 and all(parts)


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: b"", lambda content: b"\xff" * 500])
def test_a_truncated_or_foreign_file_is_refused(copy: FeatureStore, damage: Callable[[bytes], bytes]) -> None:
    entry = copy.entries[0]
    path = copy.path / entry.file
    path.write_bytes(damage(path.read_bytes()))
    for read in (copy.read, lambda e: copy.read_mel(e, 0, 5), lambda e: copy.read_waveform(e, 0, 5)):
        with pytest.raises(CorpusError, match=r"missing or damaged .*; run sonorant prepare again"):
            read(entry)


def test_a_missing_file_is_refused(copy: FeatureStore) -> None:
    (copy.path / copy.entries[0].file).unlink()
    with pytest.raises(CorpusError, match="missing or damaged"):
        copy.read(copy.entries[0])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mel", lambda mel: mel[:40], r"mel is float32 \(40, \d+\), the manifest says float32 \(80, "),
        ("mel", lambda mel: mel.astype(np.float64), "mel is (float64|F64)"),
        ("mel", lambda mel: mel.sum(), r"mel is float32 \(\), "),
        ("waveform", lambda samples: samples[:-1], "waveform is int16"),
    ],
)
def test_a_file_of_other_shapes_than_the_manifest_says_is_refused(
    copy: FeatureStore, name: str, change: Callable[[Any], Any], message: str
) -> None:
    entry = copy.entries[0]
    features = dict(copy.read(entry).__dict__)
    save_file({**features, name: np.array(change(features[name]), order="C")}, copy.path / entry.file)
    partial = copy.read_mel if name == "mel" else copy.read_waveform
    for read in (copy.read, lambda e: partial(e, 0, 5)):
        with pytest.raises(CorpusError, match=message):
            read(entry)


def test_a_file_without_what_is_asked_for_is_refused(copy: FeatureStore) -> None:
    entry = copy.entries[0]
    save_file({"other": np.zeros(3, np.float32)}, copy.path / entry.file)
    for read in (copy.read, lambda e: copy.read_mel(e, 0, 5)):
        with pytest.raises(CorpusError, match="missing or damaged"):
            read(entry)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"", "no finished features here"),
        (b"\xff\xfe", "no finished features here"),
        (b"[]", "feature format None, this version reads 1"),
        (b'{"format": 2}', "feature format 2, this version reads 1; run sonorant prepare again"),
        (b'{"format": 1}', "does not belong to features.json"),
    ],
)
def test_a_damaged_index_is_refused(copy: FeatureStore, index: bytes, message: str) -> None:
    (copy.path / "features.json").write_bytes(index)
    with pytest.raises(CorpusError, match=message):
        FeatureStore(copy.path)


def test_a_manifest_that_was_touched_is_refused(copy: FeatureStore) -> None:
    with (copy.path / "manifest.jsonl").open("a") as manifest:
        manifest.write("\n")
    with pytest.raises(CorpusError, match=r"does not belong to features\.json"):
        FeatureStore(copy.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "../../precious.safetensors"}, "does not lie in utterances/"),
        ({"file": "/etc/passwd"}, "does not lie in utterances/"),
        ({"split": "all"}, "split"),
        ({"speaker_id": 1}, "clip000: speaker 1 of 1"),
        ({"num_frames": "many"}, "num_frames"),
    ],
)
def test_a_hostile_manifest_is_refused(copy: FeatureStore, change: dict[str, object], message: str) -> None:
    lines = [json.loads(line) for line in (copy.path / "manifest.jsonl").read_text().splitlines()]
    lines[0].update(change)
    manifest = "\n".join(map(json.dumps, lines)).encode()
    index = json.loads((copy.path / "features.json").read_text())
    index["manifest_sha256"] = hashlib.sha256(manifest).hexdigest()
    (copy.path / "manifest.jsonl").write_bytes(manifest)
    (copy.path / "features.json").write_text(json.dumps(index))
    with pytest.raises(CorpusError, match=message) as caught:
        FeatureStore(copy.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pitch": []}, "1 speakers, but 0 pitch statistics"),
        ({"pitch": [{"mean_hz": 200.0, "std_hz": 0.0}]}, "standard deviation is not above 0"),
        ({"config": {"mel": {"hop_length": 0}}}, "hop_length"),
        ({"speakers": 3}, "tuple"),
    ],
)
def test_a_hostile_index_is_refused(copy: FeatureStore, change: dict[str, object], message: str) -> None:
    path = copy.path / "features.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CorpusError, match=message):
        FeatureStore(copy.path)


def test_the_signature_changes_with_whatever_is_trained_on(copy: FeatureStore, store: FeatureStore) -> None:
    assert copy.signature() == store.signature()
    path = copy.path / "features.json"
    index = json.loads(path.read_text())
    index["pitch"][0]["mean_hz"] += 1
    path.write_text(json.dumps(index))
    assert FeatureStore(copy.path).signature() != store.signature()
