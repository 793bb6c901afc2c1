"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sonorant.errors import RequestError

PARTIAL_SUFFIX = ".sonorant-partial"
"""Of a hidden file that is being written: no one else's has such a name."""


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file as `replace_file` does, with errors in words.

    Raises:
        RequestError: The path is a folder, its folder is missing, or the disk refuses.
    """
    check_writable(path)
    try:
        replace_file(path, write)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RequestError(f"{path}: cannot be written: {reason}; free the disk or give another path") from None


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under another name, make sure that it is on the disk, then put it in its place.

    Whatever fails, also the machine, the old file or the new one is there, never a part; when this returns, the new one
    is. The permissions of a file that is replaced stay.

    Args:
        path: The file.
        write: Writes the content into the open file it is given.

    Raises:
        OSError: The file cannot be written.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PARTIAL_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def is_partial(path: Path) -> bool:
    """Say whether a file is what a process that was killed in `replace_file` has left."""
    return path.name.startswith(".") and path.suffix == PARTIAL_SUFFIX


def remove_partial(folder: Path) -> None:
    """Remove what processes that were killed in `replace_file` have left here and below; none may be at work now."""
    for path in filter(is_partial, folder.rglob("*")):
        path.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the work of making it.

    Raises:
        RequestError: The path is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise RequestError(f"{path}: cannot be written, this is a folder; name a file in it")
    if not path.parent.is_dir():
        raise RequestError(f"{path}: its folder {path.parent} does not exist; make it first")


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Put a rename on the disk: it belongs to the folder and not to the file. Not every file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
