"""Words that the lexicon does not have, derived from words that it has: inflections, suffixes and compounds."""

import re
from collections.abc import Callable, Iterator

from sonorant.text.symbols import VOWELS

Phones = tuple[str, ...]
Lookup = Callable[[str], Phones | None]

_SIBILANTS = ("S", "Z", "SH", "ZH", "CH", "JH")
_UNVOICED = ("P", "T", "K", "F", "TH", "S", "SH", "CH")
_LOST_E = re.compile("[csvzug]$|^[^aeiou]*[aeiou][^aeiouwxy]$")
"""Stems that more likely lost an e: after these letters, and short ones, which would have doubled their last letter."""
_MAX_LETTERS = 40
_MIN_PART = 4
_MIN_STEM = 3


def _table(written: str) -> dict[str, Phones]:
    """Read entries `letters: PHONES` separated by commas."""
    pairs = (entry.split(": ") for entry in written.split(", "))
    return {letters: tuple(phones.split()) for letters, phones in pairs}


_CONTRACTIONS = _table("'ll: AH0 L, 're: ER0, 've: AH0 V, 'm: AH0 M, n't: AH0 N T")
_BEFORE_VOWEL = _table(
    "ingly: IH0 NG L IY0, ing: IH0 NG, able: AH0 B AH0 L, ably: AH0 B L IY0, est: AH0 S T, "
    "ish: IH0 SH, ism: IH2 Z AH0 M"
)
"""Suffixes that begin with a vowel; the stem may have lost an e, doubled a letter or changed y to i before them."""
_BEFORE_CONSONANT = _table(
    "lessness: L AH0 S N AH0 S, lessly: L AH0 S L IY0, less: L AH0 S, fully: F AH0 L IY0, ness: N AH0 S, ment: M "
    "AH0 N T, like: L AY2 K, hood: HH UH2 D, some: S AH0 M, dom: D AH0 M, ward: W ER0 D, wise: W AY2 Z, ly: L "
    "IY0, ally: L IY0"
)
"""Suffixes that change nothing before them but y to i."""


def with_s(phones: Phones) -> Phones:
    """Add the -s of plurals, possessives and verbs.

    Example:
        >>> with_s(("K", "AE1", "T"))[-1], with_s(("D", "AO1", "G"))[-1], with_s(("B", "AH1", "S"))[-2:]
        ('S', 'Z', ('IH0', 'Z'))
    """
    if phones[-1] in _SIBILANTS:
        return (*phones, "IH0", "Z")
    return (*phones, "S" if phones[-1] in _UNVOICED else "Z")


def with_ed(phones: Phones) -> Phones:
    """Add the -ed of the past.

    Example:
        >>> with_ed(("W", "AO1", "K"))[-1], with_ed(("P", "L", "EY1"))[-1], with_ed(("N", "IY1", "D"))[-2:]
        ('T', 'D', ('IH0', 'D'))
    """
    if phones[-1] in ("T", "D"):
        return (*phones, "IH0", "D")
    return (*phones, "T" if phones[-1] in _UNVOICED else "D")


def derive(word: str, lookup: Lookup) -> Phones | None:
    """Return the phones of an unknown word that is made of known ones.

    Tried in order: endings with an apostrophe, -s, -ed, suffixes that leave the stem as it is, compounds of two words
    of at least four letters. Nothing longer than 40 letters is a word. Each of these is more often right than the
    letter-to-sound model on the words held out of CMUdict; suffixes and prefixes for which that is not so are left to
    it.

    Args:
        word: Lower-case letters and inner apostrophes.
        lookup: Gives the phones of a known word.

    Example:
        >>> known = {"blog": ("B", "L", "AO1", "G"), "love": ("L", "AH1", "V")}
        >>> derive("blogging", known.get), derive("lovable", known.get)
        (('B', 'L', 'AO1', 'G', 'IH0', 'NG'), ('L', 'AH1', 'V', 'AH0', 'B', 'AH0', 'L'))
    """
    if len(word) > _MAX_LETTERS:
        return None
    for rule in (_apostrophe, _s, _ed, _suffix, _compound):
        phones = rule(word, lookup)
        if phones:
            return phones
    return None


