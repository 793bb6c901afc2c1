"""Fine-tuning: the recipe that suits a source and a corpus, and the checkpoint that the run begins with.

A fine-tuning is a run whose checkpoint of step 0 holds another model's weights. From there on it is like any run: it is
resumed, validated and packed in the same way.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sonorant.config import (
    AcousticRecipe,
    AdversarialRecipe,
    FastPitchRecipe,
    MelConfig,
    Recipe,
    dump_recipe,
    load_recipe,
    parse_recipe,
)
from sonorant.errors import CorpusError, RequestError
from sonorant.features.store import FeatureStore
from sonorant.training.initial import first_weights, load_weights
from sonorant.training.processes import Processes
from sonorant.training.run import Run
from sonorant.training.source import Half, Source

LEAST_HOURS = 1 / 12
"""Less than five minutes are trained on as long as five minutes."""

FREE = ("dropout", "mark_penalty")
"""Settings of a model that its weights do not fix."""

VALIDATIONS = 20
"""At least so often a run is measured, so that the best checkpoint is one from before it learns by heart."""


def finetuning_recipe(
    source: Source, store: FeatureStore, name: str | None = None, overrides: Sequence[str] = ()
) -> tuple[Recipe, list[str]]:
    """Resolve the recipe of a fine-tuning, and tell what was decided.

    The sizes of the model are the source's, the features are the corpus's, and the rest is the named recipe's, whose
    `run.steps` are those for one hour of recordings.

    Args:
        source: What to begin with.
        store: The features of the corpus.
        name: A shipped recipe or a YAML file; None: the one for the source's kind.
        overrides: `section.key=value`, of what is not the source's or the corpus's to decide.

    Raises:
        ConfigError: The recipe's settings are wrong.
        CorpusError: The source cannot go on with these features; all reasons at once.
        RequestError: The recipe trains another kind of model, or an override is of what is decided.
    """
    model = source.model
    recipe = load_recipe(name or f"finetune_{model.kind}", overrides)
    if recipe.task != model.kind:
        raise RequestError(f"{source.name} is a {model.kind}, the recipe {recipe.name} trains a {recipe.task}")
    _refuse_decided(source, overrides)
    _refuse_other_sound(source, store, isinstance(recipe, AcousticRecipe))
    tree, notes = dump_recipe(recipe), []
    explicit = recipe.model.model_dump(mode="json", exclude_unset=True)
    tree["model"] = _with_free(model.config.model_dump(mode="json"), explicit)
    tree["features"] = store.config.model_dump(mode="json")
    if isinstance(recipe, AcousticRecipe):
        tree["model"]["embed_single_speaker"] |= len(model.speakers) > 1
    if isinstance(recipe, AdversarialRecipe):
        notes.append(_judge(tree, source, "adversarial_start", "discriminators_alone"))
    elif isinstance(recipe, FastPitchRecipe) and recipe.discriminators:
        notes.append(_judge(tree, source, "adversarial_start"))
    notes.append(_set_length(tree["run"], store, {override.partition("=")[0] for override in overrides}))
    return parse_recipe(tree, recipe.name), notes


def begin(source: Source, recipe: Recipe, store: FeatureStore, folder: Path, notes: Iterable[str] = ()) -> list[str]:
    """Write the checkpoint of step 0 into a new run folder, and tell what became of symbols and speakers.

    Args:
        source: What to begin with.
        recipe: As `finetuning_recipe` resolves it.
        store: The features of the corpus.
        folder: The run; `resume` goes on with it.
        notes: What has been told already; all of it is kept in the checkpoint.

    Raises:
        RequestError: The folder holds something, or cannot be written.
        VoiceError: The weights are not those of the model.
    """
    run = Run(recipe, store, folder, Processes())
    embeds = isinstance(recipe, AcousticRecipe) and (len(store.speakers) > 1 or recipe.model.embed_single_speaker)
    weights, told = first_weights(source.model, store, embeds)
    load_weights(run.task.networks[run.task.trained], weights)
    if run.ema:
        load_weights(run.ema.network, weights)
    if source.judges and "discriminators" in run.task.networks:
        load_weights(run.task.networks["discriminators"], source.judges.weights)
    origin = {"name": source.name, "kind": source.model.kind, "facts": dict(source.model.facts)}
    run.start_from({**origin, "notes": [*notes, *told]})
    return told


def half_of_recipe(name: str | None) -> Half | None:
    """Say which half of a voice a recipe trains; None where no recipe is named.

    Raises:
        ConfigError: There is no such recipe, or its settings are wrong.
    """
    if name is None:
        return None
    return "acoustic" if isinstance(load_recipe(name), AcousticRecipe) else "vocoder"


def steps_for(hours: float, steps_for_one_hour: int) -> int:
    """Return how long to train on so many hours: with their square root, so that little data is seen more often.

    Example:
        >>> [steps_for(hours, 2000) for hours in (5 / 60, 0.5, 1.0, 2.0)]
        [577, 1414, 2000, 2828]
    """
    return max(1, round(steps_for_one_hour * math.sqrt(max(hours, LEAST_HOURS))))


def _refuse_decided(source: Source, overrides: Iterable[str]) -> None:
    """Refuse to change what the weights or the features have fixed."""
    fixed = {"model": "the sizes of the model are those of", "features": "the features are made already, not by"}
    if source.judges:
        fixed["discriminators"] = "the discriminators are those of"
    for override in overrides:
        key = override.partition("=")[0]
        section = key.partition(".")[0]
        if section in fixed and not key.endswith(FREE):
            raise RequestError(f"{override}: {fixed[section]} {source.name}; leave it out")


def _refuse_other_sound(source: Source, store: FeatureStore, acoustic: bool) -> None:
    """Refuse features of another mel or another language than the source's.

    How a mel is padded is bridged when a voice is packed, so an acoustic model may learn the other convention; a
    vocoder's sound would lie half a hop beside the recordings.
    """
    theirs, found = source.model.mel, store.config.mel
    problems = [f"mel {difference}" for difference in theirs.incompatibilities(found)]
    if not acoustic and theirs.padding != found.padding:
        problems.append(f"mel padding {theirs.padding} and {found.padding}")
    spoken, read = source.model.frontend, store.config.frontend
    if spoken and str(spoken.language) != str(read.language):
        problems.append(f"language {spoken.language} and {read.language}")
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise CorpusError(
            f"{store.path}: {source.name} cannot go on with these features; its and theirs differ:{listed}\n"
            f"prepare the corpus as {source.name} wants it: {_prepare_options(theirs, found)}"
        )


def _prepare_options(wanted: MelConfig, found: MelConfig) -> str:
    """Return the overrides with which `prepare` makes the wanted mel."""
    ours, theirs = wanted.model_dump(), found.model_dump()
    return " ".join(f"features.mel.{name}={ours[name]}" for name in ours if ours[name] != theirs[name])


def _with_free(source: Mapping[str, Any], explicit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source's sizes with what a recipe may choose."""
    merged = dict(source)
    for name, value in explicit.items():
        if isinstance(value, Mapping) and isinstance(source.get(name), Mapping):
            merged[name] = _with_free(source[name], value)
        elif name.endswith(FREE):
            merged[name] = value
    return merged


