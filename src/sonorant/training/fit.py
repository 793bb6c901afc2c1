"""The one training loop."""

from pathlib import Path

import torch

from sonorant.config import Recipe
from sonorant.training.data import TimedIterator, open_store
from sonorant.training.monitor import Meter, Monitor
from sonorant.training.progress import make_display
from sonorant.training.run import Run
from sonorant.training.signals import StopRequest


def fit(
    recipe: Recipe, store: Path, run: Path, resume: bool = False, progress: bool = True
) -> None:
    """Train a recipe on prepared features, or go on with a run that was interrupted.

    The run ends at `recipe.run.steps`, or earlier at SIGTERM or SIGINT, and saves a checkpoint in both cases. It
    uses the GPU where torch finds one.

    Args:
        recipe: What to train and how.
        store: The folder that `prepare` wrote.
        run: Where checkpoints and logs go.
        resume: Go on from the newest checkpoint in `run`; the recipe and the features must be the same.
        progress: Whether to report on stderr.

    Raises:
        CorpusError: The features are missing or do not fit the recipe.
        RequestError: The run folder already holds a run, holds none to resume, or cannot be written.
        TrainingDiverged: A loss or a gradient norm is not finite.
    """
    if recipe.run.threads is not None:
        torch.set_num_threads(recipe.run.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    display = make_display(recipe.run.steps, progress)
    training = Run(recipe, open_store(store, recipe), run, device)
    if resume:
        training.resume(display.tell)
    else:
        training.start()
    sample_rate, start = training.store.config.mel.sample_rate, training.position.step
    alarms = training.task.alarms
    with Monitor(run, start, sample_rate, display, alarms) as monitor, StopRequest() as stop:
        _loop(training, monitor, stop)
    display.tell(_farewell(training, stop))


def _loop(run: Run, monitor: Monitor, stop: StopRequest) -> None:
    settings, position = run.recipe.run, run.position
    data, meter = TimedIterator(run.batches()), Meter()
    while position.step < settings.steps and stop.name is None:
        epoch, batches = next(data)
        rate = run.recipe.optimizer.learning_rate * run.learning_rate_factor
        losses = run.advance(epoch, batches)
        meter.add(losses, sum(map(run.task.num_frames, batches)), data.waited_s)

        step, last, improved = position.step, position.step == settings.steps, False
        if last or step % settings.log_every == 0:
            monitor.train(step, epoch, {**meter.report(), "learning rate": rate})
        if last or step % settings.validate_every == 0:
            values, improved = run.validate()
            monitor.validation(step, epoch, values)
        if last or step % settings.sample_every == 0:
            monitor.samples(step, run.task.samples(run.network))
        if improved or step % settings.checkpoint_every == 0:
            run.save()
    run.save()


def _farewell(run: Run, stop: StopRequest) -> str:
    where, step = run.checkpoints.run, run.position.step
    if stop.name is not None:
        return f"{stop.name}: stopped and saved at step {step} in {where}; go on with sonorant resume"
    best = run.position.best
    record = f", best {best.metric} {best.value:.4g} at step {best.step}" if best else ""
    return f"done: step {step} in {where}{record}"
