"""One training run: what `fit` moves forward step by step."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from sonorant.config import FastPitchRecipe, Recipe, SourceFilterRecipe, Tacotron2Recipe, WaveglowRecipe, dump_recipe
from sonorant.errors import RequestError, TrainingDiverged
from sonorant.features.loader import micro_batches
from sonorant.features.store import FeatureStore
from sonorant.files import remove_partial, write_file
from sonorant.training.adversarial_fastpitch_task import AdversarialFastPitchTask
from sonorant.training.checkpoint import Best, CheckpointFolder
from sonorant.training.ema import Ema
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.guard import NonFinite
from sonorant.training.hardware import processor_name
from sonorant.training.hifigan_task import HifiganTask
from sonorant.training.processes import Processes
from sonorant.training.schedule import learning_rate_factor
from sonorant.training.source_filter_task import SourceFilterTask
from sonorant.training.state import Position, capture, refuse_changes, restore, tensor_bytes, versions
from sonorant.training.tacotron2_task import Tacotron2Task
from sonorant.training.task import Task
from sonorant.training.waveglow_task import WaveglowTask

SMALLEST_SCALE = 2.0**-10
"""A loss that has to be scaled down further than this to have finite gradients in fp16 has none worth having."""


class Run:
    """A task, the average of its network, its position in the data, and the folder where it is kept."""

    def __init__(self, recipe: Recipe, store: FeatureStore, folder: Path, processes: Processes) -> None:
        self.recipe = recipe
        self.store = store
        self.checkpoints = CheckpointFolder(folder, recipe.run.keep_last)
        self.processes = processes
        torch.manual_seed(recipe.run.seed)
        self.task = make_task(recipe, store, processes)
        decay = recipe.run.ema_decay
        self.ema = Ema(self.task.networks[self.task.trained], decay) if decay is not None else None
        self.position = Position()
        self.steps_per_epoch = len(store.split("train")) // recipe.batch.global_batch
        self._saved_step = 0

    @property
    def network(self) -> nn.Module:
        """What is validated, listened to and shipped: the average where the run keeps one."""
        return self.ema.network if self.ema else self.task.networks[self.task.trained]

    @property
    def learning_rate_factor(self) -> float:
        """The schedule's value for the step to come."""
        step, last = self.position.step, self.recipe.run.steps
        return learning_rate_factor(self.recipe.schedule, step, self.steps_per_epoch, last)

    def start(self) -> None:
        """Claim the folder for a new run; the first process does.

        Raises:
            RequestError: It holds a run already, or cannot be written; or parts would stay as they are by chance.
        """
        if isinstance(self.recipe, FastPitchRecipe) and self.recipe.trainable is not None:
            raise RequestError(f"trainable: recipe {self.recipe.name} is for trained models; see sonorant finetune")
        if self.processes.first:
            self.checkpoints.refuse_used()
            remove_partial(self.checkpoints.run)
            self._describe(self._this_start())

    def start_from(self, origin: dict[str, Any]) -> None:
        """Save the networks as they are now as step 0, for `resume` to go on with; `origin` says whose weights it has.

        Raises:
            RequestError: The folder holds a run already, or cannot be written.
        """
        self.checkpoints.refuse_used()
        remove_partial(self.checkpoints.run)
        self.position.started_from = origin
        self._describe()
        state = capture(self.task, self.ema, self.position, self.recipe, self.store)
        self.checkpoints.save(state, self.position.step, None)  # behind the recipe, without which it cannot be resumed

    def resume(self, tell: Callable[[str], None]) -> None:
        """Go back to the newest whole checkpoint; `tell` is given what was damaged.

        Raises:
            RequestError: There is none, or the recipe or the features differ from its own.
        """
        state = self.checkpoints.load_newest(tell)
        refuse_changes(state, self.recipe, self.store, str(self.checkpoints.run))
        self.position = restore(state, self.task, self.ema)
        self._saved_step = self.position.step
        if self.processes.first:
            remove_partial(self.checkpoints.run)
            self.checkpoints.settle(self.position.step, self.position.best)
            self._describe(self._this_start())

    def batches(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the epoch and this process's micro-batches of every step to come."""
        train, device = self.store.split("train"), self.processes.device
        place = self.processes.rank, self.processes.count
        return micro_batches(self.store, train, self.recipe, self.position.step, *place, pin=device.type == "cuda")

    def advance(self, epoch: int, batches: Sequence[Any]) -> dict[str, Tensor]:
        """Take one optimiser step and return its losses; nothing waits for the device, see `check`."""
        step = self.position.step
        losses = self.task.step(batches, step, self.learning_rate_factor)
        if self.ema is not None:
            self.ema.update(self.task.networks[self.task.trained])
        self.position.step, self.position.epoch = step + 1, epoch
        return losses

    def check(self) -> None:
        """Wait for the device, and look whether all steps since the last check had finite numbers.

        Raises:
            TrainingDiverged: One had not, and from it on nothing was updated.
        """
        try:
            self.task.guard.check()
        except NonFinite as error:
            raise TrainingDiverged(self._diverged(error.step + 1, error.quantity)) from None

    def is_due(self, every: int) -> bool:
        """Say whether something is to be done behind the last step that is done every so many steps and at the end."""
        return self.position.step % every == 0 or self.position.step == self.recipe.run.steps

    def loss_scale(self) -> dict[str, float]:
        """Return the present scale of the losses under fp16, and nothing in other precisions.

        Raises:
            TrainingDiverged: It has fallen so far that no gradient can be finite.
        """
        if not self.task.scaler.is_enabled():
            return {}
        scale = self.task.scaler.get_scale()
        if scale < SMALLEST_SCALE:
            overflow = f"gradients overflow fp16 even with the loss scaled by {scale:.2g}"
            raise TrainingDiverged(self._diverged(self.position.step + 1, overflow))
        return {"loss scale": scale}

    def validate(self) -> tuple[dict[str, float], bool]:
        """Measure the network, and say whether it is better than ever before.

        Raises:
            TrainingDiverged: What decides this is not finite.
        """
        values = self.task.validate(self.network)
        metric, best = self.task.best_metric, self.position.best
        if not isfinite(values[metric]):
            found = f"step {self.position.step}: {metric} = {values[metric]} in validation"
            raise TrainingDiverged(f"{found}; the last checkpoint is {self._last_kept()}")
        improved = best is None or values[metric] < best.value
        if improved:
            self.position.best = Best(self.position.step, metric, values[metric])
        self.position.validation = values
        return values, improved

    def save(self) -> Path | None:
        """Write a checkpoint and return where it is, or None if this step has one or another process writes it.

        Raises:
            RequestError: It cannot be written.
            TrainingDiverged: A step since the last check had numbers that are not finite.
        """
        self.check()
        if self._saved_step == self.position.step or not self.processes.first:
            return None
        state = capture(self.task, self.ema, self.position, self.recipe, self.store)
        path = self.checkpoints.save(state, self.position.step, self.position.best)
        self._saved_step = self.position.step
        return path

    def checkpoint_bytes(self) -> int:
        """Return about how large a checkpoint is."""
        return tensor_bytes(capture(self.task, self.ema, self.position, self.recipe, self.store))

    def _diverged(self, step: int, quantity: str) -> str:
        return (
            f"step {step}: {quantity}; the update was not applied. The last good checkpoint is {self._last_kept()}. "
            "Lower optimizer.learning_rate or optimizer.clip_norm, or lengthen schedule.warmup_steps"
        )

    def _last_kept(self) -> str:
        return str(self.checkpoints.path(self._saved_step)) if self._saved_step else "none yet"

    def _this_start(self) -> dict[str, Any]:
        return {"step": self.position.step, "date": _now(), **versions(), **_hardware(self.processes)}

    def _describe(self, *starts: dict[str, Any]) -> None:
        """Write run.json, with another start if there is one, and the resolved recipe, which `resume` reads."""
        folder = self.checkpoints.run
        log = folder / "run.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            before = json.loads(log.read_text())["starts"] if log.is_file() else []
        except (OSError, ValueError, KeyError) as error:
            raise RequestError(f"{folder}: cannot hold a run: {error}; choose another folder") from None
        origin = {"started_from": self.position.started_from} if self.position.started_from else {}
        described: dict[str, Any] = {"features": self.store.signature(), **origin, "starts": [*before, *starts]}
        write_file(log, lambda file: file.write((json.dumps(described, indent=2) + "\n").encode()))
        resolved = yaml.safe_dump(dump_recipe(self.recipe), sort_keys=False)
        write_file(folder / "recipe.yaml", lambda file: file.write(resolved.encode()))


def make_task(recipe: Recipe, store: FeatureStore, processes: Processes) -> Task[Any]:
    """Return the task that a recipe names."""
    if isinstance(recipe, FastPitchRecipe) and recipe.discriminators:
        return AdversarialFastPitchTask(recipe, store, processes)
    if isinstance(recipe, FastPitchRecipe):
        return FastPitchTask(recipe, store, processes)
    if isinstance(recipe, Tacotron2Recipe):
        return Tacotron2Task(recipe, store, processes)
    if isinstance(recipe, WaveglowRecipe):
        return WaveglowTask(recipe, store, processes)
    if isinstance(recipe, SourceFilterRecipe):
        return SourceFilterTask(recipe, store, processes)
    return HifiganTask(recipe, store, processes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _hardware(processes: Processes) -> dict[str, Any]:
    device = processes.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return {
        "device": device.type,
        "processor": name,
        "processes": processes.count,
        "threads": torch.get_num_threads(),
    }
