"""Benchmarks of a recipe's network with random weights: how fast it speaks, whatever it has learned.

An untrained acoustic model says nothing about durations, so every symbol gets `FRAMES_PER_SYMBOL` mel frames.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sonorant.config import AcousticRecipe, FastPitchRecipe, HifiganRecipe, Recipe, WaveglowRecipe
from sonorant.evaluation.benchmark import Case, Work
from sonorant.evaluation.benchmark_sentences import num_words
from sonorant.models.fastpitch import FastPitch
from sonorant.models.hifigan import HifiganGenerator
from sonorant.models.lengths import repeat_by_duration
from sonorant.models.waveglow import Waveglow
from sonorant.text import Frontend
from sonorant.training.task import autocast

FRAMES_PER_SYMBOL = 6
"""LJ Speech has 6.6 mel frames of 256 samples per symbol, the built-in voice 6.3."""


@dataclass(frozen=True)
class Load:
    """Copies of one sentence as a network takes them.

    Attributes:
        symbols: (B, S) int64.
        symbol_lengths: (B,) int64, all S.
        mel: (B, n_mels, T) of noise, T = S * FRAMES_PER_SYMBOL.
    """

    symbols: Tensor
    symbol_lengths: Tensor
    mel: Tensor

    @property
    def num_frames(self) -> int:
        """Mel frames of each row."""
        return self.mel.shape[2]


@dataclass(frozen=True)
class Inference:
    """How a network is made and how it speaks.

    Attributes:
        build: Makes the network of a recipe that reads `num_symbols` symbols, as it is exported.
        speak: Runs it on a load.
        count: What else is counted of a load.
    """

    build: Callable[[Any, int], nn.Module]
    speak: Callable[[Any, Load], object]
    count: Callable[[Any, Load], dict[str, float]] = lambda network, load: {}


def _build_fastpitch(recipe: FastPitchRecipe, num_symbols: int) -> FastPitch:
    return FastPitch(recipe.model, num_symbols, n_mels=recipe.features.mel.n_mels)


def _speak_fastpitch(network: FastPitch, load: Load) -> Tensor:
    ones = torch.ones(len(load.symbols), device=load.mel.device)
    first_speaker = torch.zeros_like(load.symbol_lengths)
    encodings, _ = network.encode(load.symbols, load.symbol_lengths, first_speaker, ones, 0 * ones)
    return network.decode(*repeat_by_duration(encodings, torch.full_like(load.symbols, FRAMES_PER_SYMBOL)))


def _build_hifigan(recipe: HifiganRecipe, num_symbols: int) -> HifiganGenerator:
    generator = HifiganGenerator(recipe.model, recipe.features.mel.n_mels)
    generator.remove_weight_norm()
    return generator


def _speak_hifigan(network: HifiganGenerator, load: Load) -> Tensor:
    waveform: Tensor = network(load.mel)
    return waveform


def _build_waveglow(recipe: WaveglowRecipe, num_symbols: int) -> Waveglow:
    network = Waveglow(recipe.model, recipe.features.mel.n_mels)
    network.remove_weight_norm()
    return network


def _speak_waveglow(network: Waveglow, load: Load) -> Tensor:
    batch, _, num_frames = load.mel.shape
    config = network.config
    num_groups = num_frames * config.hop_length // config.group_size
    noise = torch.randn(batch, config.group_size, num_groups, device=load.mel.device)
    return network.infer(load.mel, config.sigma * noise)


INFERENCES: dict[str, Inference] = {
    "fastpitch": Inference(_build_fastpitch, _speak_fastpitch),
    "hifigan": Inference(_build_hifigan, _speak_hifigan),
    "waveglow": Inference(_build_waveglow, _speak_waveglow),
}
"""A recipe's task -> how its network speaks."""


def network_cases(
    recipe: Recipe, device: torch.device, sentences: Iterable[str], batches: Sequence[int]
) -> Iterator[Callable[[], Case]]:
    """Yield what prepares each case: the network of a recipe speaks every sentence in every batch size."""
    torch.manual_seed(0)
    frontend = Frontend(recipe.features.frontend)
    network = INFERENCES[recipe.task].build(recipe, len(frontend.table)).to(device).eval().requires_grad_(False)
    for sentence in sentences:
        ids = frontend.utterance(sentence).ids
        for batch in batches:
            yield partial(_case, recipe, network, device, sentence, ids, batch)


def _case(
    recipe: Recipe, network: nn.Module, device: torch.device, sentence: str, ids: Sequence[int], batch: int
) -> Case:
    inference, load = INFERENCES[recipe.task], _load(recipe, ids, batch, device)

    def run() -> None:
        with torch.inference_mode(), autocast(device, recipe.run.precision):
            inference.speak(network, load)

    num_frames = batch * load.num_frames
    work = Work(
        model=recipe.name,
        stage="acoustic" if isinstance(recipe, AcousticRecipe) else "vocoder",
        words=num_words(sentence),
        batch=batch,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        audio_s=num_frames * recipe.features.mel.hop_length / recipe.features.mel.sample_rate,
        counts={**count_output(recipe, num_frames), **inference.count(network, load)},
    )
    return Case(work, run)


def count_output(recipe: Recipe, num_frames: int) -> dict[str, float]:
    """Return what frames of sound are counted in: an acoustic model makes frames, a vocoder samples."""
    if isinstance(recipe, AcousticRecipe):
        return {"frames": num_frames}
    return {"samples": num_frames * recipe.features.mel.hop_length}


def _load(recipe: Recipe, ids: Sequence[int], batch: int, device: torch.device) -> Load:
    symbols = torch.tensor(ids, device=device).repeat(batch, 1)
    mel = torch.randn(batch, recipe.features.mel.n_mels, len(ids) * FRAMES_PER_SYMBOL, device=device)
    return Load(symbols, torch.full((batch,), len(ids), device=device), mel)
