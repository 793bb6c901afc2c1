"""Plain numbers: cardinals, ordinals, fractions, ranges, powers, arithmetic, letter-digit groups."""

import re

from sonorant.text.normalize.acronyms import say_letters, spell
from sonorant.text.normalize.characters import CERTAIN_A
from sonorant.text.normalize.numerals import (
    NUMBER,
    digits,
    fraction,
    label_words,
    number_words,
    ordinal,
)
from sonorant.text.normalize.rewriting import Rule, text_after, text_before
from sonorant.text.normalize.units import SYMBOLS

MAX_DENOMINATOR = 1000
FIXED_FRACTIONS = {"24/7": "twenty four seven", "9/11": "nine eleven", "50/50": "fifty fifty", "20/20": "twenty twenty"}
OPERATORS = {"+": "plus", "-": "minus", "–": "minus", "−": "minus", "*": "times", "×": "times", 
             "/": "divided by", "÷": "divided by", "±": "plus or minus"}  # fmt: skip
POWERS = {"2": "squared", "3": "cubed"}
ROUND_NUMBERS = {"100": "hundreds", "1000": "thousands", "10000": "tens of thousands",
                 "100000": "hundreds of thousands"}  # fmt: skip
START = r"(?<![\w.,])"


def _say_mixed_number(match: re.Match[str]) -> str | None:
    numerator, denominator = int(match["numerator"]), int(match["denominator"])
    if not 0 < numerator < denominator:
        return None
    part = fraction(numerator, denominator)
    return f"{number_words(match['whole'])} and {'a' + part[3:] if part.startswith('one ') else part}"


def _say_fraction(match: re.Match[str]) -> str | None:
    if match[0] in FIXED_FRACTIONS:
        return FIXED_FRACTIONS[match[0]]
    numerator, denominator = int(match["numerator"]), int(match["denominator"])
    if denominator < 2 or denominator > MAX_DENOMINATOR or numerator > denominator * 10 or len(match["numerator"]) > 3:
        return f"{number_words(match['numerator'])} over {number_words(match['denominator'])}"
    return fraction(numerator, denominator)


_RATED_BEFORE = re.compile(
    r"\b(?:(?:scor(?:e[sd]?|ing)|rating|rated|imdb)(?: (?:it|of|is|was|at))?"
    r"|(?:rat(?:e[sd]?|ing)|g[ai]ves?|giving) (?:it|them|th(?:is|at)(?: [a-z]+)?))(?: an?)?(?: [a-z]+)? ?:? ?$"
    r"|\ban? (?:solid|strong|perfect|easy) $",
    re.IGNORECASE,
)
_RATED_AFTER = re.compile(
    r" (?:stars?|points?|marks?|ratings?|scores?|reviews?)\b|,? on (?:IMDb|Metacritic|Yelp|Amazon|Google|Goodreads"
    r"|(?:the|her|his|my|our|their|an?) (?:[a-z]+ )?(?:test|exam|quiz|scale|final|paper|homework))\b"
)


def _say_points(match: re.Match[str]) -> str | None:
    """Say what was reached out of what can be: 9/10 on IMDb, rated 4.5/5, 10/10."""
    points, top = float(match["points"]), int(match["top"])
    if points > top:
        return None
    after = text_after(match)
    certain = bool(_RATED_AFTER.match(after)) or (top in (5, 10, 100) and ("." in match["points"] or points == top))
    rated = top % 5 == 0 and bool(_RATED_BEFORE.search(text_before(match, 40))) and not re.match(" of ", after)
    return f"{number_words(match['points'])} out of {number_words(match['top'])}" if certain or rated else None


def _say_ordinal(match: re.Match[str]) -> str | None:
    bare = match[1].replace(",", "")
    return ordinal(int(bare)) if len(bare) <= 15 else None


def _say_range(match: re.Match[str]) -> str:
    return f"{match[1]} to {match[2]}"


def _say_digit_groups(match: re.Match[str]) -> str:
    """Say three or more groups of digits (account, card, book numbers) digit by digit, with a pause between groups."""
    return ", ".join(digits(group) for group in re.findall(r"\d+", match[0]))


def _say_power(match: re.Match[str]) -> str:
    exponent, base = match["exponent"], match["base"]
    if base.isalpha() and not re.search("[aeiouAEIOU]", base):
        base = spell(base)
    if exponent in POWERS:
        return f"{base} {POWERS[exponent]} "
    sign = {"-": "minus ", "+": ""}.get(exponent[0], "")
    bare = exponent.lstrip("+-")
    return f"{base} to the power of {sign}{number_words(bare) if bare[0].isdigit() else bare.upper()} "


