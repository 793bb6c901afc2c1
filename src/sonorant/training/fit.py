"""The one training loop."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from sonorant.config import Recipe
from sonorant.models.precision import allow_tf32
from sonorant.training.alarms import StarvationAlarm
from sonorant.training.data import TimedIterator, open_store
from sonorant.training.early_stop import EarlyStop, make_early_stop
from sonorant.training.monitor import Meter, Monitor
from sonorant.training.processes import joined
from sonorant.training.progress import ProgressDisplay, make_display
from sonorant.training.run import Run
from sonorant.training.signals import StopRequest


def fit(recipe: Recipe, store: Path, run: Path, resume: bool = False, progress: bool = True) -> bool:
    """Train a recipe on prepared features, or go on with a run that was interrupted.

    The run ends at `recipe.run.steps`, or earlier at SIGTERM or SIGINT or when `recipe.run.stop_metric` has ceased to
    improve, and saves a checkpoint in any case. It uses the GPU where torch finds one. Where a launcher has started
    several processes (see `sonorant.training.launch`), each calls this, and the first alone writes.

    Args:
        recipe: What to train and how.
        store: The folder that `prepare` wrote.
        run: Where checkpoints and logs go.
        resume: Go on from the newest checkpoint in `run`; the recipe and the features must be the same.
        progress: Whether to report on stderr.

    Returns:
        Whether this process was asked to stop by a signal.

    Raises:
        ConfigError: `recipe.run.stop_metric` is not measured.
        CorpusError: The features are missing or do not fit the recipe.
        RequestError: The run folder already holds a run, holds none to resume, or cannot be written.
        TrainingDiverged: A loss or a gradient norm is not finite.
    """
    if recipe.run.threads is not None:
        torch.set_num_threads(recipe.run.threads)
    allow_tf32(recipe.run.precision)
    with joined() as processes:
        display = make_display(recipe.run.steps, progress and processes.first)
        training = Run(recipe, open_store(store, recipe, processes.count), run, processes)
        early_stop = make_early_stop(recipe.run, training.task.validation_metrics)
        with processes.failing_together():
            if resume:
                training.resume(display.tell)
            else:
                training.start()
            watch = _monitor(training, display)
        with watch as monitor, StopRequest(processes.count > 1) as stop:
            reason = _loop(training, monitor, stop, early_stop)
        display.tell(_farewell(training, reason))
    return stop.name is not None


def _monitor(run: Run, display: ProgressDisplay) -> AbstractContextManager[Monitor | None]:
    """Return what writes down how the run goes: in the first process alone."""
    if not run.processes.first:
        return nullcontext()
    sample_rate = run.store.config.mel.sample_rate
    alarms = *run.task.alarms, StarvationAlarm()
    return Monitor(run.checkpoints.run, run.position.step, sample_rate, display, alarms)


def _loop(run: Run, monitor: Monitor | None, stop: StopRequest, early_stop: EarlyStop | None) -> str | None:
    """Train to the last step, or until any process has a reason to end before; return the reason."""
    settings, position = run.recipe.run, run.position
    data, meter = TimedIterator(run.batches()), Meter(run.processes)
    if monitor and position.started_from and position.step == 0:
        with run.processes.failing_together():
            monitor.validation(0, 0, run.validate()[0])  # what there is to improve on
    reason = None
    while True:
        reason = stop.name or reason
        ending = run.processes.any(reason is not None)  # behind the last step, too: the first may fail in its look
        if position.step >= settings.steps:
            return None
        if ending:
            run.save()
            return reason or "another process ended"
        rate = run.recipe.optimizer.learning_rate * run.learning_rate_factor
        take_step(run, data, meter)
        if any(map(run.is_due, (settings.log_every, settings.validate_every, settings.checkpoint_every))):
            run.check()  # in every process: were it the first alone, the others would wait for it in the next step
        if run.is_due(settings.log_every):
            values = {**meter.report(), "learning rate": rate, **run.loss_scale()}
            if monitor:
                with run.processes.failing_together():
                    monitor.train(position.step, position.epoch, values)
        if monitor:
            with meter.pause(), run.processes.failing_together():
                reason = _look(run, monitor, early_stop)


def take_step(run: Run, data: TimedIterator, meter: Meter) -> int:
    """Take the next step of a run, count it, and return how many frames of sound this process has learned from."""
    epoch, batches = next(data)
    losses = run.advance(epoch, batches)
    num_frames = sum(map(run.task.num_frames, batches))
    meter.add(losses, num_frames, data.waited_s)
    return num_frames


def _look(run: Run, monitor: Monitor, early_stop: EarlyStop | None) -> str | None:
    """Validate, sample and save where it is time to; return why to stop early, if there is a reason."""
    settings, position = run.recipe.run, run.position
    improved, reason = False, None
    if run.is_due(settings.validate_every):
        values, improved = run.validate()
        validations = monitor.validation(position.step, position.epoch, values)
        reason = early_stop.check(validations) if early_stop else None
    if run.is_due(settings.sample_every):
        monitor.samples(position.step, run.task.samples(run.network))
    if improved or run.is_due(settings.checkpoint_every):
        monitor.disk(position.step, position.epoch, run.checkpoint_bytes())
        if path := run.save():
            monitor.saved(position.step, path)
    return reason


def _farewell(run: Run, reason: str | None) -> str:
    where, step = run.checkpoints.run, run.position.step
    if reason is not None:
        return f"{reason}: stopped and saved at step {step} in {where}; go on with sonorant resume"
    best = run.position.best
    record = f", best {best.metric} {best.value:.4g} at step {best.step}" if best else ""
    return f"done: step {step} in {where}{record}"
