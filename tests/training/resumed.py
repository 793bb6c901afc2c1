"""What one process of several does for the tests of test_resume.py; started with RANK and the like set.

    python -m tests.training.resumed STORE OUT PORT ...

It trains each model in one go (`OUT/MODEL/whole`), and once more from a checkpoint in the middle (`rest`). The
processes of each training meet at a port of its own.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from tests.training.models import MODELS

from sonorant.config import Recipe, load_recipe
from sonorant.training.adversarial_task import AdversarialTask
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.samples import Samples
from sonorant.training.tacotron2_task import Tacotron2Task
from sonorant.training.waveglow_task import WaveglowTask

PAUSE, END = 3, 5
"""The store's 10 utterances in batches of 4 are 2 steps an epoch: a pause in the middle of the second of three."""

TRAININGS = 2 * len(MODELS)
SETTINGS = ("run.validate_every=2", f"run.checkpoint_every={PAUSE}", "run.log_every=1", "run.keep_last=9",
            "schedule.kind=exponential", "schedule.gamma=0.9")  # fmt: skip
OWN = {
    "fastpitch": ("loss.binarization_start=1", "loss.binarization_warmup=4"),
    "tacotron2": ("loss.guided_attention_steps=5",),
    "hifigan": ("loss.adversarial_start=2",),
    "waveglow": ("run.ema_decay=0.9",),
    "source_filter": ("loss.adversarial_start=2",),
    "sharpen_fastpitch": ("loss.adversarial_start=2",),
}


def recipe_of(model: str, *overrides: str) -> Recipe:
    return load_recipe(f"tiny_{model}", [*SETTINGS, *OWN[model], f"run.steps={END}", *overrides])


def pause(whole: Path, rest: Path) -> None:
    """Make a run of another's checkpoint in the middle."""
    rest.mkdir()
    shutil.copy2(whole / f"step_{PAUSE:08d}.pt", rest)


def without_samples(change: Callable[[type, str, object], None] = setattr) -> None:
    """Make no samples: Griffin-Lim and pictures have their own tests, and take their time."""
    for task in (FastPitchTask, Tacotron2Task, AdversarialTask, WaveglowTask):
        change(task, "samples", lambda self, network: Samples())


def main(store: Path, out: Path, *ports: str) -> None:
    torch.set_num_threads(1)
    without_samples()
    left = iter(ports)

    def train(model: str, name: str, resume: bool = False) -> None:
        os.environ["MASTER_PORT"] = next(left)  # whoever is done first must not meet those of the training before
        fit(recipe_of(model, "batch.micro_batch=1"), store, out / model / name, resume, progress=False)

    for model in MODELS:
        train(model, "whole")
        if os.environ["RANK"] == "0":
            pause(out / model / "whole", out / model / "rest")
        train(model, "rest", resume=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
