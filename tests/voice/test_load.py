import json
import os
import pickle
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sonorant.errors import VoiceError
from sonorant.voice import list_voices, load_voice, sources

Tree = dict[str, Any]


@pytest.fixture
def voice(tiny_voice: Path, tmp_path: Path) -> Path:
    """A copy of the tiny voice to damage."""
    return shutil.copytree(tiny_voice, tmp_path / "copy")


def edit(voice: Path, change: Callable[[Tree], object]) -> None:
    tree = json.loads((voice / "voice.json").read_text())
    change(tree)
    (voice / "voice.json").write_text(json.dumps(tree))


def zipped(voice: Path, renamed: str = "", to: str = "") -> Path:
    path = voice.with_suffix(".voice")
    with zipfile.ZipFile(path, "w") as archive:
        for file in voice.iterdir():
            archive.write(file, to if file.name == renamed else file.name)
    return path


def test_a_folder_and_a_zip_hold_the_same_voice(voice: Path) -> None:
    folder, archive = load_voice(voice), load_voice(zipped(voice))
    assert folder.manifest == archive.manifest
    assert all(folder.read(name) == archive.read(name) for name in folder.manifest.files)


def test_one_changed_bit_is_found(voice: Path) -> None:
    graph = voice / "vocoder.onnx"
    data = bytearray(graph.read_bytes())
    data[100] ^= 1
    graph.write_bytes(data)
    with pytest.raises(VoiceError, match=r"vocoder\.onnx does not have the hash that voice\.json says"):
        load_voice(voice)


def test_a_file_that_changes_after_loading_is_found(voice: Path) -> None:
    loaded = load_voice(voice)
    (voice / "vocoder.onnx").write_bytes(b"\0" * loaded.manifest.files["vocoder.onnx"].num_bytes)
    with pytest.raises(VoiceError, match="does not have the hash"):
        loaded.read("vocoder.onnx")


def test_without_verifying_the_hash_is_checked_when_a_file_is_read(voice: Path) -> None:
    num_bytes = load_voice(voice).manifest.files["vocoder.onnx"].num_bytes
    (voice / "vocoder.onnx").write_bytes(b"\0" * num_bytes)
    quick = load_voice(voice, verify=False)
    assert quick.read("acoustic_encoder.onnx")
    with pytest.raises(VoiceError, match="does not have the hash"):
        quick.read("vocoder.onnx")


def test_a_shorter_file_is_found(voice: Path) -> None:
    graph = voice / "vocoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(VoiceError, match=r"vocoder\.onnx holds \d+ bytes, voice\.json says \d+"):
        load_voice(voice)


def test_a_longer_file_is_found(voice: Path) -> None:
    graph = voice / "vocoder.onnx"
    graph.write_bytes(graph.read_bytes() + b"\0")
    with pytest.raises(VoiceError, match=r"vocoder\.onnx holds \d+ bytes, voice\.json says \d+"):
        load_voice(voice)


def test_a_missing_file_is_named(voice: Path) -> None:
    (voice / "acoustic_decoder.onnx").unlink()
    with pytest.raises(VoiceError, match=r"acoustic_decoder\.onnx is missing"):
        load_voice(voice)


@pytest.mark.parametrize("version", [3, 0, "1", None])
def test_another_format_version_is_refused_in_words(voice: Path, version: object) -> None:
    edit(voice, lambda tree: tree.update(format_version=version))
    with pytest.raises(VoiceError, match=f"voice format {version}, this version reads 1 to 1; upgrade sonorant"):
        load_voice(voice)


@pytest.mark.parametrize(
    "name", ["../voice.json", "/etc/hostname", "..", ".hidden", "a/b.onnx", "a\\b.onnx", "", "a\n"]
)
def test_a_name_that_leaves_the_folder_is_refused(voice: Path, name: str) -> None:
    edit(voice, lambda tree: tree["files"].update({name: {"num_bytes": 1, "sha256": "0" * 64}}))
    with pytest.raises(VoiceError, match=r"voice\.json: files"):
        load_voice(voice)


def test_a_link_is_refused_even_to_the_right_content(voice: Path) -> None:
    moved = voice.parent / "elsewhere.onnx"
    (voice / "vocoder.onnx").rename(moved)
    (voice / "vocoder.onnx").symlink_to(moved)
    with pytest.raises(VoiceError, match=r"vocoder\.onnx is a link"):
        load_voice(voice)


def test_a_pipe_is_not_waited_for(voice: Path) -> None:
    (voice / "vocoder.onnx").unlink()
    os.mkfifo(voice / "vocoder.onnx")
    with pytest.raises(VoiceError, match=r"vocoder\.onnx is missing"):
        load_voice(voice)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"{", pickle.dumps({"format_version": 1}), b"[" * 100_000],
    ids=["empty", "utf-16", "cut off", "pickle", "nested"],
)
def test_a_manifest_that_is_not_json_is_refused(voice: Path, content: bytes) -> None:
    (voice / "voice.json").write_bytes(content)
    with pytest.raises(VoiceError, match=r"voice\.json is not JSON"):
        load_voice(voice)


@pytest.mark.parametrize("content", [b"[1]", b"{}", b"null"])
def test_json_of_something_else_is_refused(voice: Path, content: bytes) -> None:
    (voice / "voice.json").write_bytes(content)
    with pytest.raises(VoiceError, match="this is not a voice"):
        load_voice(voice)


def test_an_endless_manifest_is_not_read(voice: Path) -> None:
    (voice / "voice.json").write_bytes(b" " * 2**21)
    with pytest.raises(VoiceError, match=r"voice\.json holds more than the 1048576 bytes it may"):
        load_voice(voice)


