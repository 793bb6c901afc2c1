"""A run that is killed again and again, for the tests of test_kill.py.

    python tests/training/killed.py STORE OUT

torch is imported once. Each life of the run is a fork of this process, which computes nothing itself and so has one
thread. OUT gets the killed run, `killed`, one that nothing happened to, `whole`, two whose checkpoints are written
carelessly, and `lives.json`: how each life ended and what it left.
"""

import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from random import Random
from typing import IO, Any

import torch
import torch._dynamo  # the first update would import it, in every life
import torch.utils.tensorboard  # likewise

from sonorant.config import load_recipe
from sonorant.errors import VoiceError
from sonorant.files import is_partial
from sonorant.training import checkpoint
from sonorant.training.checkpoint import CheckpointFolder, read_checkpoint
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.samples import Samples

KILLS = 50
SETTINGS = ("batch.micro_batch=2", "run.log_every=1", "run.checkpoint_every=1", "run.validate_every=3",
            "run.sample_every=100000", "run.keep_last=2")  # fmt: skip
ENDLESS = 100_000
SAVED = re.compile(r"step (\d+): saved ")

PLACES = {"save": 2, "fsync": 14, "chmod": 7, "replace": 7, "unlink": 2}
"""Calls that writing a file is made of, and in which of them, at most, a process dies: within two steps."""

Work = Callable[[], object]


@dataclass(frozen=True)
class Kill:
    """When a life ends: in the n-th call of a place, or, without one, some time after the n-th save was told.

    Attributes:
        place: One of `PLACES`, or "any".
        count: n; the 0th save is the start.
        share: Of the time that a save takes from the one before, or of the content that is half written.
    """

    place: str
    count: int
    share: float

    def prepare(self) -> None:
        """Let this process die in its place."""
        if self.place == "any":
            return
        module = torch if self.place == "save" else os
        true, left = getattr(module, self.place), iter(range(self.count - 1, -1, -1))

        def mortal(*arguments: Any, **options: Any) -> Any:
            if next(left) > 0:
                return true(*arguments, **options)
            if self.place == "save":
                self._save_half(true, *arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(module, self.place, mortal)

    def _save_half(self, save: Callable[..., None], state: object, file: IO[bytes]) -> None:
        content = BytesIO()
        save(state, content)
        file.write(content.getvalue()[: int(self.share * len(content.getvalue()))])
        file.flush()


@dataclass(frozen=True)
class Life:
    """How a life of the run ended, and what it left.

    Attributes:
        place: See `Kill`.
        signal: That it died of.
        told: The last step that was told to be saved, in this life or one before.
        steps: The checkpoints that are there.
        unreadable: Those of them that cannot be read.
        best: The step that best.json names.
        saving: Whether it died while a checkpoint was written, or before that was told.
    """

    place: str
    signal: int
    told: int
    steps: list[int]
    unreadable: list[int]
    best: int | None
    saving: bool


class KilledRun:
    """One run through its lives.

    Args:
        store: Features.
        folder: Of the run.
        careless: Called at the beginning of each life, to write checkpoints in another way.
    """

    def __init__(self, store: Path, folder: Path, careless: Work = lambda: None) -> None:
        self.store, self.folder, self.careless = store, folder, careless
        self.checkpoints = CheckpointFolder(folder)
        self.told = 0
        self.start_s, self.pace_s = 0.0, 0.0
        self.live(Kill("any", 4, 0.0))  # shows how fast this machine is

    def live(self, kill: Kill) -> Life:
        """Live until killed."""
        newest, half_written = self.checkpoints.steps()[-1:], self._half_written()
        pid, lines = fork(lambda: (kill.prepare(), self.careless(), train(self.store, self.folder, ENDLESS)))
        told = self._follow(pid, lines, kill)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            raise RuntimeError(f"{kill} did not kill:\n" + "".join(told))
        saved = [int(match[1]) for line in told if (match := SAVED.match(line))]
        self.told = max([self.told, *saved])
        steps = self.checkpoints.steps()
        half_written = self._half_written() - half_written
        return Life(
            place=kill.place,
            signal=os.WTERMSIG(status),
            told=self.told,
            steps=steps,
            unreadable=[step for step in steps if not readable(self.checkpoints.path(step))],
            best=best_step(self.folder),
            saving=steps[-1:] > max(newest, saved[-1:]) or any(name.startswith(".step_") for name in half_written),
        )

    def _half_written(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if is_partial(path)} if self.folder.is_dir() else set()

    def _follow(self, pid: int, lines: IO[str], kill: Kill) -> list[str]:
        """Read what a life tells, and kill it in time."""
        told, times = [], [time.perf_counter()]
        if (kill.place, kill.count) == ("any", 0):
            end(pid, kill.share * self.start_s)
        with lines:
            for line in lines:
                told.append(line)
                if SAVED.match(line):
                    times.append(time.perf_counter())
                    if (kill.place, kill.count) == ("any", len(times) - 1):
                        end(pid, kill.share * self.pace_s)
        if not self.pace_s:
            self.start_s, self.pace_s = times[1] - times[0], (times[-1] - times[1]) / (len(times) - 2)
        return told


def end(pid: int, after_s: float) -> None:
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)


