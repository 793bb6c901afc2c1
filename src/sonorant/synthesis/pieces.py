"""Long text as pieces to speak one after the other, each with the pause behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sonorant.errors import TextError
from sonorant.text import Frontend, Utterance
from sonorant.text.sentences import GROUP, split_sentences

MAX_SYMBOLS = 200
"""What is longer when it is read out is spoken in several pieces: about 13 s. An acoustic model that has learned from
sentences of 6.5 s at most spoke 25 s at an even level, then faded; a line of figures has few characters and many
sounds."""

PARAGRAPH_PAUSE_S = 0.6
_SENTENCE_PAUSE_S = 0.3
_PAUSES_S = {",": 0.12, ";": 0.2, ":": 0.2, "-": 0.15, "—": 0.15, "–": 0.15}
_NO_MARK_PAUSE_S = 0.05
_SLACK = 10
"""Characters that a part may be longer than the others, so that no short rest is left at the end."""

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


@dataclass(frozen=True)
class ReadPiece:
    """A piece of text that has words, or what is wrong with one that has none."""

    piece: Piece
    utterance: Utterance | None
    error: TextError | None = None


def read_pieces(frontend: Frontend, text: str) -> Iterator[ReadPiece]:
    """Read a text piece by piece; one of more than `MAX_SYMBOLS` symbols is cut again, if it has a space to be cut at.

    Example:
        >>> [read.utterance.spoken for read in read_pieces(Frontend(), "One. 2!") if read.utterance]
        ['One.', 'two!']
    """
    for piece in split_pieces(text):
        yield from _read(frontend, piece)


def _read(frontend: Frontend, piece: Piece) -> Iterator[ReadPiece]:
    try:
        utterance = frontend.utterance(piece.text)
    except TextError as error:
        yield ReadPiece(piece, None, error)
        return
    parts = _cut(piece, -(-len(utterance.ids) // MAX_SYMBOLS))
    if len(parts) == 1:
        yield ReadPiece(piece, utterance)
        return
    for part in parts:
        yield from _read(frontend, part)


def _cut(piece: Piece, num_parts: int) -> list[Piece]:
    """Cut a piece into about so many of about the same length; the last has the pause that the whole had."""
    words = GROUP.sub(lambda group: "x" * len(group[0]), piece.text).split()  # phones in braces are one word
    if num_parts == 1 or len(words) == 1:
        return [piece]
    texts = split_sentences(piece.text, max(len(piece.text) // num_parts + _SLACK, *map(len, words)))
    return [*(Piece(text, _pause_s(text)) for text in texts[:-1]), Piece(texts[-1], piece.pause_s)]


def _pause_s(sentence: str) -> float:
    mark = sentence.rstrip().rstrip(_CLOSERS)[-1:]
    if mark and mark in ".!?…":
        return _SENTENCE_PAUSE_S
    return _PAUSES_S.get(mark, _NO_MARK_PAUSE_S)
