"""What one process of several does for the tests of test_processes.py; started with RANK and the like set.

    python -m tests.training.several STORE OUT [PORT ...]

It saves the gradients of one step of each model; given a port for each, it also trains them for ten steps.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tests.training.models import ADVERSARIAL, MODELS
from torch import Tensor

from sonorant.config import Recipe, load_recipe
from sonorant.features.loader import micro_batches
from sonorant.features.store import FeatureStore
from sonorant.training.fit import fit
from sonorant.training.processes import Processes, joined
from sonorant.training.run import make_task

GLOBAL_BATCH = 8


@dataclass(frozen=True)
class Watching(Processes):
    """Keeps the gradients as they are when all processes have added theirs."""

    seen: list[Tensor] = field(default_factory=list)

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        parameters = list(parameters)
        super().sum_gradients(parameters)
        self.seen.append(torch.cat([p.grad.flatten().clone() for p in parameters if p.grad is not None]))


@dataclass(frozen=True)
class Forgetful(Watching):
    """Takes what this process counts for the count of all, which makes each process's mean of its own."""

    def sum_counts(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {name: count * self.count for name, count in counts.items()}


def recipe_of(model: str, *overrides: str) -> Recipe:
    batch = f"batch.global_batch={GLOBAL_BATCH}", "batch.micro_batch=1"
    # Two networks that learn from each other multiply rounding errors: small steps keep them small.
    gan = ("loss.adversarial_start=0", "optimizer.learning_rate=1e-5") if model in ADVERSARIAL else ()
    return load_recipe(f"tiny_{model}", [*batch, *gan, *overrides])


def gradients(recipe: Recipe, store: FeatureStore, processes: Watching) -> list[Tensor]:
    """Return the gradients of the first step: one vector per network, in the order of their updates."""
    torch.manual_seed(0)
    task = make_task(recipe, store, processes)
    train: Any = store.split("train")
    _, batches = next(micro_batches(store, train, recipe, 0, processes.rank, processes.count))
    task.step(batches, 0, 1.0)
    return processes.seen


def main(store_path: Path, out: Path, *ports: str) -> None:
    torch.set_num_threads(1)
    store = FeatureStore(store_path)
    with joined() as processes:
        place = processes.rank, processes.count
        found = {model: gradients(recipe_of(model), store, Watching(*place)) for model in MODELS}
        found["forgetful"] = gradients(recipe_of("fastpitch"), store, Forgetful(*place))
        if processes.first:
            torch.save(found, out / "gradients.pt")
    for model, port in zip(MODELS, ports, strict=bool(ports)):
        os.environ["MASTER_PORT"] = port  # whoever is done first must not meet those of the run before
        run = "run.steps=10", "run.log_every=1", "run.validate_every=10", "run.sample_every=10"
        fit(recipe_of(model, *run), store_path, out / model, progress=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
