"""metrics.jsonl: what a run reports as it goes on, a line at a time.

A line is of kind "train" (an interval between two reports), "validation" or "alarm", and has its step, its epoch, the
time and its values.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

NAME = "metrics.jsonl"
BESIDE_VALUES = frozenset({"kind", "step", "epoch", "time"})

Line = Mapping[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Read every line in the order in which they were written; what a killed process half wrote is passed over."""
    texts = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return [line for text in texts if (line := _parse(text)) is not None]


def _parse(text: str) -> Line | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("step"), int) and "kind" in line else None


def without_undone(lines: Iterable[Line]) -> list[Line]:
    """Leave out steps that were undone when a run went back to a checkpoint.

    Example:
        >>> lines = [{"kind": "train", "step": step} for step in (10, 20, 30, 20)]
        >>> [line["step"] for line in without_undone(lines)]
        [10, 20]
    """
    kept: list[Line] = []
    for line in lines:
        step, kind = line["step"], line["kind"]
        rivals = takewhile(lambda old: old["step"] >= step, reversed(kept))  # noqa: B023
        if kind != "alarm" and any(old["step"] > step or old["kind"] == kind for old in rivals):
            kept = [old for old in kept if old["step"] < step]
        kept.append(line)
    return kept


@dataclass
class History:
    """What a run has reported so far, oldest first.

    Attributes:
        train: A line for each interval: its last step, means of the losses, and rates.
        validations: A line for each validation.
    """

    train: list[Line] = field(default_factory=list)
    validations: list[Line] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, last_step: int) -> Self:
        """Read it from a metrics.jsonl, up to a step."""
        lines = without_undone(line for line in read_lines(path) if line["step"] <= last_step)
        kinds = ([line for line in lines if line["kind"] == kind] for kind in ("train", "validation"))
        return cls(*kinds)

    def until(self, step: int) -> "History":
        """Return what it was at a step."""
        return History(*([line for line in lines if line["step"] <= step] for lines in (self.train, self.validations)))
