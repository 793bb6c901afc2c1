"""A bar on a terminal, a line now and then elsewhere; always on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

REPORTS = 10
"""Lines written for a whole job where there is no terminal."""


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a job is; the yielded function takes how much is done and how much there is."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if done == total or done % max(1, total // REPORTS) == 0:
            print(f"{what}: {done}/{total}", file=sys.stderr, flush=True)

    return show
