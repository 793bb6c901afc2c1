"""The benchmark of a training: steps of the loop itself, with its reading of data, by the clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from sonorant.config import FastPitchRecipe, Recipe, VocoderRecipe
from sonorant.config.recipe import HifiganLoss
from sonorant.evaluation.benchmark import WARMUPS, Instruments
from sonorant.evaluation.benchmark_machine import describe_cpu, versions
from sonorant.evaluation.benchmark_networks import FRAMES_PER_SYMBOL, count_output
from sonorant.evaluation.benchmark_torch import describe_gpu, make_instruments, open_device, torch_product
from sonorant.evaluation.benchmark_training_report import TrainingFigures, TrainingReport
from sonorant.features.store import UTTERANCES, Entry, FeatureIndex, Features, PitchStatistics
from sonorant.features.writing import file_of, finish_store, write_features
from sonorant.text import symbol_table
from sonorant.training.data import TimedIterator, open_store
from sonorant.training.fit import take_step
from sonorant.training.monitor import Meter
from sonorant.training.processes import Processes
from sonorant.training.run import Run

NUM_SYMBOLS = 84
"""Symbols of a generated utterance: the mean of LJ Speech."""

LEARNING_RATE = 1e-12
"""So little that every step finds the same network: noise cannot make it diverge."""


def bench_training(
    recipe: Recipe, features: Path | None, device_name: str, steps: int, progress: Callable[[int, int], object]
) -> TrainingReport:
    """Measure steps of a recipe's training on features, or on generated ones; nothing is kept of it.

    Raises:
        CorpusError: The features are missing or do not fit the recipe.
        RequestError: The device cannot be used.
    """
    device = open_device(device_name, recipe.run.threads or torch.get_num_threads())
    still = recipe.optimizer.model_copy(update={"learning_rate": LEARNING_RATE})
    with _features_of(recipe, features) as folder:
        instruments, product = make_instruments(device), torch_product(device, recipe.run.precision)
        run = Run(recipe.model_copy(update={"optimizer": still}), open_store(folder, recipe), folder,
                  Processes(device=device))  # fmt: skip
        figures = measure_training(run, instruments, steps, lambda done: progress(done, steps))
        again = torch_product(device, recipe.run.precision)  # others may have been in the first one's way
    return TrainingReport(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine={**describe_cpu(), **describe_gpu(device)},
        versions=versions(),
        settings={
            "recipe": recipe.name, "features": str(features) if features else "generated", "device": device_name,
            "threads": torch.get_num_threads(), "precision": recipe.run.precision,
            "global_batch": recipe.batch.global_batch, "micro_batch": recipe.batch.micro_batch,
            **({"compile": recipe.compile} if isinstance(recipe, VocoderRecipe) else {}),
        },
        matrix_product=max(product, again, key=lambda each: each["gflop_per_s"]),
        figures=figures,
    )  # fmt: skip


def measure_training(run: Run, instruments: Instruments, steps: int, tick: Callable[[int], object]) -> TrainingFigures:
    """Take `WARMUPS` steps unseen, then `steps` by the clock, then those again to count their operations.

    The run begins at the step from which on all loss terms are at work.
    """
    first = _step_of_all_losses(run.recipe)
    run.position.step = first
    data = TimedIterator(run.batches())
    for _ in range(WARMUPS):
        take_step(run, data, Meter(run.processes))
    run.check()
    instruments.forget_peak()
    start_s, meter, num_frames = instruments.processor_now(), Meter(run.processes), 0
    for done in range(1, steps + 1):
        num_frames += take_step(run, data, meter)
        tick(done)
    run.check()
    values, processor_s, peak_bytes = meter.report(), instruments.processor_now() - start_s, instruments.peak_bytes()
    run.position.step = first + WARMUPS
    return TrainingFigures(
        parameters=sum(weight.numel() for network in run.task.networks.values() for weight in network.parameters()),
        steps=steps,
        seconds=values["seconds/step"] * steps,
        processor_s=processor_s,
        waiting=values["waiting for data"],
        peak_bytes=peak_bytes,
        counts={"frames": num_frames, **count_output(run.recipe, num_frames)},
        flop=count_operations(run, steps),
    )


def count_operations(run: Run, steps: int) -> int:
    """Take the next steps of a run, and count the operations of their products and convolutions, forward and backward.

    A multiplication and an addition are two.
    """
    with FlopCounterMode(display=False) as counter:
        for epoch, batches in islice(run.batches(), steps):
            run.advance(epoch, batches)
    total: int = counter.get_total_flops()
    return total


@contextmanager
def _features_of(recipe: Recipe, features: Path | None) -> Iterator[Path]:
    if features is not None:
        yield features
        return
    with TemporaryDirectory() as folder:
        yield write_generated(recipe, Path(folder))


def write_generated(recipe: Recipe, folder: Path) -> Path:
    """Write features of noise for one global batch and a validation: utterances of one length, all the same."""
    random, mel = np.random.default_rng(0), recipe.features.mel
    num_frames = NUM_SYMBOLS * FRAMES_PER_SYMBOL
    if isinstance(recipe, VocoderRecipe):
        num_frames = max(num_frames, recipe.segment_frames)
    features = Features(
        mel=random.standard_normal((mel.n_mels, num_frames), np.float32),
        pitch_hz=random.uniform(100, 300, num_frames).astype(np.float32),
        energy=random.uniform(0, 1, num_frames).astype(np.float32),
        ids=random.integers(1, len(symbol_table(recipe.features.frontend.symbols)), NUM_SYMBOLS).astype(np.int32),
        waveform=random.integers(-3000, 3000, num_frames * mel.hop_length).astype(np.int16),
    )
    file = file_of("noise", "0")
    (folder / UTTERANCES).mkdir(parents=True)
    write_features(folder / file, features)
    size = NUM_SYMBOLS, num_frames
    finish_store(
        folder,
        FeatureIndex(recipe.features, ("speaker",), (PitchStatistics(200.0, 60.0),), False, None),
        [
            Entry(str(number), file, "train" if number else "validation", 0, "", *size, key="0")
            for number in range(recipe.batch.global_batch + 1)
        ],
    )
    return folder


def _step_of_all_losses(recipe: Recipe) -> int:
    """Return a step of the run at which every loss term has its weight."""
    if isinstance(recipe, FastPitchRecipe):
        binarised = recipe.loss.binarization_start + recipe.loss.binarization_warmup
        return max(binarised, recipe.loss.adversarial_start) if recipe.discriminators else binarised
    if isinstance(recipe.loss, HifiganLoss):
        return recipe.loss.adversarial_start + recipe.loss.discriminators_alone
    return 0
