"""No step waits for the device. It is "meta" here, which has no numbers: whatever asks it for one is an error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.models import ADVERSARIAL, MODELS
from torch import Tensor
from torch.optim import Adam

from sonorant.config import Recipe, load_recipe
from sonorant.features.store import FeatureStore
from sonorant.models import fastpitch
from sonorant.training import fit as fit_module
from sonorant.training.guard import Guard
from sonorant.training.hifigan_task import HifiganTask
from sonorant.training.monitor import Meter
from sonorant.training.processes import Processes
from sonorant.training.run import Run

META = Processes(device=torch.device("meta"))


def recipe_of(model: str, *overrides: str) -> Recipe:
    gan = ("loss.adversarial_start=0",) if model in ADVERSARIAL else ()
    return load_recipe(f"tiny_{model}", ["batch.micro_batch=2", *gan, *overrides])


@pytest.fixture(autouse=True)
def steps_without_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let autocast and fused optimisers take the device for one of theirs, and leave out where FastPitch must wait.

    Its alignment is searched on the CPU, and torch's CTC loss wants lengths there.
    """
    autocast: Callable[..., Any] = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda kind, *rest, **named: autocast("cpu", *rest, **named))
    monkeypatch.setattr(sys.modules[Adam.__module__], "_device_dtype_check_for_fused", lambda *_, **__: None)

    def durations(log_probs: Tensor, symbol_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
        return torch.zeros(log_probs.shape[0], log_probs.shape[2], dtype=torch.int64, device=log_probs.device)

    monkeypatch.setattr(fastpitch, "monotonic_durations", durations)
    monkeypatch.setattr(torch.nn.functional, "ctc_loss", lambda log_probs, *_, **__: log_probs.sum((0, 2)))


@pytest.mark.parametrize(("model", "kind"), [*((model, "adamw") for model in MODELS), ("waveglow", "lamb")])
def test_steps_read_nothing_from_the_device(model: str, kind: str, store: FeatureStore, tmp_path: Path) -> None:
    recipe = recipe_of(model, f"optimizer.kind={kind}", "run.ema_decay=0.9", "optimizer.clip_norm=1.0")
    run, meter = Run(recipe, store, tmp_path, META), Meter(META)
    batches = run.batches()
    for _ in range(2):
        meter.add(run.advance(*next(batches)), 100, 0.0)
    assert run.position.step == 2
    for read in (run.check, meter.report):
        with pytest.raises(NotImplementedError, match="no data"):
            read()


def test_an_item_in_a_step_is_noticed(store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, generate = Run(recipe_of("hifigan"), store, tmp_path, META), HifiganTask.generate
    monkeypatch.setattr(HifiganTask, "generate", lambda task, batch: generate(task, batch) * batch.mel.mean().item())
    with pytest.raises(RuntimeError, match="item"):
        run.advance(*next(run.batches()))


@pytest.mark.parametrize("rank", [0, 1])
def test_the_loop_waits_once_where_something_is_due_in_every_process_alike(
    rank: int, store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    @contextmanager
    def joined() -> Iterator[Processes]:
        yield replace(META, rank=rank)

    monkeypatch.setattr(fit_module, "joined", joined)
    monkeypatch.setattr(Guard, "check", lambda guard: waits.append(guard._step + 1))
    monkeypatch.setattr(Meter, "report", lambda meter: {"seconds/step": 1.0, "seconds paused": 0.0})
    monkeypatch.setattr(Run, "validate", lambda run: ({"mel": 1.0}, False))
    monkeypatch.setattr(Run, "save", lambda run: None)
    monkeypatch.setattr(HifiganTask, "samples", lambda *_: pytest.fail("not yet"))
    due = "run.log_every=3", "run.validate_every=6", "run.checkpoint_every=4", "run.sample_every=100"
    run = recipe_of("hifigan", "run.steps=7", *due)
    monkeypatch.setattr(Run, "is_due", lambda run, every: run.position.step % every == 0)
    fit_module.fit(run, store_path, tmp_path, progress=False)
    assert waits == [3, 4, 6]
