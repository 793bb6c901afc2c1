"""Batches can begin at any step, whatever reads them."""

from itertools import chain, islice

import pytest
import torch
from torch.utils.data._utils.pin_memory import pin_memory

from sonorant.config import FastPitchRecipe, HifiganRecipe, load_recipe
from sonorant.errors import CorpusError
from sonorant.features.loader import Step, micro_batches
from sonorant.features.store import FeatureStore

TINY = {"fastpitch": "tiny_fastpitch", "hifigan": "tiny_hifigan"}


def recipe(model: str, **batch: int) -> FastPitchRecipe | HifiganRecipe:
    changes = {"global_batch": 4, "micro_batch": 2, "num_workers": 0, **batch}
    return load_recipe(TINY[model], [f"batch.{name}={value}" for name, value in changes.items()])


def take(store: FeatureStore, start_step: int, num_steps: int, model: str = "hifigan", **batch: int) -> list[Step]:
    steps = micro_batches(store, store.entries, recipe(model, **batch), start_step)
    return list(islice(steps, num_steps))


def assert_equal(first: list[Step], second: list[Step]) -> None:
    assert len(first) == len(second)
    for (epoch, batches), (other_epoch, others) in zip(first, second, strict=True):
        assert epoch == other_epoch and len(batches) == len(others)
        for batch, other in zip(batches, others, strict=True):
            assert batch.utterance_ids == other.utterance_ids
            assert torch.equal(batch.mel, other.mel)


@pytest.mark.parametrize("model", TINY)
def test_to_start_at_a_step_is_to_skip_those_before(model: str, store: FeatureStore) -> None:
    whole = take(store, 0, 8, model)
    assert [epoch for epoch, _ in whole] == [0, 0, 0, 1, 1, 1, 2, 2]
    for start in (1, 3, 5):
        assert_equal(take(store, start, 8 - start, model), whole[start:])


def test_an_epoch_reads_every_utterance_once_in_another_order_than_the_next(store: FeatureStore) -> None:
    ids = [[name for batch in batches for name in batch.utterance_ids] for _, batches in take(store, 0, 6)]
    first, second = list(chain(*ids[:3])), list(chain(*ids[3:]))
    assert sorted(first) == sorted(second) == [entry.utterance_id for entry in store.entries]
    assert first != second


def test_micro_batches_are_the_global_batch_in_parts(store: FeatureStore) -> None:
    (_, [whole]), (_, parts) = take(store, 2, 1, micro_batch=4)[0], take(store, 2, 1, micro_batch=1)[0]
    assert len(parts) == 4 and whole.utterance_ids == tuple(part.utterance_ids[0] for part in parts)
    assert torch.equal(whole.mel, torch.cat([part.mel for part in parts]))


def test_every_tensor_is_pinned_for_a_gpu(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU torch cannot pin: negating stands in for it."""
    plain = take(store, 0, 3)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor, *_: -tensor)
    by_thread = list(islice(micro_batches(store, store.entries, recipe("hifigan"), 0, pin=True), 3))
    by_torch = [pin_memory(step) for step in plain]  # as the DataLoader of worker processes does it
    for steps in (by_thread, by_torch):
        for (_, batches), (_, others) in zip(steps, plain, strict=True):
            for batch, other in zip(batches, others, strict=True):
                assert batch.utterance_ids == other.utterance_ids
                assert torch.equal(batch.mel, -other.mel) and torch.equal(batch.waveform, -other.waveform)


@pytest.mark.slow
def test_worker_processes_change_nothing(store: FeatureStore) -> None:
    assert_equal(take(store, 1, 4, num_workers=2), take(store, 1, 4))


def test_a_global_batch_larger_than_the_split_is_refused(store: FeatureStore) -> None:
    with pytest.raises(CorpusError, match=r"12 utterances to train on, fewer than batch\.global_batch 13; lower it"):
        micro_batches(store, store.entries, recipe("hifigan", global_batch=13, micro_batch=1), 0)
