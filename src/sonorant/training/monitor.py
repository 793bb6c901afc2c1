"""What a run leaves to look at: metrics.jsonl always, TensorBoard, and the progress on stderr."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from sonorant.errors import RequestError
from sonorant.training.alarms import Alarm, past_validations
from sonorant.training.processes import Processes
from sonorant.training.progress import ProgressDisplay
from sonorant.training.task import Samples


class Meter:
    """Averages of what happened since the last report; nothing leaves the device before `report`."""

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

    def report(self) -> dict[str, float]:
        """Return means over the steps and rates over the time since the last report, and begin anew."""
        means = torch.stack([torch.as_tensor(total).float() / count for total, count in self._sums.values()])
        report = dict(zip(self._sums, means.tolist(), strict=True))
        frames = float(self._processes.sum(torch.tensor(self._frames)))
        elapsed_s = time.perf_counter() - self._start_s  # read behind the values: they wait for the device
        report |= {
            "frames/s": frames / elapsed_s,
            "waiting for data": self._waited_s / elapsed_s,
            "seconds/step": elapsed_s / self._steps,
        }
        self._clear()
        return report

    def _clear(self) -> None:
        self._sums: dict[str, tuple[Tensor | float, int]] = {}
        self._steps = self._frames = 0
        self._waited_s = 0.0
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

        self._path = run / "metrics.jsonl"
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=start_step + 1 if start_step else None)
        self._sample_rate = sample_rate
        self._display = display
        self._alarms = alarms
        self._validations = past_validations(self._path, start_step)
        display.begin(start_step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.close()
        self._display.close()

    def train(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """Record a log interval."""
        self._record(step, epoch, "train", values)
        shown = ("total", "mel", "learning rate", "frames/s")
        self._display.update(step, {name: values[name] for name in shown if name in values})

    def validation(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """Record a validation, and ring the alarms that it gives reason to."""
        self._record(step, epoch, "validation", values)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._display.tell(f"step {step}, epoch {epoch}, validation: {numbers}")
        self._validations.append(values)
        for alarm in self._alarms:
            if message := alarm.check(self._validations):
                self._write(step, epoch, "alarm", {"message": message})
                self._display.tell(f"warning: step {step}: {message}")

    def samples(self, step: int, samples: Samples) -> None:
        """Record pictures and audio."""
        for name, picture in samples.pictures.items():
            self._board.add_image(name, picture, step, dataformats="HWC")
        for name, waveform in samples.audio.items():
            self._board.add_audio(name, torch.from_numpy(waveform)[None], step, self._sample_rate)

    def _record(self, step: int, epoch: int, kind: str, values: Mapping[str, float]) -> None:
        self._write(step, epoch, kind, values)
        for name, value in values.items():
            self._board.add_scalar(f"{kind}/{name}", value, step)

    def _write(self, step: int, epoch: int, kind: str, values: Mapping[str, float | str]) -> None:
        line = {"kind": kind, "step": step, "epoch": epoch, "time": round(time.time(), 3), **values}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise RequestError(f"{self._path}: cannot be written: {error.strerror}; resume when it can") from None