def test_a_vocoder_of_another_hop_than_its_mel_is_refused(voice: Path) -> None:
    edit(voice, lambda tree: tree["vocoder"]["config"].update(istft_hop=2))
    with pytest.raises(VoiceError, match=r"the vocoder makes 8 samples a frame of 16"):
        load_voice(voice)


def test_all_problems_of_a_manifest_are_told_at_once(voice: Path) -> None:
    edit(voice, lambda tree: tree.update(name="Not A Name", sample_rate="fast", extra=1))
    with pytest.raises(VoiceError, match=r"name: .*sample_rate: .*extra: "):
        load_voice(voice)


def test_mels_that_differ_are_refused_naming_the_fields(voice: Path) -> None:
    def change(tree: Tree) -> None:
        from sonorant.config import MelConfig

        other = MelConfig.model_validate(tree["vocoder"]["mel"] | {"f_max": 3000.0, "floor": 1e-3})
        tree["vocoder"].update(mel=other.model_dump(), mel_signature=other.signature())

    edit(voice, change)
    with pytest.raises(VoiceError, match=r"vocoder's differ: f_max 4000.0 and 3000.0, floor 1e-05 and 0.001"):
        load_voice(voice)


def test_a_mel_that_is_not_what_its_signature_says_is_refused(voice: Path) -> None:
    edit(voice, lambda tree: tree["acoustic"].update(mel_signature="0" * 16))
    with pytest.raises(VoiceError, match="mel signature 0000000000000000, this version computes"):
        load_voice(voice)


def test_other_symbols_than_the_front_end_gives_are_refused(voice: Path) -> None:
    edit(voice, lambda tree: tree["symbols"].__setitem__(-1, "QQ"))
    with pytest.raises(VoiceError, match=r"its symbols are not those of arpabet in this version .*QQ"):
        load_voice(voice)


def test_symbols_in_another_order_are_refused(voice: Path) -> None:
    edit(voice, lambda tree: tree["symbols"].reverse())
    with pytest.raises(VoiceError, match="their order differs"):
        load_voice(voice)


def test_another_front_end_version_is_refused(voice: Path) -> None:
    edit(voice, lambda tree: tree["frontend"].update(version=99))
    with pytest.raises(VoiceError, match="front end version 99, this version has 1; upgrade sonorant"):
        load_voice(voice)


def test_a_zip_with_a_climbing_name_is_refused(voice: Path) -> None:
    with pytest.raises(VoiceError, match=r"'\.\./vocoder\.onnx' does not lie at the top"):
        load_voice(zipped(voice, "vocoder.onnx", to="../vocoder.onnx"))


def test_a_zip_with_a_link_is_refused(voice: Path) -> None:
    path = zipped(voice)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("sample.wav")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(VoiceError, match=r"sample\.wav is a link"):
        load_voice(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_one_name_twice_is_refused(voice: Path) -> None:
    path = zipped(voice)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("voice.json", "{}")
    with pytest.raises(VoiceError, match=r"voice\.json is there twice"):
        load_voice(path)


def test_a_zip_that_declares_too_much_is_refused(voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_TOTAL_BYTES", 10_000)
    with pytest.raises(VoiceError, match=r"holds \d+ bytes unpacked, at most 10000 are allowed"):
        load_voice(zipped(voice))


def zip_bomb(voice: Path) -> Path:
    path = voice.with_suffix(".voice")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in voice.iterdir():
            data = b"\0" * 50_000_000 if file.name == "vocoder.onnx" else file.read_bytes()
            archive.writestr(file.name, data)
    assert path.stat().st_size < 1_000_000
    return path


def test_a_zip_bomb_is_refused(voice: Path) -> None:
    with pytest.raises(VoiceError, match=r"vocoder\.onnx holds 50000000 bytes, voice\.json says \d+"):
        load_voice(zip_bomb(voice))


def test_no_more_is_unpacked_than_asked_for(voice: Path) -> None:
    source = sources.ZipSource(zip_bomb(voice))
    tracemalloc.start()
    with pytest.raises(VoiceError, match=r"vocoder\.onnx holds more than the 1000 bytes it may"):
        source.read("vocoder.onnx", 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_damaged_zip_is_refused(voice: Path) -> None:
    path = zipped(voice)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(VoiceError, match=r"not a \.voice file"):
        load_voice(path)


def test_a_zip_with_damaged_content_is_refused(voice: Path) -> None:
    path = zipped(voice)
    data = path.read_bytes()
    graph = (voice / "vocoder.onnx").read_bytes()
    path.write_bytes(data.replace(graph[50:90], bytes(40)))
    with pytest.raises(VoiceError, match=r"vocoder\.onnx is damaged: Bad CRC-32"):
        load_voice(path)


def test_an_unknown_voice_is_answered_with_those_there_are() -> None:
    with pytest.raises(VoiceError, match=r"no-such-voice: no such voice; built in: .*or give a folder"):
        load_voice("no-such-voice")


def test_a_folder_without_a_manifest_is_not_a_voice(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"voice\.json is missing"):
        load_voice(tmp_path)


@pytest.mark.parametrize("name", list_voices())
def test_every_built_in_voice_loads(name: str) -> None:
    assert load_voice(name).manifest.name == name


def test_a_file_that_the_voice_does_not_have_is_refused(voice: Path) -> None:
    with pytest.raises(VoiceError, match=r"has no other\.onnx; it holds .*vocoder\.onnx"):
        load_voice(voice).read("other.onnx")
