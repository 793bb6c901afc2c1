"""Letters of other alphabets in Latin ones. Letters without one plain answer have none here."""

import re
import unicodedata

GREEK = {
    "alpha": "a", "beta": "v", "gamma": "g", "delta": "d", "epsilon": "e", "zeta": "z", "eta": "i", "theta": "th",
    "iota": "i", "kappa": "k", "lamda": "l", "mu": "m", "nu": "n", "xi": "x", "omicron": "o", "pi": "p", "rho": "r",
    "sigma": "s", "final sigma": "s", "tau": "t", "upsilon": "y", "phi": "f", "chi": "ch", "psi": "ps", "omega": "o",
}  # fmt: skip
"""Unicode name of a Greek letter -> its romanisation inside a word (after ISO 843, without diacritics)."""

CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh",
    "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya", "ё": "yo",
    "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "w", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "ђ": "dj", "џ": "dz",
    "ѓ": "gj", "ќ": "kj", "ѕ": "dz",
}  # fmt: skip
"""Simple romanisation without diacritics, near BGN/PCGN."""

LATIN = {"ß": "ss", "ẞ": "SS", "þ": "th", "Þ": "Th", "ð": "d", "Ð": "D", "œ": "oe", "Œ": "Oe", "ŋ": "ng", "ə": "e",
         "ı": "i",
         "ſ": "s", "ʼ": "'", "ʻ": "'", "ʹ": "'"}  # fmt: skip
"""Letters that neither decompose nor carry their base letter in their Unicode name."""

_GREEK_NAME = re.compile(r"GREEK (?:SMALL|CAPITAL) LETTER (FINAL SIGMA|[A-Z]+)(?: WITH .+)?")
_LATIN_NAME = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]{1,2})(?: WITH .+)?")


def greek_name(letter: str) -> str | None:
    """Return the English name of a Greek letter, else None.

    Example:
        >>> greek_name("α"), greek_name("Λ"), greek_name("a")
        ('alpha', 'lambda', None)
    """
    name = _greek_key(letter)
    return name and {"lamda": "lambda", "final sigma": "sigma"}.get(name, name)


def _greek_key(letter: str) -> str | None:
    match = _GREEK_NAME.fullmatch(unicodedata.name(letter, "")) if len(letter) == 1 else None
    name = match[1].lower() if match else None
    return name if name in GREEK else None


def romanized(letter: str) -> str | None:
    """Return one letter in plain Latin letters, "" for a silent one, None when there is no plain answer.

    Example:
        >>> [romanized(letter) for letter in "éłЖςь中"]
        ['e', 'l', 'Zh', 's', '', None]
    """
    if letter in LATIN:
        return LATIN[letter]
    lower = letter.lower()
    if lower in CYRILLIC:
        plain = CYRILLIC[lower]
    elif (key := _greek_key(letter)) is not None:
        plain = GREEK[key]
    else:
        return _latin_base(letter)
    return plain.capitalize() if letter != lower else plain


def _latin_base(letter: str) -> str | None:
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    if base and base.isascii() and base.isalpha():
        return base
    if len(base) == 1 and base != letter:
        return romanized(base)
    match = _LATIN_NAME.fullmatch(unicodedata.name(letter, ""))
    if not match:
        return None
    return match[1].capitalize() if letter.isupper() else match[1].lower()
