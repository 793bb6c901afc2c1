"""A voice with a source-filter vocoder: two graphs that are torch's, and what of it is refused."""

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from tests.tiny_voice import MEL, SOURCE_FILTER, tiny_source_filter

from sonorant.config import SourceFilterConfig, load_recipe
from sonorant.errors import ConfigError, VoiceError
from sonorant.voice import export, load_voice
from sonorant.voice.graphs import GRAPHS, PITCH
from sonorant.voice.graphs import SOURCE_FILTER as FILTERS
from sonorant.voice.manifest import SourceFilterPart, parse_manifest
from sonorant.voice.trained import TrainedModel, parse_trained


@pytest.mark.parametrize("graph", [PITCH, FILTERS], ids=lambda graph: graph.method)
@pytest.mark.parametrize(("batch", "length"), [(1, 2), (5, 21)])
def test_graphs_take_any_batch_and_length(
    tiny_filter_voice: Path, graph: export.Graph, batch: int, length: int
) -> None:
    trained = tiny_source_filter()
    network = trained.network()
    inputs = export._EXAMPLES["source_filter"](trained, network, batch, length)[graph.file]
    session = ort.InferenceSession(tiny_filter_voice / graph.file)
    (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    expected = getattr(network, graph.method)(*inputs.values()).numpy()
    assert found.shape == expected.shape and np.abs(expected).max() > 0.005
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_tiny_vocoder_has_voiced_and_unvoiced_frames(tiny_filter_voice: Path) -> None:
    """Or the tests of its pulses would see none."""
    trained = tiny_source_filter()
    (found,) = ort.InferenceSession(tiny_filter_voice / PITCH.file).run(
        None, {"mel": export._mel_like(1, trained.mel.n_mels, 64).numpy()}
    )
    assert 0.1 < (found > 0).mean() < 0.9
    assert ((found == 0) | (found >= 50) & (found <= 600)).all()


def test_the_manifest_says_what_it_is_and_how_much_a_chunk_must_see(tiny_filter_voice: Path) -> None:
    manifest = load_voice(tiny_filter_voice).manifest
    assert isinstance(manifest.vocoder, SourceFilterPart)
    assert manifest.vocoder.config == SOURCE_FILTER
    assert manifest.vocoder.receptive_field_frames == tiny_source_filter().network().receptive_field_frames() == 4
    assert {graph.file for graph in GRAPHS["source_filter"]} < set(manifest.graphs)
    assert "- Vocoder: source_filter" in (tiny_filter_voice / "MODEL_CARD.md").read_text()


def test_its_weights_travel_in_the_voice_and_are_the_same(tiny_filter_voice: Path) -> None:
    trained = tiny_source_filter()
    again = parse_trained((tiny_filter_voice / "vocoder.safetensors").read_bytes(), "here")
    assert (again.kind, again.config, again.mel) == ("source_filter", SOURCE_FILTER, MEL)
    assert again.weights.keys() == trained.weights.keys()
    assert all(torch.equal(again.weights[name], weight) for name, weight in trained.weights.items())


@pytest.mark.parametrize(
    ("mel", "problem"),
    [
        ({"n_fft": 72, "padding": "centered"}, "n_fft 72 must be even and a multiple, at least the double, of hop"),
        ({"hop_length": 32}, "16 samples per frame, but its mel's hop is 32"),
        ({"sample_rate": 4000, "f_max": None}, "ceiling_hz 2000 must be below half the sample rate 4000"),
    ],
)
def test_a_mel_that_it_cannot_be_for_is_refused(mel: dict[str, object], problem: str) -> None:
    other = MEL.model_validate(MEL.model_dump() | mel)
    with pytest.raises(VoiceError, match=problem):
        TrainedModel(config=with_ceiling(2000.0), mel=other, weights={}).header()


@pytest.mark.parametrize(
    ("ceiling_hz", "n_fft", "problem"),
    [
        (600.0, 72, "vocoder.source_filter: n_fft 72 must be even and a multiple, at least the double, of hop_length"),
        (4000.0, 64, "vocoder.source_filter: ceiling_hz 4000 must be below half the sample rate 8000"),
    ],
)
def test_a_manifest_whose_vocoder_is_not_for_its_mel_is_refused(
    ceiling_hz: float, n_fft: int, problem: str, tiny_filter_voice: Path
) -> None:
    tree = json.loads((tiny_filter_voice / "voice.json").read_text())
    mel = MEL.model_copy(update={"n_fft": n_fft})
    for part in ("acoustic", "vocoder"):
        tree[part] |= {"mel": mel.model_dump(), "mel_signature": mel.signature()}
    tree["vocoder"]["config"] = with_ceiling(ceiling_hz).model_dump()
    with pytest.raises(VoiceError, match=problem):
        parse_manifest(json.dumps(tree).encode(), "here")


def with_ceiling(hz: float) -> SourceFilterConfig:
    return SOURCE_FILTER.model_copy(update={"pitch": SOURCE_FILTER.pitch.model_copy(update={"ceiling_hz": hz})})


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("features.mel.n_fft=1124", "n_fft 1124 must be even and a multiple, at least the double, of hop_length 256"),
        ("features.mel.hop_length=128", "the model makes 256 samples per frame, features.mel.hop_length is 128"),
        ("model.pitch.ceiling_hz=40", "ceiling_hz 40 is not above floor_hz 50"),
        ("model.pitch.ceiling_hz=11025", "ceiling_hz 11025 must be below half the sample rate 22050"),
        ("loss.pitch=0", "loss.pitch"),
        ("model.kernel=4", "model.kernel"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(override: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_recipe("tiny_source_filter", [override])
