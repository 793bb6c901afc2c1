"""How words are pronounced: CMUdict in a compact form, and lexicon files of the user.

CMUdict ships as one zlib stream of sorted lines `word PHONES[,PHONES...]`, one character per phone (`encode_phones`).
Unpacked it is a block of bytes that is searched by bisection, so nothing is parsed at start.
`tools/build_lexicon.py` makes the file.
"""

import re
import zlib
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from sonorant.errors import TextError
from sonorant.text.symbols import PHONES, parse_phones

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
"""A word as the lexicon writes it: lower-case letters and inner apostrophes."""

_FIRST = ord("0")
_CODES = {phone: chr(_FIRST + index) for index, phone in enumerate(PHONES)}


def encode_phones(phones: tuple[str, ...]) -> str:
    """Write phones with one character each, from `0` on in the order of `PHONES`."""
    return "".join(_CODES[phone] for phone in phones)


def decode_phones(codes: bytes) -> tuple[str, ...]:
    """Read what `encode_phones` wrote.

    Example:
        >>> decode_phones(encode_phones(("HH", "AY1")).encode())
        ('HH', 'AY1')
    """
    return tuple(PHONES[code - _FIRST] for code in codes)


class Lexicon:
    """CMUdict; its file is unpacked at the first look-up.

    Example:
        >>> Lexicon().lookup("Tomato")
        (('T', 'AH0', 'M', 'EY1', 'T', 'OW2'), ('T', 'AH0', 'M', 'AA1', 'T', 'OW2'))
    """

    @cached_property
    def _lines(self) -> bytes:
        packed = files("sonorant.text").joinpath("data", "cmudict.zlib").read_bytes()
        return zlib.decompress(packed)

    def __contains__(self, word: str) -> bool:
        return bool(self._find(word))

    def lookup(self, word: str) -> tuple[tuple[str, ...], ...]:
        """Return all pronunciations of a word in either case, the usual one first; none if it is unknown."""
        found = self._find(word)
        return tuple(decode_phones(codes) for codes in found.split(b",")) if found else ()

    def words(self) -> list[str]:
        """Return every word in alphabetical order of its bytes."""
        return [line.split(b" ", 1)[0].decode() for line in self._lines.splitlines()]

    def _find(self, word: str) -> bytes:
        """Bisect for the line that begins with the word and return what follows it."""
        key = word.lower().encode()
        lines = self._lines
        low, high = 0, len(lines)
        while low < high:
            start = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = lines.index(b"\n", start)
            entry, _, codes = lines[start:end].partition(b" ")
            if entry == key:
                return codes
            if entry < key:
                low = end + 1
            else:
                high = start
        return b""


def read_lexicon(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a lexicon file of the user: one `word  PHONES` a line; what follows `#` is skipped.

    A word that is written twice keeps its last pronunciation.

    Raises:
        TextError: The file cannot be read, or lines are wrong; every wrong line is named.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path}: the lexicon file cannot be read as UTF-8 text ({error})") from error
    entries: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for number, line in enumerate(content.splitlines(), start=1):
        parts = line.partition("#")[0].split(maxsplit=1)
        if not parts:
            continue
        try:
            entries.update([parse_entry(parts[0], "".join(parts[1:]), f"{path}:{number}")])
        except TextError as error:
            problems.append(str(error))
    if problems:
        raise TextError("\n".join(problems))
    return entries


def parse_entry(word: str, phones: str, where: str) -> tuple[str, tuple[str, ...]]:
    """Check one entry of a lexicon and return its word in lower case and its phones.

    Raises:
        TextError: The word or its phones are wrong.
    """
    key = word.lower()
    if not WORD.fullmatch(key):
        raise TextError(
            f"{where}: {word!r} is not a word; allowed are the letters a to z and inner apostrophes, "
            "as the text reads after its numbers and symbols were written out"
        )
    return key, parse_phones(phones, f"{where}: {word}")
