"""Raw text to sentences, and over-long sentences to clauses."""

import re

from sonorant.text.normalize.abbreviations import (
    ALSO_WORDS,
    FIGURE_FOLLOWS,
    NUMBERED,
    PLAIN,
    STATES,
    TITLES,
    ends_sentence,
)
from sonorant.text.normalize.dates import DAYS, MONTH_BY_SHORT

BOUNDARY = re.compile(
    r"(?P<blank>\n[^\S\n]*\n\s*)"
    r"|(?P<mark>(?<![.!?…])[.!?…]++)(?P<closers>[\"'”’»)\]]*)(?P<space>\s+)"
    r"|(?P<wide>[。！？｡]+[」』”’）]*)\s*"
)
CLAUSE = re.compile(r"[,;:—–，、；：](?:[\"'”’)\]]{0,3})(?=\s)|[)\]](?=\s)|\s[-–—]+(?=\s)|[—，、；：]")
GROUP = re.compile(r"\{[^{}]{0,400}\}")
NEVER_LAST = frozenset(TITLES) | {"St", "Dr", "Ft"}
WITH_FIGURE = frozenset(NUMBERED) | frozenset(word.capitalize() for word in NUMBERED)
SOMETIMES_LAST = (
    (
        frozenset(PLAIN)
        | frozenset(word.capitalize() for word in PLAIN)
        | frozenset(STATES)
        | frozenset(DAYS)
        | frozenset(MONTH_BY_SHORT)
    )
    - ALSO_WORDS
    - {"Sun", "Sat", "Miss", "Mass", "Wash", "Del", "La", "Ill", "Ore", "Pa", "max"}
)
LATIN_WORDS = frozenset(["i.e", "e.g", "cf", "viz", "al", "ca", "c"])
GAP = re.compile(r"(?<![\d.%°])(?<!\b(?:hundred|million|billion))(?<!\b(?:thousand|trillion))\s")
"""White space that parts neither a figure from what it counts ("5 kg", "$5 million") nor an abbreviation or an initial
from its name."""
MIN_FILL = 3
"""A piece of an over-long sentence is cut at a clause mark or a `GAP` only beyond 1/3 of the limit; else at a space."""


def split_sentences(text: str, max_characters: int = 300) -> list[str]:
    """Split a text into sentences to be spoken one by one.

    Abbreviations, initials, decimals and addresses do not end a sentence; blank lines do. Sentences longer than
    `max_characters` are cut after clause marks, else between words, else anywhere. Only white space is lost.

    Args:
        text: Raw text, before normalisation.
        max_characters: The longest piece; at least 1.

    Raises:
        ValueError: `max_characters` is less than 1.

    Example:
        >>> split_sentences("Dr. No paid $3.50. He left the U.S. in May... Why?")
        ['Dr. No paid $3.50.', 'He left the U.S. in May...', 'Why?']
    """
    if max_characters < 1:
        raise ValueError(f"max_characters must be at least 1, not {max_characters}")
    sentences = []
    start = 0
    for match in BOUNDARY.finditer(text):
        if match["mark"] and not _is_boundary(text, start, match):
            continue
        sentences += _pieces(text[start : match.end()].strip(), max_characters)
        start = match.end()
    return sentences + _pieces(text[start:].strip(), max_characters)


def _is_boundary(text: str, start: int, match: re.Match[str]) -> bool:
    """Say whether a mark followed by white space ends the sentence that began at `start`."""
    if "\n" in match["space"] and match["space"].count("\n") > 1:
        return True
    after = text[match.end() : match.end() + 32]
    first = re.match(r"[\"'“‘(\[«]*(.?)", after, re.DOTALL)
    begins_lower = first is not None and first[1].islower()
    if match["mark"] != ".":
        return not begins_lower
    if begins_lower:
        return False
    before = re.search(r"[^\s\"'“‘(\[]*$", text[max(start, match.start() - 24) : match.start()])
    word = before[0] if before else ""
    return not _is_abbreviation(word, text[start : match.start()] if match.start() - start < 12 else "", after)


def _is_abbreviation(word: str, sentence: str, after: str) -> bool:
    """Say whether the dot after a word belongs to it, so that the sentence goes on.

    Args:
        word: What stands before the dot, back to the last space.
        sentence: The sentence so far when it is very short, else empty.
        after: The text after the dot and the space.
    """
    if word in NEVER_LAST or word in LATIN_WORDS:
        return True
    if word in WITH_FIGURE and re.match(FIGURE_FOLLOWS, after):
        return True
    if re.fullmatch(r"\s*[\"'“(\[]*(?:\d{1,3}|[A-Za-z])", sentence):
        return True
    if re.fullmatch(r"[ap]\.m", word):
        return not re.match(r"[\"'“(]?[A-Z]", after)
    if word == "I":
        return bool(re.match(r"[A-Z]\.", after))
    if re.fullmatch(r"[A-Z]|(?:[A-Za-z]{1,3}\.){1,8}[A-Za-z]{1,3}", word) or word in SOMETIMES_LAST:
        return not ends_sentence(" " + after)
    return False


def _pieces(sentence: str, limit: int) -> list[str]:
    """Cut a sentence into pieces of at most `limit` characters."""
    pieces = []
    start = 0
    masked = GROUP.sub(lambda match: "x" * len(match[0]), sentence)
    while len(sentence) - start > limit:
        cut = start + _cut(masked[start : start + limit + 1], limit)
        pieces.append(sentence[start:cut].strip())
        start = cut
        while sentence[start].isspace():  # or a word of `limit` characters would not fit
            start += 1
    pieces.append(sentence[start:].strip())
    return [piece for piece in pieces if piece]


def _cut(window: str, limit: int) -> int:
    """Return where to cut a window of `limit` + 1 characters: at the last clause mark, else gap, space, or the end."""
    for pattern, side in ((CLAUSE, re.Match.end), (GAP, re.Match.start)):
        places = [side(match) for match in pattern.finditer(window) if limit // MIN_FILL <= side(match) <= limit]
        if places:
            return places[-1]
    spaces = [match.start() for match in re.finditer(r"\s", window) if match.start() > 0]
    return spaces[-1] if spaces else limit
