"""A training run as its folder tells of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from sonorant.errors import RequestError
from sonorant.training.metrics import NAME, Line, read_lines, without_undone
from sonorant.training.samples import sample_folders

_SLACK_S = 1.0
"""Starts are dated in whole seconds."""


@dataclass(frozen=True)
class Start:
    """One start of a run and what came of it.

    Attributes:
        facts: Step, date, hardware and versions, as run.json names them.
        last_step: The last step that was reported; None if none was.
        duration_s: From the start to the last report.
        seconds_per_step: The mean of the reports, pauses for validation and the like left out; None without a report.
        waiting: The share of time in which training waited for its data.
    """

    facts: Mapping[str, Any]
    last_step: int | None
    duration_s: float
    seconds_per_step: float | None
    waiting: float | None


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run.

    Attributes:
        name: The folder's.
        recipe: The resolved recipe; empty if the run was ended before it was written.
        recipe_text: The same as YAML.
        origin: Whose weights a fine-tuning began with; None otherwise.
        starts: Each start.
        lines: Reports, but for steps that were undone by going back to a checkpoint.
        best: Metric, step and value of the best checkpoint; None before the first.
        samples: The folders with pictures and audio by step.
    """

    name: str
    recipe: Mapping[str, Any]
    recipe_text: str
    origin: str | None
    starts: Sequence[Start]
    lines: Sequence[Line]
    best: Mapping[str, Any] | None
    samples: Mapping[int, Path]

    def of_kind(self, kind: str) -> list[Line]:
        """Return the reports of a kind: train, validation or alarm."""
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def last_step(self) -> int:
        """The last step that was reported."""
        return max((line["step"] for line in self.lines), default=0)


def read_run(folder: Path) -> RunRecord:
    """Read a run, whether it has ended, goes on, was killed, or has only begun.

    Raises:
        RequestError: There is no run, or one of its files is damaged.
    """
    if not any((folder / name).is_file() for name in ("run.json", "recipe.yaml", NAME)):
        raise RequestError(f"{folder}: there is no run here; give the folder that sonorant train was given")
    lines = read_lines(folder / NAME)
    log = _mapping(folder / "run.json", json.loads)
    recipe = _mapping(folder / "recipe.yaml", yaml.safe_load)
    origin = log.get("started_from") or {}
    return RunRecord(
        name=folder.resolve().name,
        recipe=recipe,
        recipe_text=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True) if recipe else "",
        origin=origin.get("name"),
        starts=_starts(log.get("starts", []), lines),
        lines=without_undone(lines),
        best=_mapping(folder / "best.json", json.loads) or None,
        samples=sample_folders(folder),
    )


def _mapping(path: Path, parse: Any) -> dict[str, Any]:
    """Read a file that may not be there yet."""
    if not path.is_file():
        return {}
    try:
        tree = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RequestError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise RequestError(f"{path}: damaged, found {type(tree).__name__} instead of named values")
    return tree


def _starts(starts: Sequence[Mapping[str, Any]], lines: Sequence[Line]) -> list[Start]:
    """Deal the reports out to the starts by their times."""
    begins = [datetime.fromisoformat(start["date"]).timestamp() for start in starts]
    ends = [*begins, float("inf")][1:]
    return [
        _start(facts, begin, [line for line in lines if begin - _SLACK_S <= line["time"] < end - _SLACK_S])
        for facts, begin, end in zip(starts, begins, ends, strict=True)
    ]


def _start(facts: Mapping[str, Any], begin: float, lines: Sequence[Line]) -> Start:
    train = [line for line in lines if line["kind"] == "train"]
    return Start(
        facts=facts,
        last_step=lines[-1]["step"] if lines else None,
        duration_s=max(lines[-1]["time"] - begin, 0.0) if lines else 0.0,
        seconds_per_step=fmean(line["seconds/step"] for line in train) if train else None,
        waiting=fmean(line["waiting for data"] for line in train) if train else None,
    )
