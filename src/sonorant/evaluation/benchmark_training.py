"""Benchmarks of a recipe's training step on generated features; the network learns nothing from them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from sonorant.config import AcousticRecipe, FastPitchRecipe, FeatureConfig, HifiganRecipe, Recipe, VocoderRecipe
from sonorant.evaluation.benchmark import Case, Work
from sonorant.evaluation.benchmark_networks import FRAMES_PER_SYMBOL, count_output
from sonorant.features.batch import AcousticBatch, VocoderBatch
from sonorant.features.store import INDEX, MANIFEST, FeatureIndex, FeatureStore, PitchStatistics
from sonorant.text import symbol_table
from sonorant.training.processes import Processes
from sonorant.training.run import make_task

NUM_SYMBOLS = 84
"""Symbols of a training utterance: the mean of LJ Speech. Buckets keep a batch's rows of about one length."""


def training_cases(
    recipe: Recipe, device: torch.device, batches: Sequence[int]
) -> Iterator[Callable[[], Case]]:
    """Yield what prepares each case: one optimiser step over a micro-batch of each size, all loss terms at work."""
    for batch in batches:
        yield partial(_case, recipe, device, batch)


def _case(recipe: Recipe, device: torch.device, batch: int) -> Case:
    torch.manual_seed(recipe.run.seed)
    task = make_task(recipe, _empty_store(recipe.features), Processes(device=device))
    generated = (
        _acoustic_batch(recipe, batch) if isinstance(recipe, AcousticRecipe) else _vocoder_batch(recipe, batch)
    ).to(device)
    step = _step_of_all_losses(recipe)
    mel = recipe.features.mel
    num_frames = task.num_frames(generated)
    work = Work(
        model=recipe.name,
        stage="training step",
        words=None,
        batch=batch,
        parameters=sum(weight.numel() for network in task.networks.values() for weight in network.parameters()),
        audio_s=num_frames * mel.hop_length / mel.sample_rate,
        counts=count_output(recipe, num_frames),
    )
    # With a learning rate of 0 every repeat finds the same network: noise cannot make it diverge.
    return Case(work, lambda: task.step([generated], step, 0.0))


def _empty_store(config: FeatureConfig) -> FeatureStore:
    """Return a store without utterances: it tells a task the mel, the symbols and the one speaker."""
    nothing = hashlib.sha256(b"").hexdigest()
    index = FeatureIndex(config, ("speaker",), (PitchStatistics(200.0, 40.0),), False, None, nothing)
    with TemporaryDirectory() as folder:
        (Path(folder) / MANIFEST).write_bytes(b"")
        (Path(folder) / INDEX).write_text(json.dumps(index.to_json()), encoding="utf-8")
        return FeatureStore(Path(folder))


def _acoustic_batch(recipe: AcousticRecipe, batch: int) -> AcousticBatch:
    num_frames = NUM_SYMBOLS * FRAMES_PER_SYMBOL
    table = symbol_table(recipe.features.frontend.symbols)
    return AcousticBatch(
        symbols=torch.randint(1, len(table), (batch, NUM_SYMBOLS)),
        symbol_lengths=torch.full((batch,), NUM_SYMBOLS),
        mel=torch.randn(batch, recipe.features.mel.n_mels, num_frames),
        mel_lengths=torch.full((batch,), num_frames),
        pitch=torch.randn(batch, num_frames),
        voiced=torch.ones(batch, num_frames, dtype=torch.bool),
        energy=torch.rand(batch, num_frames),
        speaker_ids=torch.zeros(batch, dtype=torch.long),
        utterance_ids=tuple(map(str, range(batch))),
    )


def _vocoder_batch(recipe: VocoderRecipe, batch: int) -> VocoderBatch:
    mel, num_frames = recipe.features.mel, recipe.segment_frames
    return VocoderBatch(
        mel=torch.randn(batch, mel.n_mels, num_frames),
        waveform=0.1 * torch.randn(batch, num_frames * mel.hop_length),
        utterance_ids=tuple(map(str, range(batch))),
    )


def _step_of_all_losses(recipe: Recipe) -> int:
    """Return a step of the run at which every loss term has its weight."""
    if isinstance(recipe, HifiganRecipe):
        return recipe.loss.adversarial_start + recipe.loss.discriminators_alone
    if isinstance(recipe, FastPitchRecipe):
        return recipe.loss.binarization_start + recipe.loss.binarization_warmup
    return 0
