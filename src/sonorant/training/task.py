"""What `fit` asks of a model's training."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonorant.training.alarms import Alarm
from sonorant.training.updater import Updater

BatchT = TypeVar("BatchT")

EVALUATION_SEED = 0
"""A network is measured with the same random numbers in every validation of every run."""


@dataclass(frozen=True)
class Samples:
    """What a person looks at and listens to during a run.

    Attributes:
        audio: Name -> waveform (N,) in [-1, 1].
        pictures: Name -> picture (height, width, 3) of bytes.
    """

    audio: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


class Task(ABC, Generic[BatchT]):
    """The training of one kind of model: networks, losses, validation and samples.

    The bookkeeping (order of data, checkpoints, schedules, logs) is `fit`'s and the same for all.

    Attributes:
        networks: Name -> network; all that is learned. One updater per network, under the same name.
        trained: Name of the network that a voice is made of; the average is kept of this one.
        best_metric: The validation metric whose lowest value makes a checkpoint the best.
        alarms: What validations are watched for.
    """

    trained: ClassVar[str]
    best_metric: ClassVar[str]
    alarms: ClassVar[tuple[Alarm, ...]] = ()
    networks: dict[str, nn.Module]
    updaters: dict[str, Updater]

    @abstractmethod
    def train_step(self, batches: Sequence[BatchT], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Take one optimiser step over the micro-batches of a global batch, and return its losses and gradient norms.

        Losses are sums over the global batch divided by counts over the global batch, so that the gradient does not
        depend on how the batch is split.

        Raises:
            NonFinite: A loss or a gradient norm is NaN or infinite; the network that it belongs to is as it was.
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


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of a forward pass: bfloat16 where the recipe says so; losses stay outside of it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


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