def fork(work: Work) -> tuple[int, IO[str]]:
    """Do something in a process of its own; return its number and its stderr."""
    read, write = os.pipe()
    if pid := os.fork():
        os.close(write)
        return pid, os.fdopen(read)
    os.close(read)
    os.dup2(write, 2)
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def train(store: Path, folder: Path, steps: int) -> None:
    """Begin a run or go on with it, as a person would."""
    recipe = load_recipe("tiny_fastpitch", [*SETTINGS, f"run.steps={steps}"])
    fit(recipe, store, folder, resume=bool(CheckpointFolder(folder).steps()))


def finish(store: Path, folder: Path, steps: int) -> None:
    """Train to the end, in a process of its own."""
    pid, lines = fork(lambda: train(store, folder, steps))
    told = lines.read()
    lines.close()
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(told)


def readable(path: Path) -> bool:
    try:
        return bool(read_checkpoint(path))
    except VoiceError:
        return False


def best_step(folder: Path) -> int | None:
    path = folder / "best.json"
    return json.loads(path.read_text())["step"] if path.is_file() else None


def write_in_place() -> None:
    """Write checkpoints as one would who thinks of no crash."""

    def write_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
        with path.open("wb") as file:
            write(file)

    checkpoint.write_file = write_file  # type: ignore[assignment]


def delete_before_writing() -> None:
    """Make room for a checkpoint before it is written."""
    true = CheckpointFolder.save

    def save(self: CheckpointFolder, *arguments: Any) -> Path:
        for step in self.steps():
            self.path(step).unlink()
        return true(self, *arguments)

    CheckpointFolder.save = save  # type: ignore[method-assign]


def plan(random: Random) -> list[Kill]:
    """Half of the kills come at any time, half in each of the places in turn."""
    anywhere = [Kill("any", number % 3, random.random()) for number in range(KILLS // 2)]
    names = [list(PLACES)[number % len(PLACES)] for number in range(KILLS - len(anywhere))]
    inside = [Kill(name, random.randint(1, PLACES[name]), random.random()) for name in names]
    return random.sample([*anywhere, *inside], KILLS)


def main(store: Path, out: Path) -> None:
    torch.set_num_threads(1)
    FastPitchTask.samples = lambda self, network: Samples()  # type: ignore[method-assign]
    lives: dict[str, list[Life]] = {}
    killed = KilledRun(store, out / "killed")
    lives["killed"] = [killed.live(kill) for kill in plan(Random(0))]
    last = killed.checkpoints.steps()[-1] + 2
    for name in ("killed", "whole"):
        finish(store, out / name, last)
    for careless in (write_in_place, delete_before_writing):
        lives[careless.__name__] = [KilledRun(store, out / careless.__name__, careless).live(Kill("save", 2, 0.5))]
    (out / "lives.json").write_text(json.dumps({name: list(map(asdict, all)) for name, all in lives.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
