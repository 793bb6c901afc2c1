from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.tiny_voice import MEL, tiny_acoustic, tiny_vocoder

from sonorant.errors import RequestError, VoiceError
from sonorant.voice.trained import TrainedModel, load_trained_file


@pytest.mark.parametrize("make", [tiny_acoustic, tiny_vocoder])
def test_a_saved_model_comes_back_whole(make, tmp_path: Path) -> None:
    model: TrainedModel = make()
    model.save(tmp_path / "model.safetensors")
    loaded = load_trained_file(tmp_path / "model.safetensors")
    assert loaded.header() == model.header()
    assert loaded.weights.keys() == model.weights.keys()
    assert all(torch.equal(loaded.weights[name], model.weights[name]) for name in model.weights)
    assert list(tmp_path.iterdir()) == [tmp_path / "model.safetensors"]


def test_folding_the_weight_norm_does_not_change_the_sound() -> None:
    normed = tiny_vocoder()
    folded = replace(normed, weights=normed.network().state_dict())
    assert not any("parametrizations" in name for name in folded.weights)
    mel = torch.randn(1, MEL.n_mels, 20)
    assert torch.equal(normed.network()(mel), folded.network()(mel))


def test_a_missing_weight_is_refused() -> None:
    model = tiny_acoustic()
    incomplete = replace(model, weights={name: model.weights[name] for name in list(model.weights)[1:]})
    with pytest.raises(VoiceError, match=r"trained fastpitch model: .*Missing key"):
        incomplete.network()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frontend": None}, "needs its front end"),
        ({"speakers": ("ada",)}, r"1 speaker\(s\) need as many pitch statistics, found 2"),
        ({"symbols": ()}, "needs its front end, its symbols"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=message):
        replace(tiny_acoustic(), **changes).save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_vocoder_of_another_hop_than_its_mel_is_refused() -> None:
    mel = MEL.model_copy(update={"hop_length": 32})
    with pytest.raises(VoiceError, match="16 samples per frame, but its mel's hop is 32"):
        replace(tiny_vocoder(), mel=mel).header()


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(VoiceError, match=r"not a \.safetensors file; pickled checkpoints are never read"):
        load_trained_file(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a .safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{}", "not a trained model of sonorant"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "not a .safetensors file"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(VoiceError, match=message):
        load_trained_file(tmp_path / "model.safetensors")


def test_a_newer_format_is_refused_in_words(tmp_path: Path) -> None:
    data = tiny_vocoder().to_bytes().replace(b'\\"format_version\\":1', b'\\"format_version\\":3')
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(VoiceError, match="model format 3, this version reads 1; upgrade sonorant"):
        load_trained_file(tmp_path / "model.safetensors")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(tiny_vocoder().to_bytes()[:-8])
    with pytest.raises(VoiceError, match=r"not a \.safetensors file"):
        load_trained_file(tmp_path / "model.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"absent\.safetensors: cannot be read: No such file"):
        load_trained_file(tmp_path / "absent.safetensors")


def test_a_failing_write_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"before")
    monkeypatch.setattr("os.fsync", _disk_full)
    with pytest.raises(RequestError, match="cannot be written: No space left on device"):
        tiny_vocoder().save(path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def _disk_full(descriptor: int) -> None:
    raise OSError(28, "No space left on device")
