import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny_voice import LICENCES, MEL, tiny_acoustic, tiny_vocoder

from sonorant.errors import RequestError, VoiceError
from sonorant.models.fastpitch import FastPitch
from sonorant.voice import export, load_voice
from sonorant.voice import pack as pack_module
from sonorant.voice.graphs import GRAPHS
from sonorant.voice.pack import pack
from sonorant.voice.trained import TrainedModel


@pytest.fixture
def quick(tiny_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the graphs from the tiny voice, which were exported once, instead of exporting them anew."""
    graphs = {path.name: path.read_bytes() for path in tiny_voice.glob("*.onnx")}

    def export(trained: TrainedModel, int8: bool = False, half: bool = False) -> dict[str, bytes]:
        return {graph.file: graphs[graph.file] for graph in GRAPHS[trained.kind]}

    monkeypatch.setattr(pack_module, "export", export)


def test_a_packed_voice_holds_what_the_design_says(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    assert set(voice.manifest.files) == {
        "acoustic_encoder.onnx",
        "acoustic_decoder.onnx",
        "vocoder.onnx",
        "acoustic.safetensors",
        "vocoder.safetensors",
        "MODEL_CARD.md",
    }
    assert {path.name for path in tiny_voice.iterdir()} == {*voice.manifest.files, "voice.json"}
    assert voice.manifest.speakers[1].pitch_mean_hz == 110.0
    assert voice.manifest.acoustic.mel_signature == MEL.signature()
    card = voice.read("MODEL_CARD.md").decode()
    assert "CC0-1.0" in card and "Apache-2.0" in card and "| recipe | tiny |" in card


def test_the_graphs_do_not_tell_where_they_were_made(tiny_voice: Path) -> None:
    for path in tiny_voice.glob("*.onnx"):
        assert not re.search(rb"\.py|site-packages|Traceback", path.read_bytes())


def test_the_graphs_take_any_batch_and_length_and_equal_torch(tiny_voice: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    network = tiny_acoustic().network()
    assert isinstance(network, FastPitch)
    encoder = ort.InferenceSession(tiny_voice / "acoustic_encoder.onnx")
    for batch, length in ((1, 2), (5, 21)):
        torch.manual_seed(length)
        inputs = {
            "symbols": torch.randint(1, 40, (batch, length)),
            "symbol_lengths": torch.full((batch,), length),
            "speaker_ids": torch.arange(batch) % 2,
            "pitch_scale": torch.rand(batch),
            "pitch_offset": torch.rand(batch),
        }
        expected = network.encode(*inputs.values())
        found = encoder.run(None, {name: value.numpy() for name, value in inputs.items()})
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_a_graph_that_computes_something_else_is_refused(tiny_voice: Path) -> None:
    trained = tiny_vocoder()
    other = replace(trained, weights={name: 1.01 * weight for name, weight in trained.weights.items()})
    graph = (tiny_voice / "vocoder.onnx").read_bytes()
    examples = [{"mel": torch.randn(2, MEL.n_mels, 9)}]
    export._prove_equal(graph, trained.network(), examples, "vocoder.onnx")
    with pytest.raises(VoiceError, match=r"vocoder\.onnx: the exported graph differs from torch by .* \(2, 8, 9\)"):
        export._prove_equal(graph, other.network(), examples, "vocoder.onnx")


@pytest.mark.usefixtures("quick")
def test_a_zip_is_one_file_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one.voice", "two.voice"):
        pack(tmp_path / name, tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES)
    assert (tmp_path / "one.voice").read_bytes() == (tmp_path / "two.voice").read_bytes()
    assert "voice.json" in zipfile.ZipFile(tmp_path / "one.voice").namelist()
    assert load_voice(tmp_path / "one.voice").manifest.name == "tiny"


@pytest.mark.usefixtures("quick")
def test_without_a_vocoder_the_voice_speaks_through_griffin_lim(tmp_path: Path) -> None:
    options = {"griffin_lim_iterations": 7, "keep_weights": False}
    pack(tmp_path / "voice", tiny_acoustic(), None, name="tiny", licences=LICENCES, **options)
    manifest = load_voice(tmp_path / "voice").manifest
    assert manifest.vocoder.kind == "griffin_lim" and manifest.vocoder.iterations == 7
    assert set(manifest.files) == {"acoustic_encoder.onnx", "acoustic_decoder.onnx", "MODEL_CARD.md"}


@pytest.mark.usefixtures("quick")
def test_the_sample_is_made_with_the_finished_voice(tmp_path: Path) -> None:
    seen: list[str] = []

    def sample(folder: Path) -> bytes:
        seen.append(load_voice(folder).manifest.name)
        return b"RIFF"

    pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES, sample=sample)
    assert seen == ["tiny"]
    assert load_voice(tmp_path / "voice").read("sample.wav") == b"RIFF"


@pytest.mark.usefixtures("quick")
def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "thesis.txt").write_text("years of work")
    with pytest.raises(RequestError, match="is there already; choose another name, or replace it"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES)
    with pytest.raises(RequestError, match="is not a voice, so it is not replaced"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES, replace=True)
    assert (tmp_path / "voice" / "thesis.txt").read_text() == "years of work"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["voice", "one.voice"])
def test_a_voice_is_replaced_when_asked(name: str, tmp_path: Path) -> None:
    pack(tmp_path / name, tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES)
    pack(tmp_path / name, tiny_acoustic(), tiny_vocoder(), name="second", licences=LICENCES, replace=True)
    assert load_voice(tmp_path / name).manifest.name == "second"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("function", ["fsync", "rename"])
def test_the_old_voice_survives_a_failure(function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES)
    real = getattr(os, function)

    def fail(*arguments: object) -> object:
        if (function == "rename" and tmp_path / "voice" != arguments[1]) or "replaced" in str(arguments):
            return real(*arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(RequestError, match="cannot be written: No space left on device"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="second", licences=LICENCES, replace=True)
    assert load_voice(tmp_path / "voice").manifest.name == "tiny"
    assert [path.name for path in tmp_path.iterdir()] == ["voice"]


def test_a_missing_parent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"the folder .*absent is missing"):
        pack(tmp_path / "absent" / "voice", tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES)


def test_mels_that_differ_are_refused_before_any_export(tmp_path: Path) -> None:
    other = MEL.model_copy(update={"f_max": 3000.0})
    with pytest.raises(VoiceError, match=r"tiny: the mels .* differ: f_max 4000.0 and 3000.0; train"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(other), name="tiny", licences=LICENCES)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
def test_paddings_that_differ_are_bridged(tmp_path: Path) -> None:
    centered = MEL.model_copy(update={"padding": "centered"})
    pack(tmp_path / "voice", tiny_acoustic(centered), tiny_vocoder(), name="tiny", licences=LICENCES)
    manifest = load_voice(tmp_path / "voice").manifest
    assert (manifest.acoustic.mel.padding, manifest.vocoder.mel.padding) == ("centered", "same")


def test_models_in_the_wrong_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="the acoustic model is a hifigan; allowed are fastpitch and tacotron2"):
        pack(tmp_path / "voice", tiny_vocoder(), tiny_vocoder(), name="tiny", licences=LICENCES)
    with pytest.raises(VoiceError, match="the vocoder is a fastpitch; allowed are hifigan, waveglow, source_filter"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_acoustic(), name="tiny", licences=LICENCES)


@pytest.mark.usefixtures("quick")
def test_a_name_that_no_voice_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="Ada Lovelace: not a voice's name"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="Ada Lovelace", licences=LICENCES)


def test_inspecting_a_voice_needs_no_torch(tiny_voice: Path) -> None:
    code = (
        "import sys; from sonorant.voice import load_voice; print(load_voice(sys.argv[1]).manifest.name); "
        "heavy = {'torch', 'onnx', 'scipy', 'matplotlib', 'safetensors', 'onnxruntime'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, tiny_voice], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "tiny\n"), done.stderr


def test_the_manifest_is_readable_text(tiny_voice: Path) -> None:
    text = (tiny_voice / "voice.json").read_text(encoding="utf-8")
    assert json.loads(text)["licences"] == {"data": "CC0-1.0", "weights": "Apache-2.0"}
    assert text.count("\n") > 50
