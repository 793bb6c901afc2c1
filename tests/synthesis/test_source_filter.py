"""Speaking with a source-filter vocoder: pulses for the whole sentence, cut into chunks; halves of several places."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.tiny_voice import MEL, tiny_acoustic, tiny_source_filter

from sonorant.audio.excitation import make_excitation
from sonorant.audio.sound import Audio
from sonorant.errors import RequestError
from sonorant.evaluation.making import Copier
from sonorant.evaluation.material import Item
from sonorant.synthesis import Synthesizer
from sonorant.synthesis.assembly import assemble
from sonorant.synthesis.onnx_runtime import OnnxRuntime
from sonorant.synthesis.runtime import Runtime
from sonorant.synthesis.vocoding import other_inputs, vocode
from sonorant.voice import Voice, load_voice
from sonorant.voice.graphs import PITCH_NAME, VOCODER_NAME

Floats = NDArray[np.float32]
TEXT = "Hello there, world."


@pytest.fixture
def voice(tiny_filter_voice: Path) -> Voice:
    return load_voice(tiny_filter_voice)


def mel_of(num_frames: int) -> Floats:
    random = np.random.default_rng(num_frames)
    return (2 * random.standard_normal((MEL.n_mels, num_frames)) - 5).astype(np.float32)


def spoken(runtime: Runtime, voice: Voice, mel: Floats, seed: int = 0) -> Floats:
    return np.concatenate(list(vocode(runtime, voice.manifest.vocoder, mel, seed)))


@pytest.mark.parametrize("num_frames", [1, 31, 33, 150, 700])
def test_chunks_in_a_row_equal_the_whole(voice: Voice, num_frames: int) -> None:
    runtime, mel = OnnxRuntime(voice, 1), mel_of(num_frames)
    (pitch_hz,) = runtime.run(PITCH_NAME, mel=mel[None])
    excitation = make_excitation(pitch_hz[0], MEL, np.random.default_rng(3))
    ((whole,),) = runtime.run(VOCODER_NAME, mel=mel[None], pitch_hz=pitch_hz, excitation=excitation[None])
    assert np.abs(whole).max() > 1e-4
    np.testing.assert_allclose(spoken(runtime, voice, mel, seed=3), whole, atol=1e-7)


def test_the_pitch_is_estimated_once_and_chunks_see_no_more_than_their_context(voice: Voice) -> None:
    calls: list[tuple[str, int]] = []

    class Counting(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            calls.append((graph, inputs["mel"].shape[2]))
            return super().run(graph, **inputs)

    spoken(Counting(voice, 1), voice, mel_of(600))
    assert calls[0] == (PITCH_NAME, 600) and PITCH_NAME not in dict(calls[1:])
    context = voice.manifest.vocoder.receptive_field_frames  # type: ignore[union-attr]
    assert max(frames for _, frames in calls[1:]) == 256 + 2 * context


def test_less_context_than_the_receptive_field_is_audible(voice: Voice) -> None:
    runtime, mel = OnnxRuntime(voice, 1), mel_of(200)
    narrow = voice.manifest.vocoder.model_copy(update={"receptive_field_frames": 0})
    cut = np.concatenate(list(vocode(runtime, narrow, mel, 0)))
    assert np.abs(spoken(runtime, voice, mel) - cut).max() > 1e-4


def test_a_longer_mel_begins_with_the_noise_of_a_shorter_one(voice: Voice) -> None:
    runtime, mel = OnnxRuntime(voice, 1), mel_of(50)
    long, short = (other_inputs(runtime, voice.manifest.vocoder, part, 1)["excitation"] for part in (mel, mel[:, :20]))
    assert long.shape == (2, 50, MEL.hop_length)
    np.testing.assert_array_equal(long[1, :20], short[1])


@pytest.mark.parametrize("acoustic", ["voice", "model"])
@pytest.mark.parametrize("vocoder", ["voice", "model"])
def test_halves_speak_as_the_voice_that_is_made_of_them(
    voice: Voice, tiny_filter_voice: Path, acoustic: str, vocoder: str
) -> None:
    """But for the pulses, which a pitch that differs in its last bits moves a little."""
    halves = {"voice": (voice, voice), "model": (tiny_acoustic(), tiny_source_filter())}
    speech = assemble(halves[acoustic][0], halves[vocoder][1], threads=1).speak(TEXT)
    expected = Synthesizer.load(tiny_filter_voice, threads=1).speak(TEXT)
    assert speech.words == expected.words
    assert np.abs(speech.samples - expected.samples).max() < 0.02 * np.abs(expected.samples).max()


def test_recordings_are_copied_as_evaluating_a_vocoder_does(tiny_filter_voice: Path, tmp_path: Path) -> None:
    tiny_source_filter().save(tmp_path / "vocoder.safetensors")
    sound = Audio(np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32), MEL.sample_rate)
    item = Item("001", "", recording=lambda: sound)
    copies = [
        Copier.load(str(at), threads=1)(item).sound for at in (tiny_filter_voice, tmp_path / "vocoder.safetensors")
    ]
    assert all(len(copy.samples) == 4000 and np.abs(copy.samples).max() > 1e-5 for copy in copies)
    assert np.abs(copies[0].samples - copies[1].samples).max() < 0.02 * np.abs(copies[0].samples).max()


def test_there_is_no_hum_to_subtract(voice: Voice) -> None:
    synthesizer = Synthesizer(voice.manifest, OnnxRuntime(voice, 1))
    with pytest.raises(RequestError, match="denoise: a source_filter vocoder has no bias"):
        synthesizer.speak(TEXT, denoise=0.1)
