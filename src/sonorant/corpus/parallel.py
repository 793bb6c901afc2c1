"""The same work for many clips, in this process or in several."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from sonorant.errors import CorpusError

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int, int], None]
"""Called with how many clips are done and how many there are."""

CHUNK = 4
"""Clips handed to a process at a time."""


def map_clips(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, progress: Progress | None
) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order.

    With one worker everything happens here. With more, fresh processes are started, so `work` must be picklable: a
    function of a module, or an instance of a class that is one.

    Raises:
        CorpusError: A process was killed from outside, as happens when memory runs out.
    """
    items = list(items)
    for done, result in enumerate(_results(work, items, workers), start=1):
        if progress:
            progress(done, len(items))
        yield result


def _results(work: Callable[[Item], Result], items: list[Item], workers: int) -> Iterator[Result]:
    if workers <= 1 or len(items) <= CHUNK:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=get_context("spawn"))
    try:
        yield from pool.map(work, items, chunksize=CHUNK)
    except BrokenProcessPool:
        raise CorpusError(f"one of {workers} worker processes was killed; run again, with fewer workers") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
