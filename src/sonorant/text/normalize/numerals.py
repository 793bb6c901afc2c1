"""Number words: pure functions from numbers to what an American reader says (no "and" inside a whole number)."""

import re

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = " thousand million billion trillion quadrillion quintillion sextillion septillion octillion nonillion".split(
    " "
)
MAX_DIGITS = 3 * len(SCALES)
"""Longer numbers have no name here and are read digit by digit."""
MAX_UNGROUPED_DIGITS = 15
"""Without commas nobody counts further than this by eye."""

NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?|\.\d++)"
"""Source of a pattern for a written number: 1,234.5 or 1234.5 or .5."""

IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def cardinal(number: int) -> str:
    """Say a whole number.

    Example:
        >>> cardinal(2_375)
        'two thousand three hundred seventy five'
        >>> cardinal(-40)
        'minus forty'
    """
    if number < 0:
        return "minus " + cardinal(-number)
    if number < 1000:
        return _below_thousand(number)
    words = []
    for scale in reversed(range(len(SCALES))):
        group = number // 1000**scale % 1000
        if group:
            words.append(f"{_below_thousand(group)} {SCALES[scale]}".strip())
    return " ".join(words)


def _below_thousand(number: int) -> str:
    words = []
    if number >= 100:
        words += [ONES[number // 100], "hundred"]
        number %= 100
    if number >= 20:
        words.append(TENS[number // 10])
        number %= 10
    if number or not words:
        words.append(ONES[number])
    return " ".join(words)


def ordinal(number: int) -> str:
    """Say a rank.

    Example:
        >>> ordinal(22), ordinal(100), ordinal(12)
        ('twenty second', 'one hundredth', 'twelfth')
    """
    *front, last = cardinal(number).split(" ")
    if last in IRREGULAR_ORDINALS:
        last = IRREGULAR_ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*front, last])


def plural(words: str) -> str:
    """Put the last word in the plural.

    Example:
        >>> plural("nineteen ninety"), plural("six"), plural("one half")
        ('nineteen nineties', 'sixes', 'one halves')
    """
    if words.endswith("half"):
        return words[:-1] + "ves"
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("x", "ch")) else "s")


def year(number: int) -> str:
    """Say a year of three or four digits.

    Example:
        >>> year(1905), year(1800), year(2007), year(2023), year(1066)
        ('nineteen oh five', 'eighteen hundred', 'two thousand seven', 'twenty twenty three', 'ten sixty six')
    """
    century, rest = divmod(number, 100)
    if number < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    return pair(century, rest)


def pair(front: int, back: int) -> str:
    """Say two groups of digits the way years and flight numbers are said.

    Example:
        >>> pair(3, 20), pair(1, 1), pair(9, 0)
        ('three twenty', 'one oh one', 'nine hundred')
    """
    if back == 0:
        return f"{cardinal(front)} hundred"
    return f"{cardinal(front)} oh {ONES[back]}" if back < 10 else f"{cardinal(front)} {cardinal(back)}"


def digits(written: str) -> str:
    """Say digits one by one.

    Example:
        >>> digits("007")
        'zero zero seven'
    """
    return " ".join(ONES[int(digit)] for digit in written)


def number_words(written: str) -> str:
    """Say a written number, with commas, a decimal point or leading zeros.

    Example:
        >>> number_words("1,234.50"), number_words(".5"), number_words("007")
        ('one thousand two hundred thirty four point five zero', 'point five', 'zero zero seven')
    """
    whole, point, decimals = written.partition(".")
    words = [_whole_words(whole)] if whole else []
    if point:
        words += ["point", digits(decimals)]
    return " ".join(words)


def _whole_words(written: str) -> str:
    bare = written.replace(",", "")
    longest = MAX_UNGROUPED_DIGITS if bare == written else MAX_DIGITS
    if len(bare) > longest or (len(bare) > 1 and bare.startswith("0")):
        return digits(bare)
    return cardinal(int(bare))


def label_words(written: str) -> str:
    """Say the digits of a name such as A320, 747 or 1080: short numbers whole, three and four digits in pairs.

    Example:
        >>> label_words("52"), label_words("320"), label_words("1080"), label_words("8000"), label_words("90210")
        ('fifty two', 'three twenty', 'ten eighty', 'eight thousand', 'nine zero two one zero')
    """
    if written.startswith("0") or len(written) > 4:
        return digits(written)
    number = int(written)
    if len(written) < 3 or number % 1000 == 0:
        return cardinal(number)
    return pair(*divmod(number, 100))


def fraction(numerator: int, denominator: int) -> str:
    """Say a fraction.

    Example:
        >>> fraction(1, 2), fraction(3, 4), fraction(5, 8), fraction(1, 1000)
        ('one half', 'three quarters', 'five eighths', 'one one thousandth')
    """
    parts = {2: "half", 4: "quarter"}.get(denominator) or ordinal(denominator)
    return f"{cardinal(numerator)} {parts if numerator == 1 else plural(parts)}"


ROMAN = re.compile(r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_value(written: str) -> int | None:
    """Return the value of a well-formed Roman numeral in capitals, else None.

    Example:
        >>> roman_value("XIV"), roman_value("IIX")
        (14, None)
    """
    if not ROMAN.fullmatch(written):
        return None
    values = [ROMAN_VALUES[letter] for letter in written]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
