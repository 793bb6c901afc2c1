"""The order of data depends on the seed, the epoch and the ids, and on nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.features.order import crop_start, epoch_batches

IDS = [f"clip{n:03}" for n in range(103)]
LENGTHS = [50 + 37 * n % 400 for n in range(103)]


def batches(epoch: int = 0, seed: int = 0, buckets: bool = False, size: int = 8) -> list[list[int]]:
    return epoch_batches(IDS, LENGTHS, seed, epoch, size, buckets)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=80),
    size=st.integers(1, 9), epoch=st.integers(0, 5), buckets=st.booleans(),
)  # fmt: skip
def test_an_epoch_is_whole_batches_of_different_utterances(
    lengths: list[int], size: int, epoch: int, buckets: bool
) -> None:
    found = epoch_batches([str(n) for n in range(len(lengths))], lengths, 3, epoch, size, buckets)
    chosen = [position for batch in found for position in batch]
    assert len(found) == len(lengths) // size and all(len(batch) == size for batch in found)
    assert len(set(chosen)) == len(chosen) and set(chosen) <= set(range(len(lengths)))


@pytest.mark.parametrize("buckets", [False, True])
def test_the_order_does_not_depend_on_the_order_of_the_corpus_or_on_what_was_asked_before(buckets: bool) -> None:
    positions = list(range(len(IDS)))
    random.Random(1).shuffle(positions)
    ids, lengths = [IDS[p] for p in positions], [LENGTHS[p] for p in positions]
    state = random.getstate()
    shuffled = epoch_batches(ids, lengths, 0, 4, 8, buckets)
    assert random.getstate() == state
    assert [[ids[p] for p in batch] for batch in shuffled] == [
        [IDS[p] for p in batch] for batch in batches(4, buckets=buckets)
    ]


def test_every_epoch_and_seed_has_its_own_order() -> None:
    orders = [batches(epoch, seed) for epoch in range(3) for seed in range(3)]
    assert all(first != second for number, first in enumerate(orders) for second in orders[:number])


def test_over_the_epochs_every_utterance_has_its_turn() -> None:
    seen = {position for epoch in range(8) for batch in batches(epoch) for position in batch}
    assert seen == set(range(len(IDS)))


def test_buckets_gather_similar_lengths_in_another_company_every_epoch() -> None:
    def padding(found: list[list[int]]) -> int:
        return sum(max(LENGTHS[p] for p in batch) - LENGTHS[q] for batch in found for q in batch)

    assert padding(batches(buckets=True)) < 0.3 * padding(batches())
    first, second = ({frozenset(batch) for batch in batches(epoch, buckets=True)} for epoch in (0, 1))
    assert len(first & second) < 3


def test_lengths_of_other_utterances_are_refused() -> None:
    with pytest.raises(ValueError, match="103 utterances but 102 lengths"):
        epoch_batches(IDS, LENGTHS[:-1], 0, 0, 8, True)


@given(num_frames=st.integers(1, 300), segment=st.integers(1, 300), epoch=st.integers(0, 9), name=st.text(max_size=5))
def test_a_crop_lies_inside_the_utterance(num_frames: int, segment: int, epoch: int, name: str) -> None:
    start = crop_start(7, epoch, name, num_frames, segment)
    assert start == crop_start(7, epoch, name, num_frames, segment)
    assert start == 0 if num_frames <= segment else 0 <= start <= num_frames - segment


def test_crops_are_spread_over_the_utterance() -> None:
    starts = [crop_start(0, epoch, "a", 41, 32) for epoch in range(300)]
    assert set(starts) == set(range(10))
    assert max(map(starts.count, range(10))) < 60
