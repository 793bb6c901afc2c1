"""Roman numerals: after names ("Henry VIII") as ranks, after headings ("Chapter IV", "War II") as numbers."""

import re

from sonorant.text.normalize.numerals import cardinal, ordinal, roman_value
from sonorant.text.normalize.rewriting import Rule, sentence_ends, text_after, text_before

MONARCHS = (
    "Adrian Albert Alexander Alexios Alfonso Amadeus Anastasius Antiochus Artaxerxes August Augustus Basil Benedict "
    "Boniface Boris Callixtus Carl Carlos Casimir Catherine Celestine Charles Christian Clement Constantine Cyrus "
    "Darius "
    "David Demetrius Edward Elizabeth Eric Ernest Eugene Felipe Ferdinand Francis Franz Frederick Friedrich George "
    "Gregory Gustaf Gustav Gustavus Haakon Harald Harold Henri Henry Honorius Hugh Humbert Innocent Ivan James "
    "Joan John "
    "Joseph Juan Julius Justinian Karl Kenneth Leo Leopold Lothair Louis Ludwig Malcolm Manuel Margaret Maria "
    "Martin Mary "
    "Matthias Maximilian Mehmed Michael Murad Napoleon Nicholas Olav Oscar Otto Paul Pedro Peter Philip Philippe Pius "
    "Ptolemy Rainier Ramesses Ramses Ranulf Richard Robert Roger Rudolf Rudolph Selassie Selim Sigismund Sixtus "
    "Stephen "
    "Suleiman Sylvester Theodore Theodosius Thutmose Umberto Urban Victor Victoria Vittorio Vladimir Wenceslaus "
    "Wilhelm "
    "Willem William Xerxes Emmanuel Franklin Thomas Walter Samuel Arthur Andrew Daniel Donald Steven Anthony"
)
HEADINGS = (
    "Chapter Book Part Volume Act Scene Section Article Appendix Canto Type Title Phase Stage Class Grade Level "
    "Division "
    "Mark Apollo Rocky War Bowl Rule Table Figure Plate Psalm Sonnet Symphony Concerto Opus Episode Schedule "
    "Exhibit Annex "
    "Amendment Lesson Unit Exercise Problem Theorem Proposition Clause Verse Paragraph Column Group Category Model "
    "Series "
    "Saturn Polaris Vatican Factor Number No"
)
RANKED = "century|centuries|dynasty|corps|legion|olympiad"
RULERS = re.compile(r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Prince|Kaiser|Saint|Sultan|under|of|and|by|to) $")
REIGNED_OVER = re.compile(
    r"\b(?:reign|rule|death|execution|coronation|court|trial|time|days|arm(?:y|ies)|son|daughter|brother|sister|wife"
    r"|widow|mother|father|heir|palace|tomb|statue|portrait)s? of (?:King |Queen |Pope |Emperor |Tsar )?$"
)
REIGNS = re.compile(
    r" (?:(?:died|reigned|ruled|became|succeeded|abdicated|is|has|does|the|who|whose)\b"
    r"|(?:and|or|to) (?:[A-Z]|h(?:is|er)\b)"
    r"|(?:of|at|by|from|with|during|until|against|in|on)\b"
    r"(?! (?:course|turn|fact|general|particular|the other|least|once|first|last|now|then|my|principle|purpose)\b))"
)
"""What follows a ruler's name and numeral, and never the pronoun."""
PRONOUN_VERBS = re.compile(
    r" (?:am|have|haven't|do|don't|think|know|love|need|want|hope|believe|mean|feel|guess|wish|say|swear|promise"
    r"|understand|agree|thank|like|see|just|also|really)\b"
)
"""What follows the pronoun, and never a ruler."""
UNLIKELY = frozenset(
    "MIX DIM CD DVD MD CV DC LCD XL XXL MC DI MI MM CC DL CL CM MV MDI CIC LLC DD LL MCM XXX CI LI DX CX".split()
)
"""Well-formed numerals that are far more often letters or words."""
NUMERAL = r"(?P<numeral>[IVXLCDM]{1,12})"


