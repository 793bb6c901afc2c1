"""The symbols that text becomes: phones, marks, letters, and the tables that number them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

from sonorant.errors import ConfigError, TextError

PAD = "_"
SPACE = " "
MARKS = (".", ",", ";", ":", "?", "!", "-")
"""Punctuation that is spoken as silence and intonation, so it stays among the symbols."""
SENTENCE_MARKS = (".", "?", "!")

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = tuple("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
STRESSES = ("0", "1", "2")
"""No stress, primary stress, secondary stress."""
PHONES = tuple(sorted([vowel + stress for vowel in VOWELS for stress in STRESSES] + list(CONSONANTS)))
"""The 39 ARPAbet phones of CMUdict, each vowel with its stress: 69 in all."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class SymbolTable:
    """Numbered symbols; number 0 is the padding.

    Example:
        >>> table = symbol_table("characters")
        >>> table.encode("hi!"), table.decode(table.encode("hi!"))
        ([17, 18, 6], ('h', 'i', '!'))
    """

    name: str
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._ids

    @property
    def pad_id(self) -> int:
        """The id that fills short rows of a batch."""
        return 0

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    def encode(self, symbols: Iterable[str]) -> list[int]:
        """Turn symbols into ids.

        Raises:
            TextError: A symbol is not in the table.
        """
        ids = []
        for symbol in symbols:
            if symbol not in self._ids:
                raise TextError(
                    f"symbol table {self.name}: {symbol!r} is not in it; it holds {' '.join(self.symbols[1:])!r}"
                )
            ids.append(self._ids[symbol])
        return ids

    def decode(self, ids: Iterable[int]) -> tuple[str, ...]:
        """Turn ids back into symbols.

        Raises:
            TextError: An id lies outside the table.
        """
        ids = list(ids)
        outside = [index for index in ids if not 0 <= index < len(self.symbols)]
        if outside:
            raise TextError(f"symbol table {self.name}: no symbol has the id {outside[0]}; ids: 0 to {len(self) - 1}")
        return tuple(self.symbols[index] for index in ids)


class PauseIds(NamedTuple):
    """What of a symbol table is spoken without a voice."""

    marks: tuple[int, ...]
    spaces: tuple[int, ...]


def pause_ids(symbols: Iterable[str]) -> PauseIds:
    """Number the marks and the space among the symbols of a table.

    Example:
        >>> pause_ids(("_", ".", "AA1", " "))
        PauseIds(marks=(1,), spaces=(3,))
    """
    numbered = tuple(enumerate(symbols))
    marks, spaces = (tuple(index for index, symbol in numbered if symbol in kind) for kind in (MARKS, (SPACE,)))
    return PauseIds(marks, spaces)


@cache
def symbol_table(name: str) -> SymbolTable:
    """Return the table of that name.

    - `arpabet`: padding, marks, space, the 69 phones.
    - `characters`: padding, marks, space, apostrophe, lower-case letters.
    - `english_basic`: the 148 symbols of NVIDIA's Tacotron 2 and FastPitch recipes in their order, phones prefixed
      with `@`, vowels with and without stress, so that published checkpoints can be loaded.

    Raises:
        ConfigError: There is no such table.

    Example:
        >>> len(symbol_table("arpabet")), len(symbol_table("characters")), len(symbol_table("english_basic"))
        (78, 36, 148)
    """
    tables = {
        "arpabet": (PAD, *MARKS, SPACE, *PHONES),
        "characters": (PAD, *MARKS, SPACE, "'", *_LETTERS),
        "english_basic": (
            PAD, "-", *"!'(),.:;? ", *_LETTERS.upper(), *_LETTERS,
            *(f"@{phone}" for phone in sorted([*PHONES, *VOWELS])),
        ),
    }  # fmt: skip
    if name not in tables:
        raise ConfigError(f"symbols: no table {name!r}; there are {', '.join(tables)}")
    return SymbolTable(name, tables[name])


def parse_phones(written: str, where: str) -> tuple[str, ...]:
    """Read phones separated by spaces, in either case.

    Args:
        written: For example `HH AH0 L OW1`.
        where: What an error names as its place.

    Raises:
        TextError: There is no phone, or something that is not one.

    Example:
        >>> parse_phones("HH AH0 L OW1", "here")
        ('HH', 'AH0', 'L', 'OW1')
    """
    phones = tuple(written.upper().split())
    unknown = [phone for phone in phones if phone not in PHONES]
    if phones and not unknown:
        return phones
    found = f"{unknown[0]!r} is not a phone" if unknown else "there are no phones"
    raise TextError(
        f"{where}: {found}; allowed are the vowels {' '.join(VOWELS)}, each followed by its stress 0, 1 or 2, "
        f"and the consonants {' '.join(CONSONANTS)}, separated by spaces"
    )
