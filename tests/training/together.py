"""Starting a script in several processes, as a launcher does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def together(count: int, script: str, *arguments: object) -> None:
    """Run a script of this folder in so many processes that can meet each other, and wait for them."""
    common = {"WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"tests.training.{script}", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {name: str(value) for name, value in {**common, "RANK": rank, "LOCAL_RANK": rank}.items()},
            stderr=subprocess.PIPE,
        )
        for rank in range(count)
    ]
    errors = [process.communicate(timeout=300)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * count, "\n".join(errors)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
