import shutil
from pathlib import Path

import numpy as np
import pytest

from sonorant.errors import RequestError, VoiceError
from sonorant.synthesis import Synthesizer, load_runtime
from sonorant.synthesis.onnx_runtime import OnnxRuntime
from sonorant.synthesis.torch_runtime import TorchRuntime
from sonorant.voice import load_voice


def test_torch_and_onnx_compute_the_same(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    ours, theirs = OnnxRuntime(voice, 1), TorchRuntime(voice)
    ids = np.array([3, 9, 27, 5, 40], dtype=np.int64)
    for speaker_id in (0, 1):
        for found, expected in zip(
            ours.encode(ids, speaker_id, 1.2, -0.3), theirs.encode(ids, speaker_id, 1.2, -0.3), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-5)
    frames = np.repeat(ours.encode(ids, 0, 1.0, 0.0)[0], 4, axis=0)
    mel = ours.decode(frames)
    np.testing.assert_allclose(mel, theirs.decode(frames), atol=1e-5)
    np.testing.assert_allclose(ours.vocode(mel), theirs.vocode(mel), atol=1e-5)


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


@pytest.mark.parametrize("device", ["warp-drive", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(tiny_voice: Path, device: str) -> None:
    with pytest.raises(RequestError, match=f"device: {device} cannot be used"):
        load_runtime("torch", load_voice(tiny_voice), device=device)
