"""The recogniser on real speech."""

from pathlib import Path

import numpy as np
import pytest

from sonorant.audio import Audio, read_audio
from sonorant.evaluation.recognition import RATE, Recogniser


@pytest.fixture(scope="module")
def clip(shared: Path) -> Audio:
    """About 1.5 s: "Will we ever forget it."."""
    return read_audio(sorted((shared / "data" / "kathleen").rglob("arctic_a0005_*.flac"))[0])


def score_after_noise(recogniser: Recogniser, clip: Audio) -> float:
    noise = (0.3 * np.random.default_rng(0).standard_normal(3000)).astype(np.float32)
    recogniser.hear(noise, RATE)
    return score(recogniser, clip)


def score(recogniser: Recogniser, clip: Audio) -> float:
    assert recogniser.hear(clip.samples, clip.sample_rate) == "will we ever forget it"
    return float(recogniser._decoder.hyp().score)


def test_an_utterance_is_heard_as_if_it_were_the_first(clip: Audio) -> None:
    from pocketsphinx import Decoder

    class Adapting(Decoder):
        def reinit_feat(self) -> None:
            """Keep what was estimated of the channel."""

    recogniser = Recogniser()
    first = score(recogniser, clip)
    assert score_after_noise(recogniser, clip) == first
    recogniser._decoder = Adapting(samprate=RATE, loglevel="FATAL")
    assert score_after_noise(recogniser, clip) != first, "without a new beginning the noise should tell"


def test_a_click_is_no_word() -> None:
    assert Recogniser().hear(np.ones(20, dtype=np.float32), RATE) == ""
