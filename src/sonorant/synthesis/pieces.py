"""Long text as pieces to speak one after the other, each with the pause behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sonorant.text.sentences import split_sentences

PARAGRAPH_PAUSE_S = 0.6
_SENTENCE_PAUSE_S = 0.3
_PAUSES_S = {",": 0.12, ";": 0.2, ":": 0.2, "-": 0.15, "—": 0.15, "–": 0.15}
_NO_MARK_PAUSE_S = 0.05
_CLOSERS = "\"'”’»)]}"
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")


@dataclass(frozen=True)
class Piece:
    """Text that is spoken in one go, and the silence behind it."""

    text: str
    pause_s: float


def split_pieces(text: str) -> Iterator[Piece]:
    """Split text into sentences, over-long ones into clauses; the last piece has no pause behind it.

    Example:
        >>> [(piece.text, piece.pause_s) for piece in split_pieces("One. Two!\\n\\nThree.")]
        [('One.', 0.3), ('Two!', 0.6), ('Three.', 0.0)]
    """
    paragraphs = [sentences for part in _PARAGRAPH.split(text) if (sentences := split_sentences(part))]
    for number, sentences in enumerate(paragraphs, 1):
        for sentence in sentences[:-1]:
            yield Piece(sentence, _pause_s(sentence))
        yield Piece(sentences[-1], PARAGRAPH_PAUSE_S if number < len(paragraphs) else 0.0)


def _pause_s(sentence: str) -> float:
    mark = sentence.rstrip().rstrip(_CLOSERS)[-1:]
    if mark and mark in ".!?…":
        return _SENTENCE_PAUSE_S
    return _PAUSES_S.get(mark, _NO_MARK_PAUSE_S)
