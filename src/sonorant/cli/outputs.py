"""What a command is about to write is checked before the work, not after it."""

from pathlib import Path

from sonorant.errors import RequestError


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written.

    Raises:
        RequestError: The path is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise RequestError(f"{path}: is a folder; name a file in it")
    if not path.parent.is_dir():
        raise RequestError(f"{path}: its folder {path.parent} does not exist; make it first")
