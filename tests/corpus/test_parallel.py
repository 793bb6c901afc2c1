import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sonorant.corpus.parallel import map_clips
from sonorant.errors import CorpusError

SLEEPERS = """
import os, sys, time
from sonorant.corpus.parallel import map_clips

def work(folder):
    open(f"{folder}/{os.getpid()}", "w").close()
    time.sleep(0.05)

if __name__ == "__main__":
    list(map_clips(work, [sys.argv[1]] * 4000, 2, None))
"""


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script, seen = tmp_path / "sleepers.py", tmp_path / "seen"
    script.write_text(SLEEPERS)
    seen.mkdir()
    parent = subprocess.Popen([sys.executable, script, seen], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while len(list(seen.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(entry.name) for entry in seen.iterdir()]
    assert len(workers) == 2 and all(map(_alive, workers))
    parent.kill()
    parent.wait()
    while any(map(_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, workers))


def test_a_killed_worker_is_told_in_words() -> None:
    with pytest.raises(CorpusError, match="one of 2 worker processes was killed; run again, with fewer workers"):
        list(map_clips(os._exit, [9] * 8, 2, None))


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_progress_counts_them(workers: int) -> None:
    seen: list[tuple[int, int]] = []
    results = map_clips(abs, [-1, 2, -3, 4, -5, 6], workers, lambda done, total: seen.append((done, total)))
    assert list(results) == [1, 2, 3, 4, 5, 6]
    assert seen == [(done, 6) for done in range(1, 7)]
