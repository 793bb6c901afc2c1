"""What a corpus is once it has been read: records, and what was wrong with the rest."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
Layout = Literal["ljspeech", "pairs", "filelist", "jsonl"]


@dataclass(frozen=True)
class Record:
    """One recording and what is said in it.

    Attributes:
        utterance_id: Unique in its corpus and the same wherever the corpus lies.
        audio: The recording; it existed when the corpus was read.
        text: What is said, as written.
        speaker: Who says it.
        line: Line of `source` that names the recording; None where a file holds one transcript only.
        source: The file that holds the text.
    """

    utterance_id: str
    audio: Path
    text: str
    speaker: str
    line: int | None
    source: Path

    @property
    def where(self) -> str:
        """The place of the text, as messages begin: the file, and the line where it has lines."""
        return str(self.source) if self.line is None else f"{self.source}:{self.line}"

    @property
    def audio_where(self) -> str:
        """The recording, behind the line that names it."""
        return str(self.audio) if self.line is None else f"{self.where}: {self.audio}"


@dataclass(frozen=True)
class Problem:
    """Something wrong or odd in a corpus.

    An error keeps the clip from being used, a warning asks for a look, a note is worth knowing.
    """

    kind: str
    severity: Severity
    utterance_id: str | None
    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Corpus:
    """A corpus as read: what can be used, and every problem met on the way."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    layout: Layout
    path: Path
