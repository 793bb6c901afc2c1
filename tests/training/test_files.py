import os
from pathlib import Path
from typing import BinaryIO

import pytest

from sonorant.errors import RequestError
from sonorant.training.files import write_file


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "note"
    for content in (b"one", b"two"):
        write_file(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda old, new: (order.append("replace"), replace(old, new)))
    write_file(tmp_path / "note", lambda file: file.write(b"one"))
    assert order == ["fsync", "replace", "fsync"]  # the second is the folder's


def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_bytes(b"old")

    def half(file: BinaryIO) -> None:
        file.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(RequestError, match="note: cannot be written: No space left on device"):
        write_file(path, half)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
