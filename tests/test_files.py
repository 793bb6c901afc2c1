"""Files that are there whole or not at all."""

from pathlib import Path
from typing import BinaryIO

import pytest

from sonorant.errors import RequestError
from sonorant.files import check_writable, write_file


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