def _say_scientific(match: re.Match[str]) -> str:
    return f"{match[1]} times ten to the power of {'minus ' if match[2] == '-' else ''}{number_words(match[3])}"


def _say_dimensions(match: re.Match[str]) -> str:
    return f"{match[1]} {'times' if text_after(match).startswith('10^') else 'by'} "


def _say_arithmetic(match: re.Match[str]) -> str:
    """Say the operators between operands, up to and with the equals sign."""
    written = re.sub(r"(?<=\d) ?x ?(?=\d)", "×", match[0])
    parts = re.split(r" ?([-+*/×÷±=–−]) ?", written)
    words = [
        OPERATORS.get(part, "equals" if part == "=" else part) if index % 2 else part
        for index, part in enumerate(parts)
    ]
    return " ".join(words)


def _say_score(match: re.Match[str]) -> str:
    return f"{number_words(match[1])} to {number_words(match[2])}"


def _say_negative(match: re.Match[str]) -> str:
    return f"minus {match[1]}"


def _say_letter_digits(match: re.Match[str]) -> str:
    """Say a name made of letters and figures: B-52, MP3, H2O, 4K, COVID-19."""
    parts = re.findall(r"[A-Za-z]+|\d+(?:\.\d+)?", match[0])
    decimal = any("." in part for part in parts)
    spoken = [_label_part(part, decimal or match[0][0].isdigit()) for part in parts]
    return " ".join(spoken)


def _label_part(part: str, counts: bool) -> str:
    if part[0].isdigit():
        return number_words(part) if (counts and len(part) < 4) or "." in part else label_words(part)
    return CERTAIN_A if part in ("A", "a") else say_letters(part)


def _say_multiple(match: re.Match[str]) -> str:
    return f"{number_words(match[1] or match[2])} times"


def _say_number(match: re.Match[str]) -> str:
    """Say a number; a stray letter before or after it stands apart."""
    before = " " if text_before(match, 1).isalnum() else ""
    after = " " if text_after(match, 1).isalnum() else ""
    return f"{before}{number_words(match[0])}{after}"


def _say_resolution(match: re.Match[str]) -> str:
    return f"{label_words(match[1])} by {label_words(match[2])}"


def _say_magnitude(match: re.Match[str]) -> str | None:
    """Say k, m and b before what they count; 3.5m and a 5k may be a measure and a race."""
    ambiguous = match["scale"] == "m" or (match["scale"] in "kK" and len(match["number"]) < 2)
    if ambiguous and not re.match(" (?:people|users|viewers|followers|copies|jobs)", text_after(match)):
        return None
    scale = {"k": "thousand", "m": "million", "b": "billion"}[match["scale"][0].lower()]
    return f"{number_words(match['number'])} {scale}"


def _say_hundreds(match: re.Match[str]) -> str:
    return ROUND_NUMBERS[match[1].replace(",", "")]


