"""Checkpoint files: written whole or not at all, the last few and the best kept, read without running any code.

A run folder holds `step_00001000.pt` and so on, and `best.json` that names the best of them.
"""

import json
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from sonorant.config import AcousticRecipe, FeatureConfig, parse_recipe
from sonorant.errors import RequestError, VoiceError
from sonorant.files import is_partial, write_file
from sonorant.text.symbols import symbol_table
from sonorant.voice.trained import TrainedModel, load_trained_file

FORMAT_VERSION = 1
_NAME = re.compile(r"step_(\d{8})\.pt")


@dataclass(frozen=True)
class Best:
    """The validation with the lowest value of a task's metric so far."""

    step: int
    metric: str
    value: float


class CheckpointFolder:
    """The checkpoints of one run."""

    def __init__(self, run: Path, keep_last: int = 1) -> None:
        self.run = run
        self.keep_last = keep_last

    def path(self, step: int) -> Path:
        """Return where the checkpoint of a step lies."""
        return self.run / f"step_{step:08d}.pt"

    def steps(self) -> list[int]:
        """Return the steps of the checkpoints that are there, oldest first."""
        names = (_NAME.fullmatch(path.name) for path in self.run.glob("step_*.pt"))
        return sorted(int(name[1]) for name in names if name)

    def save(self, state: dict[str, Any], step: int, best: Best | None) -> Path:
        """Write a checkpoint, note the best one, then remove what is neither among the last nor the best.

        Raises:
            RequestError: It cannot be written; the checkpoints that were there are untouched.
        """
        path = self.path(step)
        write_file(path, lambda file: _save(state, file))
        self.settle(step, best)
        return path

    def settle(self, step: int, best: Best | None) -> None:
        """Note the best checkpoint, then remove those before a step that are neither among the last nor the best.

        A run that goes on does this, too: the process before it may have been killed between the two.

        Raises:
            RequestError: The note cannot be written.
        """
        if best is not None:
            write_file(self.run / "best.json", lambda file: file.write(json.dumps(asdict(best)).encode()))
        before = [old for old in self.steps() if old <= step]
        kept = {*before[-self.keep_last :], step, best.step if best else step}
        for old in set(before) - kept:
            self.path(old).unlink(missing_ok=True)

    def refuse_used(self) -> None:
        """Refuse to begin a run in a folder that holds one, or other things.

        Raises:
            RequestError: It does.
        """
        if self.steps():
            raise RequestError(f"{self.run}: holds checkpoints of another run; resume it, or choose another folder")
        others = self.run.is_dir() and not all(map(is_partial, self.run.iterdir()))
        if others and not (self.run / "run.json").is_file():
            raise RequestError(f"{self.run}: holds other things than a run; choose a new folder")

    def load_newest(self, tell: Callable[[str], None]) -> dict[str, Any]:
        """Read the newest checkpoint that is whole; each damaged one is told and passed over.

        Raises:
            RequestError: There is none to resume from.
        """
        for step in reversed(self.steps()):
            try:
                return read_checkpoint(self.path(step))
            except VoiceError as error:
                tell(f"{error}; going back to the checkpoint before")
        raise RequestError(f"{self.run}: no checkpoint to resume from; train without resume to start a run here")

    def chosen(self) -> Path:
        """Return the best checkpoint, or the newest of a run that has not been validated yet.

        Raises:
            VoiceError: The folder holds no checkpoint.
        """
        steps = self.steps()
        if not steps:
            raise VoiceError(f"{self.run}: holds no checkpoint step_XXXXXXXX.pt; train a model there first")
        best = self._best_step()
        return self.path(best if best in steps else steps[-1])

    def _best_step(self) -> int | None:
        try:
            return int(json.loads((self.run / "best.json").read_text())["step"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _save(state: dict[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(state, file)
    except RuntimeError as error:  # what torch's writer makes of a full disk
        raise OSError(" ".join(str(error).split())) from None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read one checkpoint onto the CPU; nothing in it is executed.

    Raises:
        VoiceError: It is missing, damaged, or of another format.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch reads past the checksums that it wrote
            damaged = archive.testzip()
        state: Any = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError):
        damaged = "all of it"
    if damaged:
        raise VoiceError(f"{path}: damaged, or not a checkpoint")
    if not isinstance(state, dict) or state.get("format") != FORMAT_VERSION:
        version = state.get("format") if isinstance(state, dict) else None
        raise VoiceError(f"{path}: checkpoint format {version}, this version reads {FORMAT_VERSION}")
    return state


def load_trained(path: Path) -> TrainedModel:
    """Read a trained model from a run folder (its best checkpoint), a .pt checkpoint or a .safetensors file.

    The weights are the averaged ones where the run kept an average.

    Raises:
        VoiceError: There is no such file, or it is damaged.
    """
    if path.suffix == ".safetensors":
        return load_trained_file(path)
    return trained_model(read_checkpoint(CheckpointFolder(path).chosen() if path.is_dir() else path), str(path))


def trained_model(state: Mapping[str, Any], where: str) -> TrainedModel:
    """Take the trained model out of a checkpoint: the averaged weights where the run kept an average.

    Raises:
        ConfigError: This version cannot read the recipe; `where` names the checkpoint.
    """
    recipe = parse_recipe(state["recipe"], where)
    store, ema = state["store"], state["ema"]
    features = FeatureConfig.model_validate(store["features"])
    spoken = isinstance(recipe, AcousticRecipe)
    return TrainedModel(
        config=recipe.model,
        mel=features.mel,
        weights=ema["weights"] if ema else state["networks"][state["trained"]],
        frontend=features.frontend if spoken else None,
        symbols=symbol_table(features.frontend.symbols).symbols if spoken else (),
        speakers=tuple(store["speakers"]) if spoken else (),
        pitch=tuple((mean, std) for mean, std in store["pitch"]) if spoken else (),
        facts=_facts(state),
    )


def _facts(state: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Say where the weights come from; the licence of those that a fine-tuning began with binds them."""
    facts = {"recipe": state["recipe"]["name"], "step": state["step"], "epoch": state["epoch"], **state["versions"]}
    if origin := state.get("started_from"):
        facts["started_from"] = origin["name"]
        facts |= {name: value for name, value in origin["facts"].items() if name == "licence"}
    if state["validation"] is not None:
        facts |= {f"validation/{name}": value for name, value in state["validation"].items()}
    return facts
