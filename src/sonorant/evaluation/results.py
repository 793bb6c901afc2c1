"""What an evaluation found, sentence by sentence, as it is kept in report.json."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from sonorant.errors import RequestError

FORMAT_VERSION = 1
REPORT_NAME = "report.json"

Kind = Literal["speech", "copy"]
"""A whole voice that spoke texts, or a vocoder that copied recordings."""


class Share(NamedTuple):
    """One sentence's part of a figure: the figure of many sentences is the sum of `part` over the sum of `whole`.

    Word errors are parts of words, misvoiced frames parts of frames; where each sentence counts the same, `whole` is 1.
    """

    part: float
    whole: float = 1.0


@dataclass(frozen=True)
class SentenceResult:
    """What was measured of one sentence.

    Attributes:
        sentence_id: The utterance's id in prepared features, or the number of the line.
        category: What kind of sentence it is; may be empty.
        text: As written.
        expected: The words to be said.
        heard: The words that the recogniser heard.
        heard_in_recording: The same for the recording; None without one.
        shares: By metric.
        recording_shares: The same of the recording, for metrics that need no reference.
        notes: What the voice warned of, and words that it skipped.
    """

    sentence_id: str
    category: str
    text: str
    expected: str
    heard: str
    heard_in_recording: str | None
    shares: dict[str, Share]
    recording_shares: dict[str, Share]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """One run of the instrument.

    Attributes:
        kind: What was judged.
        subject: The voice or the model.
        material: What it spoke or copied.
        facts: How it was measured: versions, threads, date, memory.
        sentences: In the order of the material.
    """

    kind: Kind
    subject: str
    material: str
    facts: dict[str, str | int | float]
    sentences: tuple[SentenceResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"format": FORMAT_VERSION, **asdict(self)}


_EVALUATION = TypeAdapter(Evaluation)


def read_evaluation(path: Path) -> Evaluation:
    """Read a report.json, or the one of a folder.

    Raises:
        RequestError: There is none, or this version does not read it.
    """
    file = path / REPORT_NAME if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{file}: cannot be read: {error.strerror}; make it by sonorant evaluate --out") from None
    except ValueError:
        raise RequestError(f"{file}: not JSON; give the report.json or the folder of an evaluation") from None
    version = found.get("format") if isinstance(found, dict) else None
    if version != FORMAT_VERSION:
        raise RequestError(f"{file}: report format {version}, this version reads {FORMAT_VERSION}; evaluate again")
    try:
        return _EVALUATION.validate_python({name: value for name, value in found.items() if name in _FIELDS})
    except ValidationError as error:
        raise RequestError(f"{file}: not a report of sonorant ({error.error_count()} wrong fields)") from None


_FIELDS = frozenset(Evaluation.__dataclass_fields__)
