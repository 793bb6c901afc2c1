"""What `fit` asks of a model's training."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from sonorant.config import Recipe
from sonorant.features.batch import AcousticBatch, VocoderBatch
from sonorant.features.order import draw
from sonorant.features.store import FeatureStore
from sonorant.models.precision import autocast
from sonorant.training.alarms import Alarm
from sonorant.training.early_stop import Better
from sonorant.training.guard import Guard
from sonorant.training.processes import Processes
from sonorant.training.samples import Samples
from sonorant.training.updater import Updater

BatchT = TypeVar("BatchT", AcousticBatch, VocoderBatch)

EVALUATION_SEED = 0
"""A network is measured with the same random numbers in every validation of every run."""

NUM_SAMPLES = 3
"""Validation utterances to look at and to listen to."""


class Task(ABC, Generic[BatchT]):
    """The training of one kind of model: networks, losses, validation and samples.

    The bookkeeping (order of data, checkpoints, schedules, logs) is `fit`'s and the same for all.

    Attributes:
        networks: Name -> network; all that is learned. One updater per network, under the same name.
        trained: Name of the network that a voice is made of; the average is kept of this one.
        best_metric: The validation metric whose lowest value makes a checkpoint the best.
        validation_metrics: Name of each metric that a validation may report -> which values are better.
        alarms: What a run is watched for besides what all are.
        guard: Keeps what is not finite out of the networks.
    """

    trained: ClassVar[str]
    best_metric: ClassVar[str]
    validation_metrics: ClassVar[Mapping[str, Better]]
    alarms: tuple[Alarm, ...] = ()
    networks: dict[str, nn.Module]
    updaters: dict[str, Updater]

    def __init__(
        self, recipe: Recipe, store: FeatureStore, processes: Processes, networks: dict[str, nn.Module]
    ) -> None:
        self.store = store
        self.processes = processes
        self.device = processes.device
        self.guard = Guard(self.device)
        self.scaler = GradScaler(self.device.type, enabled=recipe.run.precision == "fp16")
        self.networks = {name: network.to(self.device) for name, network in networks.items()}
        for network in self.networks.values():
            processes.broadcast(network)
        self.updaters = {
            name: Updater(name, network, recipe.optimizer, processes, self.scaler, self.guard)
            for name, network in self.networks.items()
        }
        self._settings = recipe.run

    def step(self, batches: Sequence[BatchT], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Take one optimiser step over this process's micro-batches of a global batch.

        Returns:
            Losses and gradient norms of the whole global batch, and under fp16 the share of skipped steps. If one is
            NaN or infinite nothing is updated from there on, and `guard.check` tells.
        """
        self.guard.begin(step)
        values = self.train_step(batches, step, learning_rate_factor)
        self.scaler.update()
        if self.scaler.is_enabled():
            values["skipped"] = 1.0 - torch.isfinite(values["gradient norm"]).float()
        return values

    @abstractmethod
    def train_step(self, batches: Sequence[BatchT], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Do what `step` promises: add up gradients with `backward` and hand them to the updaters.

        Losses are sums over the global batch divided by counts over the global batch, so that the gradient does not
        depend on how the batch is split into micro-batches and over processes.
        """

    @abstractmethod
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measure a network (the trained one or its average) on the validation split.

        It runs in float32, as a voice does, and draws none of the run's random numbers.
        """

    @abstractmethod
    def samples(self, network: nn.Module) -> Samples:
        """Return pictures and audio of fixed validation utterances."""

    @abstractmethod
    def num_frames(self, batch: BatchT) -> int:
        """Return how many mel frames of sound a batch holds, padding not counted."""

    def micro_batches(self, batches: Sequence[BatchT], step: int) -> Iterator[BatchT]:
        """Yield micro-batches on the device, each with random numbers of its own.

        What is drawn while one is computed, as by dropout, depends on the run's seed, the step and the micro-batch's
        place in the global batch, not on the process that computes it.
        """
        for index, batch in enumerate(batches):
            place = self.processes.rank + index * self.processes.count
            torch.manual_seed(draw(self._settings.seed, step, "micro-batch", str(place)))
            yield batch.to(self.device)

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass, in the recipe's precision; losses stay outside of it."""
        return autocast(self.device, self._settings.precision)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a micro-batch's part of the loss."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Switch a network to evaluation, and back to what it was.

    What is drawn meanwhile, as by a dropout that is never off, comes from `EVALUATION_SEED` and not from the run's
    generators.
    """
    training, device = network.training, next(network.parameters()).device
    network.eval()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(EVALUATION_SEED)
            yield
    finally:
        network.train(training)
