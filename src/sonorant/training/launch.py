"""Starting a training: in this process, in several of this machine, or as one of those that a launcher started."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from sonorant.config import Recipe
from sonorant.errors import RequestError, TrainingDiverged, UserError
from sonorant.training.data import open_store
from sonorant.training.fit import fit

SHUTDOWN_S = 600
"""How long processes that are asked to stop may take to finish their step and to save."""


def train(recipe: Recipe, store: Path, run: Path, resume: bool = False, devices: int = 1) -> None:
    """Train on `devices` GPUs of this machine, or on the CPU in as many processes.

    Under a launcher that has set RANK, as torchrun does, this is one of its processes.

    Raises:
        UserError: As `fit` does.
        TrainingDiverged: As `fit` does.
        SystemExit: A process failed and has told why, the code is its exit code; or this one was told to stop, the code
            is 128 and the signal's number.
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
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the processes speak for themselves
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // devices)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        run_id="sonorant",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=0,
        shutdown_timeout=SHUTDOWN_S,
    )
    try:
        elastic_launch(config, worker)(*arguments)
    except SignalException as stopped:
        raise SystemExit(128 + stopped.sigval) from None  # by now the processes have saved and said so
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f"sonorant: process {rank} of {devices} failed", file=sys.stderr)
        raise SystemExit(failure.exitcode if failure.exitcode > 0 else 1) from None


def _worker(recipe: Recipe, store: Path, run: Path, resume: bool) -> None:
    """Train in one of several processes, and turn errors into an exit code where they arise."""
    try:
        stopped = fit(recipe, store, run, resume)
    except (UserError, TrainingDiverged) as error:
        print(f"sonorant: process {os.environ['RANK']}: {error}", file=sys.stderr)
        raise SystemExit(3 if isinstance(error, TrainingDiverged) else 2) from None
    except Exception:
        print(f"sonorant: process {os.environ['RANK']}: {traceback.format_exc()}", file=sys.stderr)
        raise SystemExit(1) from None
    if stopped:  # The launcher that passed the signal on waits for the end, and catches an exit with 0.
        raise SystemExit(128 + signal.SIGTERM)
