"""How long FastPitch speaks, whatever its networks are: these graphs give what a test has written down."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sonorant.config import FastPitchConfig, MelConfig
from sonorant.synthesis.fastpitch import FastPitchModel
from sonorant.synthesis.style import Style
from sonorant.voice.graphs import ENCODER

LEAST = 26
"""Frames that make 0.3 s, 256 samples each of 22,050 a second."""


class Predicting:
    """A runtime whose encoder predicts these durations, in frames, for every row."""

    def __init__(self, *frames: float) -> None:
        self.frames = np.array(frames, dtype=np.float32)

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        if graph == ENCODER.file:
            rows = len(inputs["symbols"])
            return [np.zeros((rows, len(self.frames), 4), np.float32), np.tile(np.log1p(self.frames), (rows, 1))]
        return [np.zeros((len(inputs["frames"]), 80, inputs["frames"].shape[1]), np.float32)]


def durations(*frames: float, speed: float = 1.0, longest: int = 75, hop_length: int = 256) -> list[int]:
    style = Style(speaker_id=0, speed=speed, pitch_scale=1.0, pitch_offset=0.0, seed=0, denoise=0.0)
    model = FastPitchModel(
        Predicting(*frames), FastPitchConfig(max_duration_frames=longest), MelConfig(hop_length=hop_length)
    )
    (spoken,) = model.speak([np.arange(1, len(frames) + 1)], style)
    assert spoken.mel.shape[1] == spoken.durations.sum()
    return spoken.durations.tolist()


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_sound_alone_is_given_its_time_in_proportion(speed: float) -> None:
    long, short = durations(6, 3, speed=speed)
    assert long + short == pytest.approx(LEAST / speed, abs=1)
    assert long / short == pytest.approx(2, rel=0.2)


def test_fast_speech_of_short_sounds_keeps_them() -> None:
    assert durations(1.9, 1.9, speed=4.0) == [3, 3]


def test_the_time_is_the_same_at_another_hop() -> None:
    assert sum(durations(6, 3, hop_length=128)) == pytest.approx(2 * LEAST, abs=1)


def test_what_is_long_enough_stays_as_predicted() -> None:
    assert durations(LEAST - 10, 10) == [LEAST - 10, 10]


def test_no_symbol_is_stretched_beyond_the_longest() -> None:
    assert durations(2, longest=9) == [9]


def test_nothing_predicted_is_one_frame() -> None:
    assert durations(0.0, 0.2) == [0, 1]
