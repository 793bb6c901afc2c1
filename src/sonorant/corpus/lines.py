"""Reading transcripts line by line, with every problem gathered instead of raised."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sonorant.corpus.records import Problem, Severity


class ProblemList(list[Problem]):
    """Problems in the order in which they were met."""

    def error(self, kind: str, message: str, utterance_id: str | None = None, line: int | None = None) -> None:
        """Add what keeps a clip from being used."""
        self._add("error", kind, message, utterance_id, line)

    def warning(self, kind: str, message: str, utterance_id: str | None = None, line: int | None = None) -> None:
        """Add what asks for a look."""
        self._add("warning", kind, message, utterance_id, line)

    def note(self, kind: str, message: str, utterance_id: str | None = None, line: int | None = None) -> None:
        """Add what is worth knowing."""
        self._add("note", kind, message, utterance_id, line)

    def _add(self, severity: Severity, kind: str, message: str, utterance_id: str | None, line: int | None) -> None:
        name = None if utterance_id is None else printable(utterance_id)
        self.append(Problem(kind, severity, name, line, printable(message)))


def printable(text: str) -> str:
    """Escape what no encoding can write: file names that are not UTF-8, and halves of surrogate pairs.

    Example:
        >>> printable("caf\\udce9")
        'caf\\\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True)
class Line:
    """One line of a transcript file that is not blank, without its line end; numbers begin at 1."""

    source: Path
    number: int
    text: str

    @property
    def where(self) -> str:
        """The file and the line, as messages begin."""
        return f"{self.source}:{self.number}"


def read_lines(path: Path, problems: ProblemList) -> Iterator[Line]:
    """Yield the lines of a UTF-8 file that are not blank; lines in another encoding become problems."""
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problems.error("encoding", f"{path}: the file is UTF-16, expected UTF-8; save it as UTF-8", line=1)
        return
    for number, raw in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        text = decode(raw, path, number, None, problems)
        if text is not None and text.strip():
            yield Line(path, number, text.rstrip("\r"))


def decode(raw: bytes, path: Path, number: int | None, utterance_id: str | None, problems: ProblemList) -> str | None:
    """Decode UTF-8; on failure add a problem that names the byte and return None."""
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        where = str(path) if number is None else f"{path}:{number}"
        message = f"{where}: byte 0x{raw[error.start]:02x} at position {error.start + 1} is not UTF-8; save it as UTF-8"
        problems.error("encoding", message, utterance_id, number)
        return None
