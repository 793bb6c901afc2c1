"""The order of data: a pure function of the seed, the epoch and the ids of the utterances.

Nothing here keeps state or draws from a random generator, so shuffles and crops do not depend on how many workers or
processes there are, nor on where a run was interrupted.
"""

import hashlib
from collections.abc import Sequence

POOL_BATCHES = 16
"""Bucketing sorts this many shuffled batches by length at a time: little padding, yet other company every epoch."""


def epoch_batches(
    utterance_ids: Sequence[str],
    lengths: Sequence[int],
    seed: int,
    epoch: int,
    global_batch: int,
    buckets: bool,
) -> list[list[int]]:
    """Shuffle the utterances of one epoch into batches; those that do not fill a last batch wait for another epoch.

    Args:
        utterance_ids: What the order is derived from.
        lengths: Frames of each utterance, for bucketing.
        seed: Seed of the run.
        epoch: Counted from 0.
        global_batch: Utterances per batch.
        buckets: Whether a batch holds utterances of similar length.

    Returns:
        Positions in `utterance_ids`, `global_batch` in each list.

    Example:
        >>> epoch_batches(["a", "b", "c", "d", "e"], [9, 1, 8, 2, 5], seed=0, epoch=0, global_batch=2, buckets=False)
        [[3, 4], [2, 0]]
    """
    if len(utterance_ids) != len(lengths):
        raise ValueError(f"{len(utterance_ids)} utterances but {len(lengths)} lengths")
    shuffled = sorted(range(len(utterance_ids)), key=lambda index: draw(seed, epoch, "order", utterance_ids[index]))
    shuffled = shuffled[: len(shuffled) // global_batch * global_batch]
    if not buckets:
        return _cut(shuffled, global_batch)
    batches: list[list[int]] = []
    for pool in _cut(shuffled, POOL_BATCHES * global_batch):
        batches += _cut(sorted(pool, key=lambda index: (lengths[index], utterance_ids[index])), global_batch)
    return sorted(batches, key=lambda batch: draw(seed, epoch, "batch", utterance_ids[batch[0]]))


def crop_start(seed: int, epoch: int, utterance_id: str, num_frames: int, segment_frames: int) -> int:
    """Return the first frame of an utterance's training segment in an epoch; 0 if it is shorter than the segment."""
    choices = max(1, num_frames - segment_frames + 1)
    return draw(seed, epoch, "crop", utterance_id) % choices


def draw(seed: int, epoch: int, purpose: str, name: str) -> int:
    """Return 64 bits that are as good as random for every combination of arguments."""
    digest = hashlib.blake2b(f"{seed}\n{epoch}\n{purpose}\n{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _cut(indices: list[int], size: int) -> list[list[int]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]
