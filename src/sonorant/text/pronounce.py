"""Words to phones: who knows a word answers, in a fixed order of trust."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sonorant.text.heteronyms import heteronym
from sonorant.text.letters import guess
from sonorant.text.lexicon import Lexicon
from sonorant.text.morphology import derive
from sonorant.text.symbols import VOWELS

_VOWEL_LETTER = re.compile("[aeiouy]")

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


GRAPHEMES = Pronunciation((), "graphemes")
"""Stands for a word that is written in letters."""


class Pronouncer:
    """Finds the phones of each word of a text.

    In order: the user's words, single letters, heteronyms, the lexicon, words derived from it, the letter-to-sound
    model; words without a vowel letter are spelled.

    Args:
        additions: The user's words in lower case.

    Example:
        >>> [found.source for found in Pronouncer({}).pronounce(["Frobnicate", "the", "basecamp's", "B"])]
        ['letters', 'lexicon', 'derived', 'spelled']
    """

    def __init__(self, additions: Mapping[str, tuple[str, ...]]) -> None:
        self._additions = additions
        self._lexicon = Lexicon()

    def pronounce(self, tokens: Sequence[str]) -> list[Pronunciation]:
        """Return the pronunciation of each token in view of its neighbours.

        Args:
            tokens: Words, marks, which have no phones, and phones in braces.
        """
        found = [self._token(tokens, index) for index in range(len(tokens))]
        for index, token in enumerate(tokens[:-1]):
            following = found[index + 1].phones
            if token.lower() == "the" and token.lower() not in self._additions and following:
                ending = "IY0" if following[0][:-1] in VOWELS else "AH0"
                found[index] = Pronunciation(("DH", ending), "lexicon")
        return found

    def _token(self, tokens: Sequence[str], index: int) -> Pronunciation:
        token = tokens[index]
        key = token.lower()
        if token.startswith("{"):
            return Pronunciation(tuple(token.strip("{}").split()), "inline")
        if not key[0].isalpha():
            return Pronunciation((), "mark")
        if key in self._additions:
            return Pronunciation(self._additions[key], "user")
        if len(token) == 1 and token not in ("a", "I"):
            return Pronunciation(LETTER_NAMES[key], "spelled")
        chosen = heteronym(tokens, index)
        if chosen:
            return Pronunciation(chosen, "heteronym")
        known = self._known(key)
        if known:
            return Pronunciation(known, "lexicon")
        return self._unknown(key)

    def _unknown(self, word: str) -> Pronunciation:
        if not _VOWEL_LETTER.search(word):
            return Pronunciation(spell(word), "spelled")
        derived = derive(word, self._known)
        if derived:
            return Pronunciation(derived, "derived")
        phones = guess(word)
        return Pronunciation(phones, "letters") if phones else Pronunciation(spell(word), "spelled")

    def _known(self, word: str) -> tuple[str, ...] | None:
        if word in self._additions:
            return self._additions[word]
        variants = self._lexicon.lookup(word)
        return variants[0] if variants else None


def spell(word: str) -> tuple[str, ...]:
    """Return the names of a word's letters.

    Example:
        >>> spell("tv")
        ('T', 'IY1', 'V', 'IY1')
    """
    return tuple(phone for letter in word if letter in LETTER_NAMES for phone in LETTER_NAMES[letter])
