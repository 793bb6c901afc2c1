"""Where the files of a voice come from: a folder or a .voice zip. Nothing is ever unpacked to disk."""

import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from sonorant.errors import VoiceError

MAX_TOTAL_BYTES = 4 * 2**30
"""The most that the members of a zip may say they hold together."""

_DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, ValueError)
_SYMLINK = 0o120000
_FILE_TYPE = 0o170000


class Source(Protocol):
    """Reads the files of one voice by their plain names."""

    where: str

    def size(self, name: str) -> int:
        """Return how many bytes a file holds, or says it holds, without reading it.

        Raises:
            VoiceError: There is no such file, or it is not a regular one.
        """
        ...

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return a file's content.

        Raises:
            VoiceError: There is no such file, it is not a regular one, is damaged, or holds more than `max_bytes`.
        """
        ...


class FolderSource:
    """A voice as a folder."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path

    def size(self, name: str) -> int:
        """Return a file's size; a link is refused, wherever it leads."""
        path = self._path / name
        if path.is_symlink():
            raise VoiceError(f"{self.where}: {name} is a link; a voice holds regular files only")
        if not path.is_file():
            raise VoiceError(f"{self.where}: {name} is missing")
        return path.stat().st_size

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return a file's content."""
        self.size(name)
        try:
            with (self._path / name).open("rb") as file:
                return _limited(file.read(max_bytes + 1), max_bytes, self.where, name)
        except OSError as error:
            raise VoiceError(f"{self.where}: {name} cannot be read: {error.strerror or error}") from None


class ZipSource:
    """A voice as one .voice file, a zip with all files at its top."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise VoiceError(f"{path}: cannot be read: {error.strerror or error}") from None
        except _DAMAGED as error:
            raise VoiceError(f"{path}: not a .voice file, which is a zip: {error}") from None
        self._members = self._checked_members()

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            if "/" in info.filename or "\\" in info.filename or info.filename in ("", ".", ".."):
                raise VoiceError(f"{self.where}: {info.filename!r} does not lie at the top of the voice")
            if info.external_attr >> 16 & _FILE_TYPE == _SYMLINK:
                raise VoiceError(f"{self.where}: {info.filename} is a link; a voice holds regular files only")
            if info.filename in members:
                raise VoiceError(f"{self.where}: {info.filename} is there twice")
            members[info.filename] = info
        total = sum(info.file_size for info in members.values())
        if total > MAX_TOTAL_BYTES:
            raise VoiceError(f"{self.where}: holds {total} bytes unpacked, at most {MAX_TOTAL_BYTES} are allowed")
        return members

    def size(self, name: str) -> int:
        """Return the size that the zip declares for a member."""
        if name not in self._members:
            raise VoiceError(f"{self.where}: {name} is missing")
        return self._members[name].file_size

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return a member's content, unpacking no more than `max_bytes` whatever the zip declares."""
        self.size(name)
        try:
            with self._zip.open(self._members[name]) as file:
                return _limited(file.read(max_bytes + 1), max_bytes, self.where, name)
        except OSError as error:
            raise VoiceError(f"{self.where}: {name} cannot be read: {error.strerror or error}") from None
        except (*_DAMAGED, zlib.error) as error:
            raise VoiceError(f"{self.where}: {name} is damaged: {error}") from None


def _limited(data: bytes, max_bytes: int, where: str, name: str) -> bytes:
    if len(data) > max_bytes:
        raise VoiceError(f"{where}: {name} holds more than the {max_bytes} bytes it may")
    return data
