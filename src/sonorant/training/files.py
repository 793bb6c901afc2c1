"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sonorant.errors import RequestError


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under another name, make sure that it is on the disk, then put it in its place.

    Whatever fails, also the machine, the old file or the new one is there, never a part.

    Args:
        path: The file.
        write: Writes the content into the open file it is given.

    Raises:
        RequestError: The disk is full, or the file cannot be written for another reason.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        temporary.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise RequestError(f"{path}: cannot be written: {reason}; what was there is untouched") from None


def _sync_folder(folder: Path) -> None:
    """Put a rename on the disk: it belongs to the folder and not to the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