def _apostrophe(word: str, lookup: Lookup) -> Phones | None:
    base, mark, ending = word.rpartition("'")
    if not mark:
        return None
    for contraction, added in _CONTRACTIONS.items():
        if word.endswith(contraction):
            stem = lookup(word.removesuffix(contraction))
            return (*stem, *added) if stem else None
    phones = lookup(base) or derive(base, lookup)
    if phones is None or ending not in ("s", "d"):
        return None
    return with_s(phones) if ending == "s" else with_ed(phones)


def _s(word: str, lookup: Lookup) -> Phones | None:
    if not word.endswith("s") or word.endswith("ss") or len(word) <= _MIN_STEM:
        return None
    stems = [word[:-1]]
    if word.endswith("ies"):
        stems = [word[:-3] + "y"]
    elif word.endswith("es") and word[:-2].endswith(("s", "x", "z", "ch", "sh", "o")):
        stems.append(word[:-2])
    found = next((phones for stem in stems if (phones := lookup(stem))), None)
    return with_s(found) if found else None


def _ed(word: str, lookup: Lookup) -> Phones | None:
    if not word.endswith("ed"):
        return None
    found = next((phones for stem in _stems(word[:-2]) if (phones := lookup(stem))), None)
    return with_ed(found) if found else None


def _suffix(word: str, lookup: Lookup) -> Phones | None:
    for suffixes, stems_of in ((_BEFORE_VOWEL, _stems), (_BEFORE_CONSONANT, _written_stems)):
        for suffix, added in suffixes.items():
            if word.endswith(suffix):
                stems = stems_of(word.removesuffix(suffix))
                found = next((phones for stem in stems if (phones := lookup(stem))), None)
                if found:
                    return _join(found, added)
    return None


def _join(phones: Phones, added: Phones) -> Phones:
    """Put a suffix behind a word; of two L, one is spoken."""
    return (*phones[:-1], *added) if phones[-1] == added[0] == "L" else (*phones, *added)


def _stems(stem: str) -> Iterator[str]:
    """Yield what may stand before a suffix that begins with a vowel: stop(p)-, lov(e)-, carr(y)i-."""
    if len(stem) < _MIN_STEM:
        return
    if stem[-1] == stem[-2] and stem[-1] not in "aeiou":
        yield stem[:-1]
    silent_e = bool(_LOST_E.search(stem))
    yield stem + "e" if silent_e else stem
    yield stem if silent_e else stem + "e"
    if stem.endswith("i"):
        yield stem[:-1] + "y"


def _written_stems(stem: str) -> Iterator[str]:
    """Yield what may stand before a suffix that begins with a consonant: happ(y)i-."""
    if len(stem) >= _MIN_STEM:
        yield stem
        if stem.endswith("i"):
            yield stem[:-1] + "y"


def _compound(word: str, lookup: Lookup) -> Phones | None:
    """Join two known words that inflect, the longest first part first; the second part's stress becomes secondary."""
    for cut in range(len(word) - _MIN_PART, _MIN_PART - 1, -1):
        first = lookup(word[:cut])
        second = lookup(word[cut:]) if first else None
        if first and second and _inflects(word[:cut], lookup) and _inflects(word[cut:], lookup):
            return (*first, *_weakened(second))
    return None


def _inflects(word: str, lookup: Lookup) -> bool:
    """Whether at least two of -s, -ed and -ing are known: so do words, hardly ever the names that fill the lexicon."""
    stems = (word, word.removesuffix("e"), word + word[-1])
    return sum(any(lookup(stem + ending) for stem in stems) for ending in ("s", "ed", "ing")) >= 2


def _weakened(phones: Phones) -> Phones:
    return tuple(phone[:-1] + "2" if phone[:-1] in VOWELS and phone.endswith("1") else phone for phone in phones)
