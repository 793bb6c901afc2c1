"""The driver on graphs that are scripted, where its decisions are tested, and on a network in torch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.tiny_voice import MEL, TACOTRON2, tiny_tacotron2

from sonorant.config import Tacotron2Config
from sonorant.config.models import LocationAttentionConfig
from sonorant.synthesis.acoustic import SpokenMel
from sonorant.synthesis.runtime import Floats
from sonorant.synthesis.speech import Failed
from sonorant.synthesis.style import Style
from sonorant.synthesis.tacotron2 import AHEAD, BEHIND, TRIES, Tacotron2Model
from sonorant.synthesis.torch_runtime import TorchRuntime
from sonorant.voice.graphs import MEMORY, POSTNET, STEP

STYLE = Style(speaker_id=1, speed=1.0, pitch_scale=1.0, pitch_offset=0.0, seed=5, denoise=0.0)
LOCATION = TACOTRON2.model_copy(
    update={"attention": LocationAttentionConfig(channels=8, filters=4, kernel=7), "max_frames_per_symbol": 2.0}
)
SENTENCES = [np.arange(1, 20), np.array([7, 8, 9]), np.arange(40, 14, -2)]


class Scripted:
    """Graphs of which each decoder step attends where `script(try, step)` says, as far as it may."""

    def __init__(self, script: Callable[[int, int], int]) -> None:
        self.script = script
        self.tries = 0
        self.valid: list[NDArray[np.bool_]] = []
        self.masks: list[list[Floats]] = []

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        if graph == MEMORY.file:
            shape = (*inputs["symbols"].shape, 1)
            return [np.zeros(shape, np.float32), np.zeros(shape, np.float32)]
        if graph == POSTNET.file:
            return [inputs["mel"]]
        return self._step(**inputs)

    def _step(self, valid: NDArray[np.bool_], prenet_masks: Floats, **inputs: Floats) -> list[NDArray[Any]]:
        if not inputs["cumulative"].any():
            self.tries += 1
            self.masks.append([])
        self.valid.append(valid[0])
        self.masks[-1].append(prenet_masks[0])
        num_rows, num_symbols = valid.shape
        wanted = self.script(self.tries, len(self.masks[-1]) - 1)
        allowed = np.flatnonzero(valid[0])
        alignment = np.zeros((num_rows, num_symbols), np.float32)
        alignment[:, np.clip(wanted, allowed[0], allowed[-1])] = 1.0
        frames = np.zeros((num_rows, MEL.n_mels, TACOTRON2.reduction_factor), np.float32)
        stop_logits = np.full(num_rows, 9.0 if wanted >= num_symbols else -9.0, np.float32)
        state = [inputs[name] for name in list(STEP.inputs)[5:10]]
        return [frames, stop_logits, *state, alignment, inputs["cumulative"] + alignment]


def speak_scripted(script: Callable[[int, int], int], num_symbols: int = 10) -> tuple[SpokenMel, Scripted]:
    runtime = Scripted(script)
    (spoken,) = Tacotron2Model(runtime, TACOTRON2, MEL.n_mels).speak([np.arange(num_symbols)], STYLE)
    return spoken, runtime


def model(config: Tacotron2Config = TACOTRON2) -> Tacotron2Model:
    return Tacotron2Model(TorchRuntime.of_models(tiny_tacotron2(config)), config, MEL.n_mels)


def test_a_good_reading_is_taken_at_once() -> None:
    spoken, runtime = speak_scripted(lambda attempt, step: step // 3)
    assert runtime.tries == 1 and spoken.warnings == ()
    assert spoken.durations.tolist() == [6] * 9 + [8]  # three steps of two frames; the step that stops is the last
    assert spoken.mel.shape == (MEL.n_mels, spoken.durations.sum())


def test_a_reading_with_faults_is_tried_again_with_other_dropout() -> None:
    spoken, runtime = speak_scripted(lambda attempt, step: step // 3 + (5 if attempt == 1 and step > 3 else 0))
    assert runtime.tries == 2 and spoken.warnings == ()
    assert not np.array_equal(runtime.masks[0][0], runtime.masks[1][0])
    assert all(valid.all() for valid in runtime.valid)


def test_the_last_try_leads_the_attention_forward() -> None:
    """A decoder that jumps to the end and back is held to a window that begins at the first symbol."""
    spoken, runtime = speak_scripted(lambda attempt, step: 40 if step % 5 == 3 else 0, num_symbols=12)
    assert runtime.tries == TRIES
    led = np.stack(runtime.valid[-len(runtime.masks[-1]) :])
    assert led[0].tolist() == [True] * (1 + AHEAD) + [False] * (11 - AHEAD)
    assert (led.sum(axis=1) <= BEHIND + 1 + AHEAD).all()
    ends = led.shape[1] - led[:, ::-1].argmax(axis=1)
    assert (np.diff(ends) >= 0).all() and ends[-1] == 12
    assert spoken.warnings == ()


def test_where_all_tries_fail_the_best_is_returned_with_its_faults() -> None:
    reached = {1: 2, 2: 6, 3: 4, 4: 1}
    spoken, runtime = speak_scripted(lambda attempt, step: min(step, reached[attempt]))
    assert runtime.tries == TRIES == len(reached)
    (warning,) = spoken.warnings
    assert isinstance(warning, Failed)
    assert warning == (
        "reached 96 frames without an end, stuck on one symbol for 84 frames, the last 3 symbols are missing"
    )
    assert spoken.durations.tolist() == [2] * 6 + [84, 0, 0, 0]


def test_only_the_rows_that_failed_are_tried_again() -> None:
    rows: list[int] = []

    class Counting(Scripted):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            if graph == STEP.file and not inputs["cumulative"].any():
                rows.append(len(inputs["frame"]))
            return super().run(graph, **inputs)

    runtime = Counting(lambda attempt, step: step // 3 if attempt > 1 else min(step // 3, 4))
    spoken = Tacotron2Model(runtime, TACOTRON2, MEL.n_mels).speak([np.arange(5), np.arange(20)], STYLE)
    assert rows == [2, 1]
    assert [one.warnings for one in spoken] == [(), ()]


def test_dropout_keeps_the_mean_and_its_share() -> None:
    config = TACOTRON2.model_copy(update={"prenet_channels": (300, 200), "prenet_dropout": 0.2})
    runtime = Scripted(lambda attempt, step: step // 9)
    Tacotron2Model(runtime, config, MEL.n_mels).speak([np.arange(10)], STYLE)
    masks = np.stack(runtime.masks[0])
    assert masks.shape[1] == 500 and masks.dtype == np.float32
    assert set(np.unique(masks)) == {np.float32(0.0), np.float32(1.25)}
    assert masks.mean() == pytest.approx(1.0, abs=0.01)
    assert not np.array_equal(masks[0], masks[1])


@pytest.mark.parametrize("config", [TACOTRON2, LOCATION], ids=["dynamic_convolution", "location"])
def test_a_batch_gives_what_each_gives_alone_in_the_callers_order(config: Tacotron2Config) -> None:
    speaking = model(config)
    for sentence, together in zip(SENTENCES, speaking.speak(SENTENCES, STYLE), strict=True):
        (alone,) = speaking.speak([sentence], STYLE)
        assert len(together.durations) == len(sentence)
        assert together.durations.tolist() == alone.durations.tolist() and together.warnings == alone.warnings
        np.testing.assert_allclose(together.mel, alone.mel, atol=1e-5)


def test_the_seed_decides_the_dropout() -> None:
    speaking = model()
    one, again, other = (speaking.speak(SENTENCES[:1], replace(STYLE, seed=seed))[0].mel for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert one.shape == other.shape and np.abs(one - other).max() > 1e-3


def test_an_attention_by_location_starts_nowhere_and_a_convolution_on_the_first_symbol() -> None:
    seen: list[Floats] = []

    class Listening(TorchRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            if graph == STEP.file:
                seen.append(inputs["alignment"])
            return super().run(graph, **inputs)

    for config, total in ((LOCATION, 0.0), (TACOTRON2, 1.0)):
        seen.clear()
        runtime = Listening.of_models(tiny_tacotron2(config))
        Tacotron2Model(runtime, config, MEL.n_mels).speak(SENTENCES[1:2], STYLE)
        assert seen[0][0].tolist() == [total, 0.0, 0.0]


@pytest.mark.parametrize("speed", [0.5, 1.7, 4.0])
def test_speed_stretches_the_mel_and_its_durations(speed: float) -> None:
    speaking = model()
    (normal,), (changed,) = (speaking.speak(SENTENCES[:1], replace(STYLE, speed=value)) for value in (1.0, speed))
    assert changed.mel.dtype == np.float32
    assert changed.mel.shape[1] == changed.durations.sum() == round(normal.mel.shape[1] / speed)
    assert np.abs(np.cumsum(changed.durations) - np.cumsum(normal.durations) / speed).max() <= 1.0
