"""The same work for many clips, in this process or in several."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
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
    function of a module, or an instance of a class that is one. They end when this process ends, however it does.

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
    processes = min(workers, len(items))
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_follow_parent)
    try:
        yield from pool.map(work, items, chunksize=CHUNK)
    except BrokenProcessPool:
        raise CorpusError(f"one of {workers} worker processes was killed; run again, with fewer workers") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """Make this worker process end with the process that started it.

    A worker waits for work without looking up, so one whose parent was killed would stay for ever. Ctrl-C reaches the
    workers too, but is left to the parent, which then stops them in good order.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None, "only a worker follows"
    sentinel = parent.sentinel

    def end_with_parent() -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, name="follow-parent", daemon=True).start()