_MEMBER = r"\d{1,6}(?:,\d{3}){0,3}(?:[.:]\d{1,4})?"
_HALF = r"(?: ?[ap]\.? ?m\b\.?| ?[AP]\.? ?M\b\.?)"
RANGE_RULES = (
    Rule(
        "range",
        re.compile(
            rf"(?<![\w.,:/$£€-])({_MEMBER}{_HALF}?) ?[-–] ?(?={_MEMBER}(?:{_HALF}| ?[°%]|(?<=:\d\d)| ?(?:{SYMBOLS})"
            rf"(?![A-Za-z\d])))"
        ),
        lambda match: f"{match[1]} to ",
    ),
)
"""Ranges of measures and times; they go before these, which would say the second number alone."""
OPERAND = r"(?:\d[\d,.]{0,20}(?<![.,])|[A-Za-z])"
EARLY_RULES = (
    Rule("zip code", re.compile(r"(?<=\b[A-Z]{2} )\d{5}(?:-\d{4})?(?![\w,-])"), _say_digit_groups),
    Rule(
        "thousands",
        re.compile(r"(?<![\w.,])\d{1,3}(?: \d{3}){0,3} 000(?![\d,])"),
        lambda match: match[0].replace(" ", ""),
    ),
    Rule("number groups", re.compile(r"(?<![\w.,-])\d{2,6}(?:-\d{1,7}){2,5}(?![\w-])"), _say_digit_groups),
    Rule("number groups", re.compile(r"(?<![\w.,-])\d{4}(?: \d{4}){2,3}(?![\w-]|[.,]\d)"), _say_digit_groups),
    Rule("hundreds", re.compile(r"(?<![\w.,$£€])(10{0,2},?000|100)'?s\b(?= of )"), _say_hundreds),
    Rule(
        "arithmetic",
        re.compile(
            rf"(?<![\w.,=+*/×÷^-])(?<![-=+*/×÷] ){OPERAND}"
            rf"(?: ?(?:[-+*/×÷±–−]|x(?= ?\d)) ?{OPERAND}){{1,8}} ?= ?(?=[\w.-])"
        ),
        _say_arithmetic,
    ),
    Rule("resolution", re.compile(r"(?<![\w.,])(\d{3,4}) ?[x×] ?(\d{3,4})(?![\w.,])"), _say_resolution),
    Rule("dimensions", re.compile(rf"{START}({NUMBER}(?: ?[a-z]{{1,2}}\.?)?) ?[x×] ?(?=\d)"), _say_dimensions),
    Rule(
        "magnitude",
        re.compile(rf"{START}(?P<number>{NUMBER}) ?(?P<scale>[kKmMB]|bn|mn)\+?(?= (?:[a-z]{{2,20}}s|people)\b)"),
        _say_magnitude,
    ),
    Rule(
        "multiple",
        re.compile(rf"{START}({NUMBER}) ?[×]|{START}({NUMBER})(?=x [a-z])x"),
        _say_multiple,
    ),
)
POWER_RULES = (
    Rule(
        "power",
        re.compile(
            r"(?<![A-Za-z])(?P<base>\d[\d,.]{0,20}|[A-Za-z]{1,2}|\)) ?\^ ?[({]?(?P<exponent>[+-]?(?:\d{1,6}"
            r"|[A-Za-z])(?![A-Za-z\d]))[)}]?"
        ),
        _say_power,
    ),
    Rule("power of ten", re.compile(rf"{START}({NUMBER})[eE]([+-]?)(\d{{1,4}})(?!\w)"), _say_scientific),
)
RULES = (
    Rule(
        "mixed number",
        re.compile(
            rf"{START}(?<!\d/)(?P<whole>\d{{1,9}}|\d{{1,3}}(?:,\d{{3}}){{1,4}})(?: | ?- ?| and )"
            rf"(?P<numerator>\d{{1,3}}) ?/ ?(?P<denominator>\d{{1,4}})(?![\d/]|[.,]\d)"
        ),
        _say_mixed_number,
    ),
    Rule(
        "score",
        re.compile(r"(?<![\w.,/])(?P<points>\d{1,3}(?:\.\d)?)/(?P<top>\d{1,3})(?![\w/]|[.,]\d|-[a-z])"),
        _say_points,
    ),
    Rule(
        "fraction",
        re.compile(r"(?<![\w.,/])(?P<numerator>\d{1,9})/(?P<denominator>\d{1,9})(?:ths?|rds?|nds?)?(?![\w/]|[.,]\d)"),
        _say_fraction,
    ),
    Rule("ratio", re.compile(r"(?<![\w.,:])(\d{1,4}):(\d{1,4})(?![\w:]|[.,]\d)"), _say_score),
    Rule(
        "ordinal",
        re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)\b", re.IGNORECASE),
        _say_ordinal,
    ),
    Rule("range", re.compile(rf"(?<![A-Za-z\d.,])({NUMBER}) ?[–-] ?({NUMBER})(?![A-Za-z\d])(?! ?=)"), _say_range),
    Rule(
        "letters and figures",
        re.compile(
            r"(?<![A-Za-z\d.,'-])(?:[A-Za-z]{1,12}-?\d{1,8}|\d{1,4}(?:\.\d{1,4})?-?[A-Za-z]{1,2}(?![a-z])|\d{1,3}"
            r"(?=[A-Z]))(?:-?[A-Za-z]{1,3}(?![a-z])|-?\d{1,6}){0,6}(?![A-Za-z\d])"
        ),
        _say_letter_digits,
    ),
    Rule("negative number", re.compile(rf"(?<![\w.,)])(?<!\d )(?!(?<=[a-z]{{2}} )- )[-−] ?({NUMBER})"), _say_negative),
)
CARDINAL_RULES = (Rule("number", re.compile(NUMBER), _say_number),)
"""The last word on figures: after these no digit is left."""