def _judge(tree: dict[str, Any], source: Source, *waits: str) -> str:
    """Go on with the source's discriminators, or let new ones learn before they judge.

    Args:
        waits: Settings of the loss, in steps; the last is for how long new discriminators learn without judging.
    """
    loss = tree["loss"]
    if source.judges:
        tree["discriminators"] = source.judges.config.model_dump(mode="json")
        loss |= dict.fromkeys(waits, 0)
        return f"discriminators: those of {source.name}"
    alone = f"{loss[waits[-1]]} steps (loss.{waits[-1]})"
    return f"discriminators: {source.name} has none; new ones learn alone for {alone}"


def _set_length(run: dict[str, Any], store: FeatureStore, chosen: set[str]) -> str:
    """Set the steps by the amount of recordings, and measure often enough; what was chosen by hand stays."""
    mel = store.config.mel
    hours = sum(entry.num_frames for entry in store.split("train")) * mel.hop_length / mel.sample_rate / 3600
    if by_amount := "run.steps" not in chosen:
        told = f"{run['steps']} x the root of the hours; run.steps=N decides otherwise"
        run["steps"] = steps_for(hours, run["steps"])
    for interval in ("validate_every", "checkpoint_every"):
        if f"run.{interval}" not in chosen:
            run[interval] = min(run[interval], max(1, run["steps"] // VALIDATIONS))
    return f"steps: {run['steps']} on {hours * 60:.1f} minutes of recordings ({told if by_amount else 'as chosen'})"
