from pathlib import Path

import numpy as np
import pytest
from tests.tiny_voice import MEL, tiny_acoustic, tiny_vocoder

from sonorant.errors import VoiceError
from sonorant.synthesis import Synthesizer
from sonorant.synthesis.assembly import assemble
from sonorant.voice import Voice, load_voice
from sonorant.voice.trained import TrainedModel

TEXT = "Hello there, world."


@pytest.fixture(scope="module")
def voice(tiny_voice: Path) -> Voice:
    return load_voice(tiny_voice)


@pytest.mark.parametrize("acoustic", ["voice", "model"])
@pytest.mark.parametrize("vocoder", ["voice", "model"])
def test_halves_speak_as_the_voice_that_is_made_of_them(voice: Voice, acoustic: str, vocoder: str) -> None:
    halves = {"voice": (voice, voice), "model": (tiny_acoustic(), tiny_vocoder())}
    speech = assemble(halves[acoustic][0], halves[vocoder][1], threads=1).speak(TEXT)
    expected = Synthesizer.load(voice.where, threads=1).speak(TEXT)
    assert speech.words == expected.words
    np.testing.assert_allclose(speech.samples, expected.samples, atol=1e-4)


def test_halves_of_different_mels_are_refused(voice: Voice) -> None:
    other = tiny_vocoder(MEL.model_copy(update={"f_max": 3000.0}))
    with pytest.raises(VoiceError, match=r"do not speak together: .*f_max 4000\.0 and 3000\.0"):
        assemble(voice, other)


@pytest.mark.parametrize(
    ("acoustic", "vocoder", "problem"),
    [
        (tiny_vocoder(), tiny_vocoder(), "the acoustic model is a hifigan; allowed are fastpitch and tacotron2"),
        (tiny_acoustic(), tiny_acoustic(), "the vocoder is a fastpitch; allowed are hifigan, waveglow, source_filter"),
    ],
)
def test_a_model_in_the_others_place_is_refused(acoustic: TrainedModel, vocoder: TrainedModel, problem: str) -> None:
    with pytest.raises(VoiceError, match=problem):
        assemble(acoustic, vocoder)
