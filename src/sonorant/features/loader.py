"""Prepared features to an endless stream of batches that can begin at any step."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from torch.utils.data import DataLoader, Dataset

from sonorant.config import BatchConfig, Recipe, VocoderRecipe
from sonorant.errors import ConfigError, CorpusError
from sonorant.features.batch import AcousticBatch, VocoderBatch, acoustic_batch, vocoder_batch
from sonorant.features.order import epoch_batches
from sonorant.features.store import Entry, FeatureStore

Step = tuple[int, list[AcousticBatch] | list[VocoderBatch]]
"""The epoch, and the micro-batches that make one global batch."""

STEPS_AHEAD = 2
"""Global batches read ahead by the thread that stands in for worker processes."""


class Steps(Dataset[Step]):
    """What each optimiser step of a run reads; step N is known without steps 0 to N - 1.

    The micro-batches of a step are dealt out to the processes in turn, beginning with rank 0.

    Raises:
        CorpusError: There are fewer utterances than the global batch needs.
        ConfigError: The global batch cannot be dealt out evenly.
    """

    def __init__(
        self, store: FeatureStore, entries: Sequence[Entry], recipe: Recipe, rank: int = 0, num_processes: int = 1
    ) -> None:
        self._store, self._entries, self._recipe = store, tuple(entries), recipe
        batch = recipe.batch
        if len(self._entries) < batch.global_batch:
            raise CorpusError(
                f"{store.path}: {len(self._entries)} utterances to train on, fewer than batch.global_batch "
                f"{batch.global_batch}; lower it or add recordings"
            )
        self.per_epoch = len(self._entries) // batch.global_batch
        self._micro = micro_batch_size(batch, num_processes)
        self._rank, self._num_processes = rank, num_processes
        self._ids = [entry.utterance_id for entry in self._entries]
        self._lengths = [entry.num_frames for entry in self._entries]
        self._order: tuple[int, list[list[int]]] = -1, []  # the epoch whose batches are at hand, and those

    def __getitem__(self, step: int) -> Step:
        epoch, index = divmod(step, self.per_epoch)
        chosen = [self._entries[position] for position in self._batches(epoch)[index]]
        starts = range(self._rank * self._micro, len(chosen), self._num_processes * self._micro)
        parts = [chosen[start : start + self._micro] for start in starts]
        recipe = self._recipe
        if isinstance(recipe, VocoderRecipe):
            return epoch, [vocoder_batch(recipe, self._store, part, recipe.run.seed, epoch) for part in parts]
        return epoch, [acoustic_batch(self._store, part) for part in parts]

    def _batches(self, epoch: int) -> list[list[int]]:
        if self._order[0] != epoch:
            batch = self._recipe.batch
            batches = epoch_batches(
                self._ids, self._lengths, self._recipe.run.seed, epoch, batch.global_batch, batch.buckets
            )
            self._order = epoch, batches
        return self._order[1]


def micro_batch_size(batch: BatchConfig, num_processes: int) -> int:
    """Return how many utterances each of `num_processes` processes has in memory at once.

    Raises:
        ConfigError: The global batch cannot be dealt out evenly.

    Example:
        >>> micro_batch_size(BatchConfig(global_batch=32), 4), micro_batch_size(BatchConfig(micro_batch=2), 4)
        (8, 2)
    """
    size = batch.micro_batch or max(1, batch.global_batch // num_processes)
    if batch.global_batch % (size * num_processes):
        raise ConfigError(
            f"batch.global_batch: {batch.global_batch} cannot be dealt out to {num_processes} processes in "
            f"micro-batches of {size}; choose a multiple of {size * num_processes}"
        )
    return size


def micro_batches(
    store: FeatureStore,
    entries: Sequence[Entry],
    recipe: Recipe,
    start_step: int,
    rank: int = 0,
    num_processes: int = 1,
    pin: bool = False,
) -> Iterator[Step]:
    """Yield what each optimiser step of process `rank` of `num_processes` reads, from `start_step` on and without end.

    An epoch is as many steps as there are whole global batches in `entries`. What a step reads depends on the entries,
    the recipe and its number alone. For a GPU, `pin` lets it lie in pinned memory.

    Raises:
        CorpusError: There are fewer utterances than the global batch needs, or a file is damaged.
        ConfigError: The global batch cannot be dealt out evenly.
    """
    steps = Steps(store, entries, recipe, rank, num_processes)
    workers = recipe.batch.num_workers
    if not workers:
        return _ahead(steps, start_step, pin)
    sampler: Any = count(start_step)  # a sampler may be any iterable of indices; this one has no end
    return iter(
        DataLoader(steps, batch_size=None, sampler=sampler, num_workers=workers, collate_fn=_as_is, pin_memory=pin)
    )


def _ahead(steps: Steps, start_step: int, pin: bool) -> Iterator[Step]:
    """Read, and pin, in a thread while the step before is computed."""

    def read(number: int) -> Step:
        epoch, batches = steps[number]
        pinned: Any = [batch.pin_memory() for batch in batches] if pin else batches
        return epoch, pinned

    with ThreadPoolExecutor(1, thread_name_prefix="features") as pool:
        numbers = count(start_step)
        waiting = deque(pool.submit(read, next(numbers)) for _ in range(STEPS_AHEAD))
        while True:
            yield waiting.popleft().result()
            waiting.append(pool.submit(read, next(numbers)))


def _as_is(step: Any) -> Any:
    return step
