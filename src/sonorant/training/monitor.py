"""What a run leaves to look at: metrics.jsonl, samples, TensorBoard, and the progress on stderr."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from sonorant.errors import RequestError
from sonorant.training.alarms import Alarm, Bell, check_disk
from sonorant.training.metrics import NAME, History, Line
from sonorant.training.processes import Processes
from sonorant.training.progress import ProgressDisplay, seconds_per_step
from sonorant.training.samples import Samples, write_samples


class Meter:
    """Averages of what happened since the last report; nothing leaves the device before `report`.

    Times and rates are of training alone: what happens within `pause` does not count.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._clear()

    def add(self, values: Mapping[str, Tensor], num_frames: int, waited_s: float) -> None:
        """Count one step: its losses, this process's frames of sound, and how long it waited for its data."""
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1
        self._steps += 1
        self._frames += num_frames
        self._waited_s += waited_s

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Enclose what is not training."""
        start_s = time.perf_counter()
        yield
        self._paused_s += time.perf_counter() - start_s

    def report(self) -> dict[str, float]:
        """Return means over the steps and rates over the time since the last report, and begin anew."""
        means = torch.stack([torch.as_tensor(total).float() / count for total, count in self._sums.values()])
        report = dict(zip(self._sums, means.tolist(), strict=True))
        frames = float(self._processes.sum(torch.tensor(self._frames)))
        # The clock is read behind the values, which wait for the device.
        elapsed_s = time.perf_counter() - self._start_s - self._paused_s
        report |= {
            "frames/s": frames / elapsed_s,
            "waiting for data": self._waited_s / elapsed_s,
            "seconds/step": elapsed_s / self._steps,
            "seconds paused": self._paused_s,
        }
        self._clear()
        return report

    def _clear(self) -> None:
        self._sums: dict[str, tuple[Tensor | float, int]] = {}
        self._steps = self._frames = 0
        self._waited_s = self._paused_s = 0.0
        self._start_s = time.perf_counter()


class Monitor:
    """Writes metrics of one run and rings its alarms; use it as a context."""

    def __init__(
        self,
        run: Path,
        start_step: int,
        sample_rate: int,
        display: ProgressDisplay,
        alarms: Sequence[Alarm] = (),
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._run, self._path = run, run / NAME
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=start_step + 1 if start_step else None)
        self._sample_rate = sample_rate
        self._display = display
        self._history = History.read(self._path, start_step)
        self._bell = Bell(alarms, self._history)
        self._disk_is_full = False
        self._cut_half_a_line()
        display.begin(start_step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.close()
        self._display.close()

    def train(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """Record a log interval, and ring the alarms that it gives reason to."""
        self._history.train.append(self._record(step, epoch, "train", values))
        shown = ("total", "mel", "postnet", "likelihood", "learning rate", "frames/s")
        step_s = seconds_per_step(self._history.train)
        self._display.update(step, step_s, {name: values[name] for name in shown if name in values})
        self._ring(step, epoch, "train")

    def validation(self, step: int, epoch: int, values: Mapping[str, float]) -> Sequence[Line]:
        """Record a validation, ring the alarms that it gives reason to, and return all validations so far."""
        self._history.validations.append(self._record(step, epoch, "validation", values))
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._display.tell(f"step {step}, epoch {epoch}, validation: {numbers}")
        self._ring(step, epoch, "validation")
        return self._history.validations

    def disk(self, step: int, epoch: int, checkpoint_bytes: int) -> None:
        """Ring if the disk has no room for the checkpoints to come, once until there was room again."""
        message = check_disk(shutil.disk_usage(self._run).free, checkpoint_bytes)
        if message and not self._disk_is_full:
            self._alarm(step, epoch, message)
        self._disk_is_full = message is not None

    def saved(self, step: int, checkpoint: Path) -> None:
        """Tell that a checkpoint is on the disk, where no crash takes it away."""
        self._display.tell(f"step {step}: saved {checkpoint.name}")

    def samples(self, step: int, samples: Samples) -> None:
        """Record pictures and audio."""
        write_samples(self._run, step, samples, self._sample_rate)
        for name, picture in samples.pictures.items():
            self._board.add_image(name, picture, step, dataformats="HWC")
        for name, waveform in samples.audio.items():
            self._board.add_audio(name, torch.from_numpy(waveform)[None], step, self._sample_rate)

    def _ring(self, step: int, epoch: int, kind: str) -> None:
        for message in self._bell.ring(kind, self._history):
            self._alarm(step, epoch, message)

    def _alarm(self, step: int, epoch: int, message: str) -> None:
        self._write(step, epoch, "alarm", {"message": message})
        self._display.tell(f"warning: step {step}: {message}")

    def _record(self, step: int, epoch: int, kind: str, values: Mapping[str, float]) -> Line:
        for name, value in values.items():
            self._board.add_scalar(f"{kind}/{name}", value, step)
        return self._write(step, epoch, kind, values)

    def _write(self, step: int, epoch: int, kind: str, values: Mapping[str, float | str]) -> Line:
        line = {"kind": kind, "step": step, "epoch": epoch, "time": round(time.time(), 3), **values}
        self._append(json.dumps(line) + "\n")
        return line

    def _cut_half_a_line(self) -> None:
        """Cut off the line that a process which was killed has left half written."""
        if self._path.is_file():
            os.truncate(self._path, self._path.read_bytes().rfind(b"\n") + 1)

    def _append(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise RequestError(f"{self._path}: cannot be written: {error.strerror}; resume when it can") from None
