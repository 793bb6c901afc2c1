"""Benchmarks of a recipe's network with random weights: how fast it speaks, whatever it has learned.

What an untrained acoustic model says about durations means nothing: every symbol gets `FRAMES_PER_SYMBOL` mel frames.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn

from sonorant.audio.excitation import make_excitations
from sonorant.audio.mel import mel_filterbank
from sonorant.config import (
    AcousticRecipe,
    FastPitchConfig,
    FastPitchRecipe,
    HifiganConfig,
    HifiganRecipe,
    MelConfig,
    Recipe,
    SourceFilterConfig,
    SourceFilterRecipe,
    Tacotron2Config,
    Tacotron2Recipe,
    WaveglowConfig,
    WaveglowRecipe,
)
from sonorant.evaluation.benchmark import Case, Work
from sonorant.evaluation.benchmark_sentences import num_words
from sonorant.evaluation.benchmark_torch import choose_precision
from sonorant.models.fastpitch import FastPitch
from sonorant.models.hifigan import HifiganGenerator
from sonorant.models.lengths import repeat_by_duration
from sonorant.models.source_filter import SourceFilterVocoder
from sonorant.models.tacotron2 import Tacotron2
from sonorant.models.waveglow import Waveglow
from sonorant.text import Frontend

FRAMES_PER_SYMBOL = 6
"""LJ Speech has 6.6 mel frames of 256 samples per symbol, the built-in voice 6.3."""


@dataclass(frozen=True)
class Load:
    """Copies of one sentence as a network takes them.

    Attributes:
        symbols: (B, S) int64.
        symbol_lengths: (B,) int64, all S.
        speaker_ids: (B,) int64, all of the first speaker.
        mel: (B, n_mels, T) of noise, T = S * FRAMES_PER_SYMBOL.
        mel_config: What it would be the mel of.
    """

    symbols: Tensor
    symbol_lengths: Tensor
    speaker_ids: Tensor
    mel: Tensor
    mel_config: MelConfig

    @property
    def num_frames(self) -> int:
        """Mel frames of each row."""
        return self.mel.shape[2]


@dataclass(frozen=True)
class Inference:
    """How a recipe's network is made and how it speaks.

    Attributes:
        build: Takes the recipe and the number of symbols; makes the network as it is exported.
        speak: Takes the network, its config and a load.
        count: Takes the config and a load; returns what is counted besides the output.
    """

    build: Callable[[Any, int], nn.Module]
    speak: Callable[[Any, Any, Load], Tensor]
    count: Callable[[Any, Load], dict[str, float]] = lambda config, load: {}


def _build_fastpitch(recipe: FastPitchRecipe, num_symbols: int) -> FastPitch:
    return FastPitch(recipe.model, num_symbols, n_mels=recipe.features.mel.n_mels)


def _speak_fastpitch(network: FastPitch, config: FastPitchConfig, load: Load) -> Tensor:
    ones = torch.ones(len(load.symbols), device=load.mel.device)
    encodings, _ = network.encode(load.symbols, load.symbol_lengths, load.speaker_ids, ones, 0 * ones)
    return network.decode(*repeat_by_duration(encodings, torch.full_like(load.symbols, FRAMES_PER_SYMBOL)))


def _build_tacotron2(recipe: Tacotron2Recipe, num_symbols: int) -> Tacotron2:
    return Tacotron2(recipe.model, num_symbols, n_mels=recipe.features.mel.n_mels)


def _speak_tacotron2(network: Tacotron2, config: Tacotron2Config, load: Load) -> Tensor:
    """Take all steps whatever the stop logit says; without its dropout the prenet works as much."""
    memory, keys = network.encode(load.symbols, load.symbol_lengths, load.speaker_ids)
    valid = torch.ones_like(load.symbols, dtype=torch.bool)
    masks = torch.ones(len(load.mel), sum(config.prenet_channels), device=load.mel.device)
    frame, spoken = torch.zeros_like(load.mel[:, :, 0]), []
    state: Sequence[Tensor] = tuple(network.initial_state(memory))
    for _ in range(_num_steps(config, load)):
        frames, _, *state = network.step(memory, keys, valid, frame, masks, *state)
        frame = frames[:, :, -1]
        spoken.append(frames)
    mel = torch.cat(spoken, dim=2)[:, :, : load.num_frames]
    refined: Tensor = network.postnet(mel, torch.full_like(load.symbol_lengths, load.num_frames))
    return refined


def _num_steps(config: Tacotron2Config, load: Load) -> int:
    return ceil(load.num_frames / config.reduction_factor)


def _build_hifigan(recipe: HifiganRecipe, num_symbols: int) -> HifiganGenerator:
    generator = HifiganGenerator(recipe.model, recipe.features.mel.n_mels)
    generator.remove_weight_norm()
    return generator


def _speak_hifigan(network: HifiganGenerator, config: HifiganConfig, load: Load) -> Tensor:
    waveform: Tensor = network(load.mel)
    return waveform


def _build_waveglow(recipe: WaveglowRecipe, num_symbols: int) -> Waveglow:
    network = Waveglow(recipe.model, recipe.features.mel.n_mels)
    network.remove_weight_norm()
    return network


def _speak_waveglow(network: Waveglow, config: WaveglowConfig, load: Load) -> Tensor:
    num_groups = load.num_frames * config.hop_length // config.group_size
    noise = torch.randn(len(load.mel), config.group_size, num_groups, device=load.mel.device)
    return network.infer(load.mel, config.sigma * noise)


def _build_source_filter(recipe: SourceFilterRecipe, num_symbols: int) -> SourceFilterVocoder:
    return SourceFilterVocoder(recipe.model, mel_filterbank(recipe.features.mel))


def _speak_source_filter(network: SourceFilterVocoder, config: SourceFilterConfig, load: Load) -> Tensor:
    """Make the pulses as well, which is work of a CPU."""
    pitch_hz = network.pitch(load.mel)
    excitation = make_excitations(pitch_hz.cpu().numpy(), load.mel_config, seed=0)
    waveform: Tensor = network(load.mel, pitch_hz, torch.from_numpy(excitation).to(load.mel.device))
    return waveform


INFERENCES: dict[str, Inference] = {
    "fastpitch": Inference(_build_fastpitch, _speak_fastpitch),
    "tacotron2": Inference(
        _build_tacotron2, _speak_tacotron2, lambda config, load: {"decoder steps": _num_steps(config, load)}
    ),
    "hifigan": Inference(_build_hifigan, _speak_hifigan),
    "waveglow": Inference(_build_waveglow, _speak_waveglow),
    "source_filter": Inference(_build_source_filter, _speak_source_filter),
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
        with torch.inference_mode(), choose_precision(device, recipe.run.precision):
            inference.speak(network, recipe.model, load)

    num_frames = batch * load.num_frames
    work = Work(
        model=recipe.name,
        stage="acoustic" if isinstance(recipe, AcousticRecipe) else "vocoder",
        words=num_words(sentence),
        batch=batch,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        audio_s=num_frames * recipe.features.mel.hop_length / recipe.features.mel.sample_rate,
        counts={**count_output(recipe, num_frames), **inference.count(recipe.model, load)},
    )
    return Case(work, run)


def count_output(recipe: Recipe, num_frames: int) -> dict[str, float]:
    """Return what frames of sound are counted in: an acoustic model makes frames, a vocoder samples."""
    if isinstance(recipe, AcousticRecipe):
        return {"frames": num_frames}
    return {"samples": num_frames * recipe.features.mel.hop_length}


def _load(recipe: Recipe, ids: Sequence[int], batch: int, device: torch.device) -> Load:
    symbols = torch.tensor(ids, device=device).repeat(batch, 1)
    lengths = torch.full((batch,), len(ids), device=device)
    mel = torch.randn(batch, recipe.features.mel.n_mels, len(ids) * FRAMES_PER_SYMBOL, device=device)
    return Load(symbols, lengths, torch.zeros_like(lengths), mel, recipe.features.mel)
