"""Words that were to be spoken against words that were heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from sonorant.text import normalize

LONGEST_PHRASE = 4
"""Words of a phrase whose immediate repetition is looked for."""


@dataclass(frozen=True)
class Mishearing:
    """How a heard text differs from the expected one, by the fewest edits.

    Attributes:
        word_errors: Words put in, left out or replaced.
        num_words: Words expected.
        character_errors: The same for characters, spaces among them.
        num_characters: Characters expected.
        wrong: Indices of the heard words that are no expected ones.
    """

    word_errors: int
    num_words: int
    character_errors: int
    num_characters: int
    wrong: tuple[int, ...]


def spoken_words(text: str) -> str:
    """Return the words that a speaker says for a text, in lower case, without marks.

    Example:
        >>> spoken_words("Dr. Lee's 3 books!")
        "doctor lee's three books"
    """
    letters = (character if character.isalpha() or character == "'" else " " for character in normalize(text).spoken)
    return " ".join("".join(letters).lower().split())


def mishearing(expected: str, heard: str) -> Mishearing:
    """Count the edits between what was to be said and what was heard; `expected` has at least one word.

    Example:
        >>> mishearing("the cat sat", "the hat sat down").word_errors
        2
    """
    import jiwer

    words, characters = jiwer.process_words(expected, heard), jiwer.process_characters(expected, heard)
    wrong = (
        range(chunk.hyp_start_idx, chunk.hyp_end_idx) for chunk in words.alignments[0] if chunk.type != "equal"
    )
    return Mishearing(
        word_errors=words.substitutions + words.deletions + words.insertions,
        num_words=len(expected.split()),
        character_errors=characters.substitutions + characters.deletions + characters.insertions,
        num_characters=len(expected),
        wrong=tuple(index for indices in wrong for index in indices),
    )


def count_repeated(expected: str, heard: str) -> int:
    """Count the words that were heard twice in a row, alone or in a phrase of up to four, and are not written so.

    Example:
        >>> count_repeated("we had had enough of it", "we had had enough of it of it")
        2
    """
    return max(0, len(_repeats(heard.split())) - len(_repeats(expected.split())))


def _repeats(words: Sequence[str]) -> set[int]:
    """Return the indices of words that belong to a phrase which stands directly before, too."""
    return {
        index
        for length in range(1, LONGEST_PHRASE + 1)
        for start in range(length, len(words) - length + 1)
        if words[start - length : start] == words[start : start + length]
        for index in range(start, start + length)
    }
