"""Numbers that name a thing and count nothing: airliners, sections, flights, rooms."""

import re

from sonorant.text.normalize.acronyms import spell
from sonorant.text.normalize.numerals import digits, label_words, number_words, ordinal, plural
from sonorant.text.normalize.rewriting import Rule

AIRLINER_NOUNS = "MAX|Max|Dreamliner|jumbo|jet|jetliner|airliner|aircraft|airplane|plane"
NAMING = (
    "[Mm]odel|[Tt]ype|[Pp]art|[Ff]orm|[Aa]rticle|[Ss]ection|[Rr]ule|[Ff]igure|[Tt]able|[Uu]nit|[Aa]partment|[Rr]oom"
    "|[Nn]umber|Boeing|Cessna|Piper"
)
"""Words before a number in two parts."""
NUMBERED_BOOKS = "Samuel|Kings|Chronicles|Corinthians|Thessalonians|Timothy|Peter|John"
BOOKS = (
    f"{NUMBERED_BOOKS}|Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Job|Psalms?|Proverbs|Ecclesiastes"
    "|Isaiah|Jeremiah|Ezekiel|Daniel|Matthew|Mark|Luke|Acts|Romans|Galatians|Ephesians|Philippians|Colossians|Titus"
    "|Philemon|Hebrews|James|Revelation"
)
LABELLED = "[Ff]light|[Rr]oom|[Hh]ighway|[Rr]oute|[Ii]nterstate|[Bb]oeing|Airbus|Cessna"
"""Words before a number that is said in pairs."""
COUNTED = "(?:times|miles|kilometers|feet|days)"
"""Words after a number that counts them and names nothing: the route 150 times."""


def _say_model(match: re.Match[str]) -> str:
    """Say the number of an airliner in pairs, its variant as a number: 747-400, 787-9, 767-300ER, 737s."""
    number = label_words(match["model"])
    if not match["variant"]:
        return plural(number) if match["several"] else number
    variant = number_words(match["variant"])
    return f"{number} {plural(variant) if match['variants'] else variant} {spell(match['letters'])}".rstrip()


def _say_descending(match: re.Match[str]) -> str | None:
    """Say a number in two parts (Section 12-3): what goes down is no range."""
    first, second = match["first"], match["second"]
    return f"{match['name']} {label_words(first)} {label_words(second)}" if int(first) > int(second) else None


def _say_verse(match: re.Match[str]) -> str:
    """Say chapter and verse without a word between, as a time of day is said: John 3:16, 1 Corinthians 13:4."""
    rank = f"{ordinal(int(match['rank'])).capitalize()} " if match["rank"] else ""
    chapter, first, last = (number_words(part) if part else "" for part in match.group("chapter", "first", "last"))
    return f"{rank}{match['book']} {chapter} {first}{' to ' if last else ''}{last}"


def _say_label(match: re.Match[str]) -> str | None:
    return f"{match[1]} {label_words(match[2])}" if int(match[2]) % 100 else None


def _say_emergency(match: re.Match[str]) -> str:
    return digits(match[0])


def _say_single_digits(match: re.Match[str]) -> str:
    """Say single digits joined by hyphens (9-1-1, a 4-4-2) one by one."""
    return digits(match[0].replace("-", ""))


def _say_named_telephone(match: re.Match[str]) -> str:
    """Say a telephone number that ends in words: 1-800-FLOWERS."""
    return f"one, {number_words(match[1]) if match[1].endswith('00') else digits(match[1])}, {match[2].lower()}"


def _say_plan(match: re.Match[str]) -> str:
    return "four oh one K"


TWO_PART_RULES = (
    Rule(
        "verse",
        re.compile(
            rf"\b(?:(?P<rank>[123]) (?={NUMBERED_BOOKS}))?(?P<book>{BOOKS})"
            r" (?P<chapter>[1-9]\d{0,2}):(?P<first>[1-9]\d{0,2})(?:[-–](?P<last>[1-9]\d{0,2}))?"
            r"(?![\w:-]|[.,]\d| ?[ap]\.? ?m\b| ?[AP]M\b)"
        ),
        _say_verse,
    ),
    Rule("single digits", re.compile(r"(?<![\w.,:/$£€-])\d(?:-\d){2,4}(?![\w-]|[.,]\d)"), _say_single_digits),
    Rule(
        "telephone number",
        re.compile(r"(?<![\w-])1-(8\d\d)-([A-Z]{2,9}(?:-[A-Z]{2,9})?)(?![\w-])"),
        _say_named_telephone,
    ),
    Rule("pension plan", re.compile(r"(?<![\w.,-])401 ?(?:\([kK]\)|[kK]\b)"), _say_plan),
    Rule(
        "emergency number",
        re.compile(
            r"(?<![\w.,:/$£€-])(?:(?:(?<=[Cc]all )|(?<=[Cc]alled )|(?<=[Cc]alling )|(?<=[Dd]ial )|(?<=[Dd]ialed ))"
            r"(?:911|999)(?! times\b)|911(?= (?:calls?|callers?|operators?|dispatchers?)\b))(?![\w-]|[.,]\d)"
        ),
        _say_emergency,
    ),
    Rule(
        "model number",
        re.compile(
            r"(?<![\w.,:/$£€-])(?<!pages )(?P<model>7[0-8]7)"
            r"(?:-(?P<variant>[1-9]00|[1-3][2-9]0|[89]|10)(?P<letters>[A-Z]{0,3})(?P<variants>s?)(?![\w-]|[.,]\d)"
            r"|(?P<several>s)\b|(?= (?:" + AIRLINER_NOUNS + r")s?\b))"
        ),
        _say_model,
    ),
    Rule(
        "model number",
        re.compile(rf"\b(?P<name>{NAMING}) (?P<first>\d{{1,4}})-(?P<second>\d{{1,4}})(?![\w-]|[.,]\d)"),
        _say_descending,
    ),
)
"""They go before ranges."""
LABEL_RULES = (Rule("label", re.compile(rf"\b({LABELLED}) (\d{{3,4}})(?!\d|[.,]\d)(?! {COUNTED}\b)"), _say_label),)
"""They go after years."""
