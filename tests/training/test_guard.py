"""What is not finite is told before anything is kept of it."""

from pathlib import Path

import pytest
import torch

from sonorant.config import load_recipe
from sonorant.errors import TrainingDiverged
from sonorant.features.store import FeatureStore
from sonorant.training.guard import Guard
from sonorant.training.processes import Processes
from sonorant.training.run import Run


def test_a_run_that_has_diverged_keeps_nothing_and_names_the_step(store: FeatureStore, tmp_path: Path) -> None:
    run = Run(load_recipe("tiny_waveglow"), store, tmp_path / "run", Processes())
    batches = run.batches()
    for step in range(4):
        epoch, (batch,) = next(batches)
        if step == 1:
            batch.waveform[0, 0] = float("nan")
        run.advance(epoch, [batch])
    with pytest.raises(TrainingDiverged, match=r"step 2: likelihood = nan; .* none yet"):
        run.save()
    assert not (tmp_path / "run").exists() and run.position.best is None
    assert all(weight.isfinite().all() for weight in run.task.networks["model"].parameters())


def test_what_was_seen_once_is_not_told_again() -> None:
    guard = Guard(torch.device("cpu"))
    guard.watch({"mel": torch.tensor(1.0)})
    guard.check()
    assert guard.watch({"mel": torch.tensor(2.0)}) == 0
    guard.check()
