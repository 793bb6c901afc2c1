"""Words to phones: who knows the word answers, in a fixed order of trust."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sonorant.text.lexicon import Lexicon
from sonorant.text.symbols import VOWELS

_VOWEL_LETTER = re.compile("[aeiouy]", re.IGNORECASE)

LETTER_NAMES: dict[str, tuple[str, ...]] = {
    letter: tuple(phones.split())
    for letter, phones in {
        "a": "EY1", "b": "B IY1", "c": "S IY1", "d": "D IY1", "e": "IY1", "f": "EH1 F", "g": "JH IY1", "h": "EY1 CH",
        "i": "AY1", "j": "JH EY1", "k": "K EY1", "l": "EH1 L", "m": "EH1 M", "n": "EH1 N", "o": "OW1", "p": "P IY1",
        "q": "K Y UW1", "r": "AA1 R", "s": "EH1 S", "t": "T IY1", "u": "Y UW1", "v": "V IY1",
        "w": "D AH1 B AH0 L Y UW0", "x": "EH1 K S", "y": "W AY1", "z": "Z IY1",
    }.items()
}  # fmt: skip


class Pronunciation(NamedTuple):
    """The phones of a word, and who knew them."""

    phones: tuple[str, ...]
    source: str


class Pronouncer:
    """Finds the phones of each word of a text.

    Args:
        additions: The user's words in lower case; they come before everything else.
    """

    def __init__(self, additions: Mapping[str, tuple[str, ...]]) -> None:
        self.additions = additions
        self.lexicon = Lexicon()

    def pronounce(self, words: Sequence[str]) -> list[Pronunciation]:
        """Return the pronunciation of each word, in view of its neighbours."""
        return [self._word(words, index) for index in range(len(words))]

    def _word(self, words: Sequence[str], index: int) -> Pronunciation:
        word = words[index]
        key = word.lower()
        if key in self.additions:
            return Pronunciation(self.additions[key], "user")
        if len(word) == 1 and word.isupper() and word != "I":
            return Pronunciation(LETTER_NAMES[key], "spelled")
        known = self.lexicon.lookup(key)
        if known:
            return Pronunciation(known[0], "lexicon")
        return Pronunciation(spell(key), "spelled")


def spell(word: str) -> tuple[str, ...]:
    """Return the names of a word's letters.

    Example:
        >>> spell("tv")
        ('T', 'IY1', 'V', 'IY1')
    """
    return tuple(phone for letter in word if letter in LETTER_NAMES for phone in LETTER_NAMES[letter])
