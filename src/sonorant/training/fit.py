"""The one training loop."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from sonorant.config import Recipe
from sonorant.training.data import TimedIterator, open_store
from sonorant.training.monitor import Meter, Monitor
from sonorant.training.processes import joined
from sonorant.training.progress import ProgressDisplay, make_display
from sonorant.training.run import Run
from sonorant.training.signals import StopRequest


def fit(recipe: Recipe, store: Path, run: Path, resume: bool = False, progress: bool = True) -> None:
    """Train a recipe on prepared features, or go on with a run that was interrupted.

    The run ends at `recipe.run.steps`, or earlier at SIGTERM or SIGINT, and saves a checkpoint in both cases. It
    uses the GPU where torch finds one. Where a launcher has started several processes (see `sonorant.training.launch`),
    each calls this, and the first alone writes.

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
    _set_precision(recipe.run.precision)
    with joined() as processes:
        display = make_display(recipe.run.steps, progress and processes.first)
        training = Run(recipe, open_store(store, recipe, processes.count), run, processes)
        if resume:
            training.resume(display.tell)
        else:
            training.start()
        with _monitor(training, display) as monitor, StopRequest() as stop:
            stopped = _loop(training, monitor, stop)
        display.tell(_farewell(training, stop.name if stopped else None))


def _set_precision(precision: str) -> None:
    """Let a GPU's products of float32 matrices round their inputs to TF32 where the recipe says so, and only there."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def _monitor(run: Run, display: ProgressDisplay) -> AbstractContextManager[Monitor | None]:
    """Return what writes down how the run goes: in the first process alone."""
    if not run.processes.first:
        return nullcontext()
    sample_rate, alarms = run.store.config.mel.sample_rate, run.task.alarms
    return Monitor(run.checkpoints.run, run.position.step, sample_rate, display, alarms)


def _loop(run: Run, monitor: Monitor | None, stop: StopRequest) -> bool:
    """Train to the last step, or until any process is asked to stop; return whether one was."""
    settings, position = run.recipe.run, run.position
    data, meter = TimedIterator(run.batches()), Meter(run.processes)
    stopped = False
    if monitor and position.started_from and position.step == 0:
        monitor.validation(0, 0, run.validate()[0])  # what there is to improve on
    while position.step < settings.steps and not (stopped := run.processes.any(stop.name is not None)):
        epoch, batches = next(data)
        rate = run.recipe.optimizer.learning_rate * run.learning_rate_factor
        losses = run.advance(epoch, batches)
        meter.add(losses, sum(map(run.task.num_frames, batches)), data.waited_s)

        step, last, improved = position.step, position.step == settings.steps, False
        if last or step % settings.log_every == 0:
            values = {**meter.report(), "learning rate": rate, **run.loss_scale()}
            if monitor:
                monitor.train(step, epoch, values)
        if monitor and (last or step % settings.validate_every == 0):
            values, improved = run.validate()
            monitor.validation(step, epoch, values)
        if monitor and (last or step % settings.sample_every == 0):
            monitor.samples(step, run.task.samples(run.network))
        if improved or step % settings.checkpoint_every == 0:
            run.save()
    run.save()
    return stopped


def _farewell(run: Run, signal: str | None) -> str:
    where, step = run.checkpoints.run, run.position.step
    if signal is not None:
        return f"{signal}: stopped and saved at step {step} in {where}; go on with sonorant resume"
    best = run.position.best
    record = f", best {best.metric} {best.value:.4g} at step {best.step}" if best else ""
    return f"done: step {step} in {where}{record}"