def _say_rank(match: re.Match[str]) -> str | None:
    value = roman_value(match["numeral"])
    if value is None or value > 100:
        return None
    if match["numeral"] == "I" and not _is_first(match):
        return None
    stop = "." if match["dot"] and sentence_ends(text_after(match, 16)) else ""
    return f"{match['name']} the {ordinal(value)}{stop}"


def _is_first(match: re.Match[str]) -> bool:
    """Tell "Charles I" from a name followed by the pronoun."""
    after, before = text_after(match, 16), text_before(match, 32)
    if re.match(r"'(?:m|d|ve|ll)\b", after) or PRONOUN_VERBS.match(after) or match["name"] == "August":
        return False
    if match["dot"] or re.match(r"[,;:)'\"?!]|$|-| ?[–—]", after) or REIGNS.match(after) or REIGNED_OVER.search(before):
        return True
    named = RULERS.search(before) and not re.match(r" [a-z]+ ", after)
    return bool(named or re.search(r"(?:King|Queen|Pope|Emperor|Empress|Tsar) $|(?:^|[.!?]['\")]* )$", before))


def _say_heading(match: re.Match[str]) -> str | None:
    value = roman_value(match["numeral"])
    return f"{match['name']} {cardinal(value)}" if value is not None and value < 4000 else None


def _say_world_war(match: re.Match[str]) -> str:
    return "World War one" if match[1] in ("I", "1") else "World War two"


def _say_century(match: re.Match[str]) -> str | None:
    value = roman_value(match["numeral"])
    return ordinal(value) if value is not None else None


def _say_alone(match: re.Match[str]) -> str | None:
    value = roman_value(match["numeral"])
    if value is None or match["numeral"] in UNLIKELY:
        return None
    return f"{match['name']} {cardinal(value)}"


_NAMES = "|".join(MONARCHS.split())
_HEADINGS = "|".join(HEADINGS.split())
_LOWER_HEADINGS = (
    "chapter|book|part|volume|act|scene|section|article|appendix|type|phase|stage|class|level|vol|table|figure"
)
RULES = (
    Rule("Roman numeral", re.compile(r"^I(?=\. [A-Z][a-z])"), lambda match: "one"),
    Rule(
        "Roman numeral",
        re.compile(rf"\b{NUMERAL} (?={RANKED})\b"),
        lambda match: (spoken := _say_century(match)) and f"{spoken} ",
    ),
    Rule(
        "Roman numeral",
        re.compile(rf"\b(?P<name>(?:{_NAMES})(?: [A-Z][a-z]{{1,15}})?) {NUMERAL}\b(?<!Malcolm X)(?P<dot>\.)?(?![\w-])"),
        _say_rank,
    ),
    Rule("Roman numeral", re.compile(r"\b(?P<name>World War) (?P<numeral>I{1,2})\b"), _say_heading),
    Rule("Roman numeral", re.compile(r"\bWW ?(I{1,2}|[12])\b"), _say_world_war),
    Rule(
        "Roman numeral",
        re.compile(rf"\b(?P<name>(?:{_HEADINGS})\.?) {NUMERAL}\b(?!['’]m|['’]ve|['’]ll|['’]d)(?! [a-z]+(?:ed|ve|m)\b)"),
        _say_heading,
    ),
    Rule(
        "Roman numeral",
        re.compile(r"\b(?P<name>(?:" + _LOWER_HEADINGS + r")\.?) (?P<numeral>[IVX]{2,6}|V|X)\b"),
        _say_heading,
    ),
    Rule(
        "Roman numeral",
        re.compile(r"(?<![A-Z] )\b(?P<name>[A-Z][a-z]{1,15}) (?P<numeral>[IVXL]{2,8})\b(?!-|')"),
        _say_alone,
    ),
    Rule(
        "Roman numeral",
        re.compile(
            r"(?<![\w.-])(?P<name>)(?P<numeral>II|III|VI{1,3}|I[XV]|X[IVX]{1,6})\b(?![-'])(?! drip| fluid| line)"
        ),
        _say_alone,
    ),
)
