from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.tiny_voice import MEL

from sonorant.config import MelConfig
from sonorant.synthesis.onnx_runtime import OnnxRuntime
from sonorant.synthesis.vocoding import LARGEST_CHUNK_FRAMES, chunks, vocode
from sonorant.voice import GriffinLimPart, HifiganPart, load_voice
from sonorant.voice.graphs import VOCODER_NAME


@given(st.integers(0, 5000))
def test_chunks_cover_every_frame_once(num_frames: int) -> None:
    ranges = list(chunks(num_frames))
    frames = [frame for start, end in ranges for frame in range(start, end)]
    assert frames == list(range(num_frames))
    assert all(0 < end - start <= LARGEST_CHUNK_FRAMES for start, end in ranges)


@pytest.mark.parametrize("num_frames", [1, 31, 33, 150, 700])
def test_chunks_in_a_row_equal_the_whole(tiny_voice: Path, num_frames: int) -> None:
    voice = load_voice(tiny_voice)
    runtime = OnnxRuntime(voice, threads=1)
    mel = np.random.default_rng(num_frames).normal(size=(MEL.n_mels, num_frames)).astype(np.float32)
    ((whole,),) = runtime.run(VOCODER_NAME, mel=mel[None])
    assert np.abs(whole).max() > 0.01
    np.testing.assert_allclose(np.concatenate(list(vocode(runtime, voice.manifest.vocoder, mel, 0))), whole, atol=1e-5)


def test_less_context_than_the_receptive_field_is_audible(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    assert isinstance(voice.manifest.vocoder, HifiganPart)
    runtime = OnnxRuntime(voice, threads=1)
    mel = np.random.default_rng(0).normal(size=(MEL.n_mels, 200)).astype(np.float32)
    narrow = voice.manifest.vocoder.model_copy(update={"receptive_field_frames": 0})
    ((whole,),) = runtime.run(VOCODER_NAME, mel=mel[None])
    cut = np.concatenate(list(vocode(runtime, narrow, mel, 0)))
    assert np.abs(whole - cut).max() > 1e-3


def test_a_vocoder_sees_no_more_than_a_chunk_and_its_context(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    seen: list[int] = []

    class Counting(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            seen.append(inputs["mel"].shape[2])
            return super().run(graph, **inputs)

    assert isinstance(voice.manifest.vocoder, HifiganPart)
    mel = np.zeros((MEL.n_mels, 3000), dtype=np.float32)
    list(vocode(Counting(voice, 1), voice.manifest.vocoder, mel, 0))
    assert max(seen) == LARGEST_CHUNK_FRAMES + 2 * voice.manifest.vocoder.receptive_field_frames
    assert seen[0] == 32 + voice.manifest.vocoder.receptive_field_frames


def test_griffin_lim_is_seeded(tiny_voice: Path) -> None:
    mel = MelConfig()
    part = GriffinLimPart(mel=mel, mel_signature=mel.signature(), iterations=2)
    frames = np.random.default_rng(0).normal(-4, 1, (80, 12)).astype(np.float32)
    runtime = OnnxRuntime(load_voice(tiny_voice), 1)
    one, again, other = (np.concatenate(list(vocode(runtime, part, frames, seed))) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-6
