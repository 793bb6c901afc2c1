import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sonorant.errors import RequestError, VoiceError
from sonorant.synthesis import Synthesizer, load_runtime
from sonorant.synthesis.onnx_runtime import OnnxRuntime
from sonorant.synthesis.torch_runtime import TorchRuntime
from sonorant.voice import load_voice
from sonorant.voice.graphs import DECODER, ENCODER, VOCODER_NAME


def test_torch_and_onnx_compute_the_same(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    ours, theirs = OnnxRuntime(voice, 1), TorchRuntime.of_voice(voice)
    encoder = {
        "symbols": np.array([[3, 9, 27, 5, 40], [8, 2, 0, 0, 0]]),
        "symbol_lengths": np.array([5, 2]),
        "speaker_ids": np.array([0, 1]),
        "pitch_scale": np.array([1.2, 1.0], dtype=np.float32),
        "pitch_offset": np.array([-0.3, 0.0], dtype=np.float32),
    }
    encodings = ours.run(ENCODER.file, **encoder)[0]
    decoder = {"frames": np.repeat(encodings, 4, axis=1), "mel_lengths": np.array([20, 8])}
    mel = ours.run(DECODER.file, **decoder)[0]
    for graph, inputs in ((ENCODER.file, encoder), (DECODER.file, decoder), (VOCODER_NAME, {"mel": mel})):
        for found, expected in zip(ours.run(graph, **inputs), theirs.run(graph, **inputs), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_both_runtimes_speak_the_same(tiny_voice: Path) -> None:
    speak = [Synthesizer.load(tiny_voice, runtime=name).speak for name in ("onnx", "torch")]
    ours, theirs = (say("Hello there, world.") for say in speak)
    assert ours.words == theirs.words
    np.testing.assert_allclose(ours.samples, theirs.samples, atol=1e-4)


def test_a_voice_without_weights_is_refused(tiny_voice: Path, tmp_path: Path) -> None:
    voice = load_voice(shutil.copytree(tiny_voice, tmp_path / "voice"))
    del voice.manifest.files["acoustic.safetensors"]
    with pytest.raises(VoiceError, match="packed without weights, so only the onnx runtime"):
        load_runtime("torch", voice)


def test_weights_of_another_model_than_the_manifests_are_refused(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    part = voice.manifest.acoustic
    other = part.model_copy(update={"config": part.config.model_copy(update={"pitch_kernel": 5})})
    strange = replace(voice, manifest=voice.manifest.model_copy(update={"acoustic": other}))
    with pytest.raises(VoiceError, match=r"trained fastpitch model: .*pitch_embedding"):
        load_runtime("torch", strange).run(DECODER.file, frames=np.zeros((1, 1, 16)), mel_lengths=np.array([1]))


@pytest.mark.parametrize("device", ["warp-drive", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(tiny_voice: Path, device: str) -> None:
    with pytest.raises(RequestError, match=f"device: {device} cannot be used"):
        load_runtime("torch", load_voice(tiny_voice), device=device)
