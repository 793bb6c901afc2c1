"""Words that were to be spoken against words that were heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from sonorant.text import normalize

LONGEST_PHRASE = 4
"""Words of a phrase whose immediate repetition is looked for."""

_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


@dataclass(frozen=True)
class Mishearing:
    """How a heard text differs from the expected one, by the fewest edits.

    Attributes:
        word_errors: Words put in, left out or replaced.
        num_words: Words expected.
        character_errors: The same for characters, spaces among them.
        num_characters: Characters expected.
        wrong: Indices of the heard words that are no expected ones.
        num_repeated: Words put in that were heard, alone or in a phrase of up to four, directly before or behind.
    """

    word_errors: int
    num_words: int
    character_errors: int
    num_characters: int
    wrong: tuple[int, ...]
    num_repeated: int


def spoken_words(text: str) -> str:
    """Return the words that a speaker says for a text, in lower case, without marks.

    Example:
        >>> spoken_words("Dr. Lee's 3 books!")
        "doctor lee's three books"
    """
    letters = (character if character.isalpha() or character == "'" else " " for character in normalize(text).spoken)
    return " ".join("".join(letters).lower().split())


def heard_words(text: str) -> str:
    """Return what a recogniser heard in the spelling of `spoken_words`: its dictionary knows "a.m." and "mr".

    Example:
        >>> heard_words("mr lee came at nine a.m.")
        'mister lee came at nine a m'
    """
    return " ".join(_TITLES.get(word, word) for word in spoken_words(text).split())


def mishearing(expected: str, heard: str) -> Mishearing:
    """Compare what was to be said with what was heard; `expected` has at least one word.

    Example:
        >>> mishearing("the cat sat", "the hat sat down").word_errors
        2
    """
    import jiwer

    words, characters = jiwer.process_words(expected, heard), jiwer.process_characters(expected, heard)
    edits = [chunk.type for chunk in words.alignments[0] for _ in range(chunk.hyp_start_idx, chunk.hyp_end_idx)]
    return Mishearing(
        word_errors=words.substitutions + words.deletions + words.insertions,
        num_words=len(expected.split()),
        character_errors=characters.substitutions + characters.deletions + characters.insertions,
        num_characters=len(expected),
        wrong=tuple(index for index, edit in enumerate(edits) if edit != "equal"),
        num_repeated=len(_repeated(heard.split(), edits)),
    )


def _repeated(words: Sequence[str], edits: Sequence[str]) -> set[int]:
    """Return the indices of words put in by a repetition.

    That is a phrase heard twice in a row of which one half is expected and the other was put in; so neither a word that
    is written twice counts, nor two that were misheard alike.

    Args:
        words: Heard.
        edits: What each of them is: "equal", "insert" or "substitute".
    """
    found = set()
    for length in range(1, LONGEST_PHRASE + 1):
        for start in range(len(words) - 2 * length + 1):
            middle, end = start + length, start + 2 * length
            put_in = [index for index in range(start, end) if edits[index] == "insert"]
            is_half = len(put_in) == length == edits[start:end].count("equal")
            if is_half and words[start:middle] == words[middle:end]:
                found |= set(put_in)
    return found
