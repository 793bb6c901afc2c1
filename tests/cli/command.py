"""A command as a shell runs it, without a process of its own."""

import pytest

from sonorant.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run `sonorant` with arguments and return its exit code."""
    monkeypatch.setattr("sys.argv", ["sonorant", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
