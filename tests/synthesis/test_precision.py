"""The precision of speaking with torch; in ONNX Runtime a voice speaks as it was packed."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tests.coarse_watch import CoarseWatch
from tests.tiny_voice import MEL, tiny_acoustic, tiny_source_filter, tiny_tacotron2, tiny_vocoder, tiny_waveglow

from sonorant.audio import log_mel
from sonorant.cli.precision import Precision
from sonorant.config import RunConfig
from sonorant.errors import RequestError
from sonorant.models.precision import DTYPES
from sonorant.synthesis import Speech, Synthesizer
from sonorant.synthesis.assembly import assemble
from sonorant.synthesis.torch_runtime import TorchRuntime
from sonorant.voice import load_voice

ACOUSTIC = {"fastpitch": tiny_acoustic, "tacotron2": tiny_tacotron2}
VOCODERS = {"hifigan": tiny_vocoder, "waveglow": tiny_waveglow, "source_filter": tiny_source_filter}
TEXT = "Hello there, world."
DIFFERENCE = {"tf32": 0.0, "bf16": 0.02, "fp16": 0.002}
"""Largest mean difference of log-mels from those of fp32; a CPU has no TF32."""
LOOSER = {"source_filter": 5.0}
"""How many times that: another estimate of the pitch moves all pulses."""

combinations = pytest.mark.parametrize(
    ("acoustic", "vocoder"), [(acoustic, vocoder) for acoustic in ACOUSTIC for vocoder in VOCODERS]
)


def speak(acoustic: str, vocoder: str, precision: str | None) -> Speech:
    synthesizer = assemble(ACOUSTIC[acoustic](), VOCODERS[vocoder](), threads=1, precision=precision)
    return synthesizer.speak(TEXT, seed=3)


@combinations
def test_sound_is_close_to_that_in_fp32_and_always_the_same(acoustic: str, vocoder: str) -> None:
    exact = speak(acoustic, vocoder, "fp32")
    np.testing.assert_array_equal(speak(acoustic, vocoder, None).samples, exact.samples)
    for precision, allowed in DIFFERENCE.items():
        speech = speak(acoustic, vocoder, precision)
        np.testing.assert_array_equal(speak(acoustic, vocoder, precision).samples, speech.samples)
        assert len(speech.samples) == len(exact.samples) and speech.words == exact.words
        difference = np.abs(log_mel(speech.samples, MEL) - log_mel(exact.samples, MEL)).mean()
        assert difference <= allowed * LOOSER.get(vocoder, 1.0)
        assert (difference > 0) == (precision in ("bf16", "fp16"))  # or it was not spoken in that precision at all


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@combinations
def test_nothing_sensitive_is_computed_in_half_precision(acoustic: str, vocoder: str, precision: str) -> None:
    with CoarseWatch() as watch:
        speak(acoustic, vocoder, precision)
    assert watch.seen and not watch.coarse


@pytest.fixture
def tf32_settings() -> Iterator[None]:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


@pytest.mark.usefixtures("tf32_settings")
@pytest.mark.parametrize(
    ("precision", "products", "convolutions"), [("tf32", "high", True), ("fp32", "highest", False)]
)
def test_tf32_is_on_while_a_network_computes_and_left_as_it_was(
    precision: str, products: str, convolutions: bool
) -> None:
    seen = []

    class Network(torch.nn.Module):
        def forward(self, mel: torch.Tensor) -> torch.Tensor:
            seen.append((torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32))
            return mel

    runtime = TorchRuntime({"hifigan": Network}, precision=precision)
    for before in (("high", True), ("highest", False)):
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
        runtime.run("vocoder.onnx", mel=np.zeros((1, 8, 4), dtype=np.float32))
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before
    assert seen == [(products, convolutions)] * 2


def test_a_voice_speaks_in_a_precision_with_torch_alone(tiny_voice: Path) -> None:
    speech = Synthesizer.load(tiny_voice, runtime="torch", threads=1, precision="bf16").speak(TEXT)
    exact = Synthesizer.load(tiny_voice, runtime="torch", threads=1).speak(TEXT)
    assert not np.array_equal(speech.samples, exact.samples)
    for precision in DTYPES:
        with pytest.raises(RequestError, match=f"the onnx runtime computes as the voice was packed, found {precision}"):
            Synthesizer.load(tiny_voice, precision=precision)


def test_an_unknown_precision_is_refused(tiny_voice: Path) -> None:
    with pytest.raises(RequestError, match="precision: 'fp8', allowed are fp32, tf32, bf16, fp16"):
        Synthesizer.load(tiny_voice, runtime="torch", precision="fp8")


def test_halves_of_voices_have_no_precision_to_choose(tiny_voice: Path) -> None:
    voice = load_voice(tiny_voice)
    with pytest.raises(RequestError, match="bf16 is for trained models, and these are of voices"):
        assemble(voice, voice, precision="bf16")


def test_recipes_commands_and_networks_know_the_same_precisions() -> None:
    assert get_args(RunConfig.model_fields["precision"].annotation) == get_args(Precision) == tuple(DTYPES)
