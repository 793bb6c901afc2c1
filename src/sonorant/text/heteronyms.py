"""Words written alike and pronounced apart, decided from their neighbours.

The words, their readings and the conditions are data (`data/heteronyms.txt`, which explains its own form).
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sonorant.text.context import CLASSES, Neighbours, part_of_speech
from sonorant.text.morphology import with_s
from sonorant.text.symbols import parse_phones


class Condition(NamedTuple):
    """One condition of a reading: a kind, the words it asks for, and whether it must hold or must not."""

    kind: str
    words: frozenset[str]
    wanted: bool


class Reading(NamedTuple):
    """A pronunciation and the conditions that must all hold."""

    phones: tuple[str, ...]
    conditions: tuple[Condition, ...]


_PLAIN = ("noun", "verb", "name", "lower")
_WITH_WORDS = ("prev", "next", "left", "near")


def heteronym(words: Sequence[str], index: int) -> tuple[str, ...] | None:
    """Return the phones of a word that has several readings, None for all other words.

    Args:
        words: A text's words and marks in order.
        index: The word that is asked about.

    Example:
        >>> heteronym("they record it".split(), 1)
        ('R', 'AH0', 'K', 'AO1', 'R', 'D')
        >>> heteronym("the records fell".split(), 1)
        ('R', 'EH1', 'K', 'ER0', 'D', 'Z')
    """
    word = words[index].lower()
    table = heteronyms()
    if word in table:
        return _choose(table[word], Neighbours(words, index))
    singular = table.get(word[:-1], ()) if word.endswith("s") else ()
    if singular and all(condition.kind in ("noun", "verb") for reading in singular for condition in reading.conditions):
        return with_s(_choose(singular, Neighbours(words, index)))
    return None


@cache
def heteronyms() -> dict[str, tuple[Reading, ...]]:
    """Return all words that have several readings."""
    text = files("sonorant.text").joinpath("data", "heteronyms.txt").read_text(encoding="utf-8")
    table = {}
    for line in text.replace("\n ", " ").splitlines():
        if line and not line.startswith("#"):
            word, _, readings = line.partition(": ")
            table[word] = tuple(_parse_reading(word, written) for written in readings.split(" | "))
    return table


def _parse_reading(word: str, written: str) -> Reading:
    phones, _, conditions = written.partition(" if ")
    parts = conditions.split(",") if conditions else []
    parsed = tuple(_parse_condition(word, part) for part in parts)
    return Reading(parse_phones(phones, f"heteronyms.txt: {word}"), parsed)


def _parse_condition(word: str, written: str) -> Condition:
    names = written.split()
    wanted = names[0] != "not"
    kind, *arguments = names if wanted else names[1:]
    if (kind not in _PLAIN or arguments) and (kind not in _WITH_WORDS or not arguments):
        raise ValueError(f"heteronyms.txt: {word}: {written!r} is not a condition")
    members = [CLASSES[name] if name.startswith("@") else frozenset([name]) for name in arguments]
    return Condition(kind, frozenset().union(*members), wanted)


def _choose(readings: Sequence[Reading], around: Neighbours) -> tuple[str, ...]:
    """Return the phones of the first reading whose conditions all hold; the last one has none."""
    part = part_of_speech(around)
    for reading in readings:
        if all(_holds(condition, around, part) == condition.wanted for condition in reading.conditions):
            return reading.phones
    raise AssertionError(f"heteronyms.txt: the last reading of {around.word} has a condition")


def _holds(condition: Condition, around: Neighbours, part: str | None) -> bool:
    match condition.kind:
        case "noun" | "verb":
            return part == condition.kind
        case "name":
            return around.word[:1].isupper() and not around.opens_sentence
        case "lower":
            return around.word.islower()
        case "prev":
            return around.before in condition.words or around.directly_before in condition.words
        case "next":
            return around.next in condition.words
        case "left":
            return not condition.words.isdisjoint(around.left())
        case _:
            return not condition.words.isdisjoint(around.sentence())
