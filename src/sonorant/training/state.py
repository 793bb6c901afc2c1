"""All that a run is at one step, as plain data and tensors."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

import sonorant
from sonorant.config import Recipe, dump_recipe, parse_recipe
from sonorant.errors import RequestError
from sonorant.features.store import FeatureStore
from sonorant.training.checkpoint import FORMAT_VERSION, Best
from sonorant.training.ema import Ema
from sonorant.training.task import Task

CHANGEABLE = frozenset(
    {
        "description",
        "batch.num_workers",
        "run.steps",
        "run.log_every",
        "run.validate_every",
        "run.checkpoint_every",
        "run.sample_every",
        "run.keep_last",
        "run.threads",
        "run.stop_metric",
        "run.stop_patience",
    }
)
"""Settings that may differ when a run is resumed: they decide how long it goes on and what is written, no update."""


@dataclass
class Position:
    """Where a run stands, and where it came from.

    Attributes:
        step: Optimiser steps done.
        epoch: That of the last one.
        validation: What the last validation has found.
        best: The best validation.
        started_from: The model that a fine-tuning began with, by its name, and what is known of it.
    """

    step: int = 0
    epoch: int = 0
    validation: dict[str, float] | None = None
    best: Best | None = None
    started_from: dict[str, Any] | None = None


def capture(
    task: Task[Any], ema: Ema | None, position: Position, recipe: Recipe, store: FeatureStore
) -> dict[str, Any]:
    """Return everything that going on from this step needs.

    No random generator is among it: each micro-batch draws from one of its own (see `Task.micro_batches`).
    """
    return {
        "format": FORMAT_VERSION,
        **asdict(position),
        "trained": task.trained,
        "networks": {name: network.state_dict() for name, network in task.networks.items()},
        "optimizers": {name: updater.optimizer.state_dict() for name, updater in task.updaters.items()},
        "scaler": task.scaler.state_dict(),
        "ema": {"weights": ema.network.state_dict(), "updates": ema.updates} if ema else None,
        "recipe": dump_recipe(recipe),
        "store": _describe(store),
        "versions": versions(),
    }


def restore(state: Mapping[str, Any], task: Task[Any], ema: Ema | None) -> Position:
    """Put a run back to where `capture` found it, and return its position."""
    for name, network in task.networks.items():
        network.load_state_dict(state["networks"][name])
        task.updaters[name].load_state_dict(state["optimizers"][name])
    task.scaler.load_state_dict(state.get("scaler", {}))  # older checkpoints know no fp16
    if ema is not None:
        ema.network.load_state_dict(state["ema"]["weights"])
        ema.updates = state["ema"]["updates"]
    best = Best(**state["best"]) if state["best"] else None
    return Position(state["step"], state["epoch"], state["validation"], best, state.get("started_from"))


def refuse_changes(state: Mapping[str, Any], recipe: Recipe, store: FeatureStore, where: str) -> None:
    """Refuse to go on with another recipe or other data than those of the checkpoint.

    Raises:
        RequestError: They differ; the message names every setting with both values.
    """
    saved = parse_recipe(state["recipe"], where)  # settings that are newer than the checkpoint get their defaults
    before, now = _flatten(dump_recipe(saved)), _flatten(dump_recipe(recipe))
    names = [name for name in {**before, **now} if name not in CHANGEABLE and before.get(name) != now.get(name)]
    if names:
        problems = "\n".join(f"  {name}: {before.get(name)!r} then, {now.get(name)!r} now" for name in names)
        raise RequestError(f"{where}: the recipe is not the one of the run to resume; start another run\n{problems}")
    if state["store"]["signature"] != store.signature():
        raise RequestError(
            f"{where}: the features are not those of the run to resume, signature {store.signature()} instead of "
            f"{state['store']['signature']}; resume with the same features, or start another run"
        )


def versions() -> dict[str, str]:
    """Return what computed: this package, torch, Python."""
    return {"sonorant": sonorant.__version__, "torch": str(torch.__version__), "python": platform.python_version()}


def tensor_bytes(tree: object) -> int:
    """Return how much memory the tensors of nested mappings and sequences take.

    Example:
        >>> tensor_bytes({"a": torch.zeros(10), "b": [torch.zeros(5, dtype=torch.int64), "text"]})
        80
    """
    if isinstance(tree, torch.Tensor):
        return tree.numel() * tree.element_size()
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    return sum(map(tensor_bytes, tree)) if isinstance(tree, list | tuple) else 0


def _describe(store: FeatureStore) -> dict[str, Any]:
    return {
        "signature": store.signature(),
        "features": store.config.model_dump(mode="json"),
        "speakers": list(store.speakers),
        "pitch": [[statistics.mean_hz, statistics.std_hz] for statistics in store.pitch],
    }


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return `{"a": {"b": 1}}` as `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
