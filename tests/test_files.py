"""Files that are there whole or not at all."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from sonorant.errors import RequestError
from sonorant.files import check_writable, is_partial, remove_partial, write_file


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o640)
    write_file(path, lambda file: file.write(b"after"))
    assert path.read_bytes() == b"after" and path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("raised", "seen"), [(OSError(28, "No space left on device"), RequestError), (KeyError(), KeyError)]
)
def test_whatever_fails_while_writing_keeps_what_was_there(
    tmp_path: Path, raised: Exception, seen: type[Exception]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail(file: BinaryIO) -> None:
        file.write(b"half of it")
        raise raised

    with pytest.raises(seen):
        write_file(path, fail)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="this is a folder; name a file in it"):
        check_writable(tmp_path)
    with pytest.raises(RequestError, match="does not exist; make it first"):
        write_file(tmp_path / "missing" / "file", lambda file: None)


def test_what_is_half_written_has_the_name_that_the_next_start_removes_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "below"
    folder.mkdir()
    half: list[Path] = []

    def look(file: BinaryIO) -> None:
        half.extend(folder.iterdir())

    write_file(folder / "step.pt", look)
    assert [is_partial(path) for path in half] == [True] and not is_partial(folder / "step.pt")
    half[0].write_bytes(b"half")
    others = [folder / name for name in (".notes.tmp", ".step.pt.abcdefgh.tmp", f"notes{half[0].suffix}")]
    for path in others:
        path.write_bytes(b"years of work")
    remove_partial(tmp_path)
    assert {*folder.iterdir()} == {folder / "step.pt", *others}


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def sync(descriptor: int, true: Callable[[int], None] = os.fsync) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else f"{os.fstat(descriptor).st_size} bytes")
        true(descriptor)

    def rename(source: str, target: Path, true: Callable[..., None] = os.replace) -> None:
        done.append("rename")
        true(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    write_file(tmp_path / "file", lambda file: file.write(b"12345"))
    assert done == ["5 bytes", "rename", "folder"]
