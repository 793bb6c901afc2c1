"""Let an acoustic model learn one clip by heart, and draw the alignment that it found.

    python tools/overfit_clip.py tacotron2_cpu FEATURES OUT.png --steps 600 optimizer.learning_rate=0.001
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import torch

from sonorant.config import AcousticRecipe, load_recipe
from sonorant.features.batch import acoustic_batch
from sonorant.training.acoustic_task import AcousticTask
from sonorant.training.data import open_store
from sonorant.training.processes import Processes
from sonorant.training.progress import format_values
from sonorant.training.run import make_task
from sonorant.training.task import evaluating

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("features", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--clip", type=int, default=0, help="its number among the clips to train on")
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_intermixed_args()

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    assert isinstance(recipe, AcousticRecipe), "a vocoder aligns nothing"
    store = open_store(arguments.features, recipe)
    entry = store.split("train")[arguments.clip]
    torch.manual_seed(recipe.run.seed)
    torch.set_num_threads(recipe.run.threads or torch.get_num_threads())
    task = make_task(recipe, store, Processes())
    assert isinstance(task, AcousticTask)
    batch = acoustic_batch(store, [entry])
    print(f"{entry.utterance_id}: {entry.text}")
    for step in range(arguments.steps):
        losses = task.step([batch], step, 1.0)
        if (step + 1) % 50 == 0:
            quality = {name: float(value) for name, value in measure(task, batch)[1].items()}
            print(step + 1, format_values({name: float(loss) for name, loss in losses.items()} | quality), flush=True)
    plt.imsave(arguments.out, measure(task, batch)[0])


@torch.no_grad()
def measure(task, batch) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    """Return a picture of the alignment and its quality."""
    with evaluating(task.model):
        output = task.forward(task.model, batch)
    return task.draw_alignment(output, batch), dict(task.quality(output, batch))


if __name__ == "__main__":
    main()
