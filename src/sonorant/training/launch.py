"""Starting a training: in this process, in several of this machine, or as one of those that a launcher started."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from sonorant.config import Recipe
from sonorant.errors import RequestError, TrainingDiverged, UserError
from sonorant.training.data import open_store
from sonorant.training.fit import fit


def train(recipe: Recipe, store: Path, run: Path, resume: bool = False, devices: int = 1) -> None:
    """Train on `devices` GPUs of this machine, or on the CPU in as many processes.

    Under a launcher that has set RANK, as torchrun does, this is one of its processes.

    Raises:
        UserError: As `fit` does.
        TrainingDiverged: As `fit` does.
        SystemExit: A process failed and has told why; the code is its exit code.
    """
    if devices < 1:
        raise RequestError(f"devices: {devices}, at least 1 is allowed")
    if devices == 1 or "RANK" in os.environ:
        if devices > 1:
            raise RequestError("devices: a launcher has started this process already; leave --devices out")
        fit(recipe, store, run, resume)
        return
    if torch.cuda.is_available() and devices > torch.cuda.device_count():
        raise RequestError(f"devices: {devices}, this machine has {torch.cuda.device_count()} GPU(s)")
    open_store(store, recipe, devices)  # so that what is wrong with the data is told once
    _launch(_worker, (recipe, store, run, resume), devices)


def _launch(worker: Callable[..., None], arguments: tuple[object, ...], devices: int) -> None:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // devices)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        run_id="sonorant",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=0,
    )
    try:
        elastic_launch(config, worker)(*arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f"sonorant: process {rank} of {devices} failed", file=sys.stderr)
        raise SystemExit(failure.exitcode if failure.exitcode > 0 else 1) from None


def _worker(recipe: Recipe, store: Path, run: Path, resume: bool) -> None:
    """Train in one of several processes, and turn our errors into a line and an exit code."""
    try:
        fit(recipe, store, run, resume)
    except (UserError, TrainingDiverged) as error:
        print(f"sonorant: process {os.environ['RANK']}: {error}", file=sys.stderr)
        raise SystemExit(3 if isinstance(error, TrainingDiverged) else 2) from None
