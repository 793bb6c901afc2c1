"""The features of a run: do they fit the recipe, and how long does a step wait for them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sonorant.config import FRONTEND_VERSION, AcousticRecipe, Recipe
from sonorant.errors import CorpusError
from sonorant.features.loader import micro_batch_size
from sonorant.features.store import FeatureStore


def open_store(path: Path, recipe: Recipe, num_processes: int = 1) -> FeatureStore:
    """Open prepared features and refuse those that the recipe cannot be trained on.

    Raises:
        ConfigError: The global batch cannot be dealt out to so many processes.
        CorpusError: No features, another mel or symbol table than the recipe's, or too few utterances; all problems
            at once.
    """
    micro_batch_size(recipe.batch, num_processes)
    store = FeatureStore(path)
    problems = _mel_problems(store, recipe) + _size_problems(store, recipe)
    if isinstance(recipe, AcousticRecipe):
        problems += _symbol_problems(store, recipe) + _pitch_problems(store) + _origin_problems(store)
    if problems:
        raise CorpusError(f"{path}: these features do not fit the recipe {recipe.name}\n  " + "\n  ".join(problems))
    return store


def _mel_problems(store: FeatureStore, recipe: Recipe) -> list[str]:
    found, wanted = store.config.mel.model_dump(), recipe.features.mel.model_dump()
    return [
        f"mel {name}: {found[name]} in the features, {wanted[name]} in the recipe; prepare again or change the recipe"
        for name in wanted
        if found[name] != wanted[name]
    ]


def _symbol_problems(store: FeatureStore, recipe: AcousticRecipe) -> list[str]:
    found, wanted = store.config.frontend, recipe.features.frontend
    problems = []
    if found.symbols != wanted.symbols:
        problems.append(f"symbols: {found.symbols} in the features, {wanted.symbols} in the recipe; prepare again")
    if found.version != FRONTEND_VERSION:
        problems.append(f"front end: version {found.version}, this is {FRONTEND_VERSION}; prepare again")
    return problems


def _pitch_problems(store: FeatureStore) -> list[str]:
    return [
        f"speaker {speaker}: no voiced frame, so no pitch to learn; do features.pitch_floor_hz and _ceiling_hz fit?"
        for speaker, statistics in zip(store.speakers, store.pitch, strict=True)
        if statistics.mean_hz == 0
    ]


def _origin_problems(store: FeatureStore) -> list[str]:
    if not (origin := store.index.mels_from):
        return []
    return [f"mels: made by {origin['name']} for a vocoder; an acoustic model learns from those of `prepare`"]


def _size_problems(store: FeatureStore, recipe: Recipe) -> list[str]:
    problems = []
    training, batch = len(store.split("train")), recipe.batch.global_batch
    if training < batch:
        problems.append(f"batch.global_batch: {batch}, but there are only {training} utterances to train on")
    if not store.split("validation"):
        problems.append("no utterance to validate on; prepare with a larger features.validation_share")
    return problems


class TimedIterator:
    """An iterator that knows how long its last item was waited for."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self.waited_s = 0.0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        start_s = time.perf_counter()
        item = next(self._items)
        self.waited_s = time.perf_counter() - start_s
        return item
