"""Abbreviations and titles, and how to tell their dot from the end of a sentence."""

import re
from collections.abc import Iterable

from sonorant.text.normalize.characters import CERTAIN_A
from sonorant.text.normalize.rewriting import Rule, text_after, text_before

STARTERS = frozenset(
    "A After All Also Although An And Another Are As At Because Before But By Can Did Do Does During Each Even "
    "Every For "
    "From Had Has Have He Her Here His How However I If In Is It Its Just Last Later Let Many May Maybe Most My "
    "Next No "
    "Not Nobody Nothing Now Of On Once One Only Or Other Our Perhaps She Should Since So Some Soon Still Such Than "
    "That "
    "The Their Then There These They This Those Though Thus To Today Two Under Until Was We Were What When Where Which "
    "While Who Whose Why Will With Would Yes Yet You Your".split()
)
"""Words that, capitalised after an abbreviation, begin a new sentence."""

TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Ms", "Messrs": "Messrs", "Mmes": "Mesdames", "Mlle": "Mademoiselle",
    "Mme": "Madame", "Capt": "Captain", "Lt": "Lieutenant", "Lieut": "Lieutenant", "Col": "Colonel", "Gen": "General",
    "Maj": "Major", "Sgt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private", "Cmdr": "Commander", "Adm": "Admiral",
    "Rev": "Reverend", "Hon": "Honorable", "Prof": "Professor", "Gov": "Governor", "Sen": "Senator",
    "Rep": "Representative", "Pres": "President", "Supt": "Superintendent", "Insp": "Inspector", "Msgr": "Monsignor",
    "Mt": "Mount", "Fr": "Father", "Atty": "Attorney", "Det": "Detective", "Secy": "Secretary",
    "Sens": "Senators", "Reps": "Representatives",
}  # fmt: skip
"""Stand before a name; their dot never ends a sentence."""
UNDOTTED_TITLES = ("Mr", "Mrs", "Ms", "Mme", "Capt", "Lt", "Col", "Sgt", "Prof", "Rev", "Mt")

NUMBERED = {
    "No": "Number", "no": "number", "Nos": "Numbers", "nos": "numbers", "p": "page", "pp": "pages", "pg": "page",
    "vol": "volume", "vols": "volumes", "ch": "chapter", "chap": "chapter", "chs": "chapters", "sec": "section",
    "fig": "figure", "figs": "figures", "eq": "equation", "art": "article", "par": "paragraph", "op": "opus",
    "apt": "apartment", "ste": "suite", "ver": "version", "ln": "line", "pt": "part", "bk": "book", "tel": "telephone",
    "app": "appendix", "approx": "approximately", "rte": "route", "hwy": "highway", "ext": "extension",
    "est": "established",
}  # fmt: skip
"""Stand before a figure."""
FIGURE_FOLLOWS = r"(?=#?\d|(?!(?-i:I)(?:['’]| (?!(?:of|in|and|to|is|for|by|with)\b)(?-i:[a-z])))[IVXLC]+\b)"
"""Source of a look-ahead for figures and Roman numerals; an I before a verb is the pronoun ("He said no. I left.")."""

PLAIN = {
    "etc": "et cetera", "viz": "namely", "vs": "versus", "esq": "esquire", "bart": "baronet", "jr": "junior",
    "sr": "senior", "inc": "incorporated", "ltd": "limited", "corp": "corporation", "co": "company", "bros": "brothers",
    "dept": "department", "univ": "university", "assn": "association", "assoc": "association",
    "approx": "approximately",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "hwy": "highway", "pkwy": "parkway", "govt": "government",
    "misc": "miscellaneous", "incl": "including", "excl": "excluding", "esp": "especially", "max": "maximum",
    "temp": "temperature", "mss": "manuscripts", "intl": "international", "natl": "national",
    "mfg": "manufacturing", "bldg": "building", "tel": "telephone", "cf": "compare", "ibid": "ibidem",
    "vols": "volumes",
    "figs": "figures", "avg": "average", "mgr": "manager", "dist": "district", "hosp": "hospital", "inst": "institute",
    "usu": "usually", "orig": "originally", "est": "estimated", "ch": "chapter",
    "vol": "volume", "fig": "figure", "doz": "dozen", "pkg": "package",
}  # fmt: skip
"""Stand anywhere, always with a dot; their dot may also end the sentence."""
ALSO_WORDS = frozenset(["Max", "Bart", "fig", "temp"])
"""Abbreviations only before a figure or a word in lower case; elsewhere a name or a word that ends the sentence."""

LATIN = {
    "i.e.": "that is", "e.g.": "for example", "et al.": "et al", "w.r.t.": "with respect to", "a.k.a.": "A K A",
    "ca.": "circa", "Ph.D.": "P H D", "PhD": "P H D", "PhDs": "P H D's", "Ph.D.s": "P H D's", "Ph.D.'s": "P H D's",
    "Ph.D": "P H D", "q.v.": "which see",
    "MSS.": "manuscripts", "&c.": "et cetera", "&c": "et cetera", "a.k.a": "A K A", "i.e": "that is",
    "e.g": "for example", "ie.": "that is", "eg.": "for example",
}  # fmt: skip

STATES = {
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California", "Colo": "Colorado",
    "Conn": "Connecticut", "Del": "Delaware", "Fla": "Florida", "Ga": "Georgia", "Ill": "Illinois", "Ind": "Indiana",
    "Kan": "Kansas", "Ky": "Kentucky", "La": "Louisiana", "Mass": "Massachusetts", "Md": "Maryland", "Mich": "Michigan",
    "Minn": "Minnesota", "Miss": "Mississippi", "Mo": "Missouri", "Neb": "Nebraska", "Nev": "Nevada",
    "Okla": "Oklahoma",
    "Ore": "Oregon", "Pa": "Pennsylvania", "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia", "Vt": "Vermont",
    "Wash": "Washington", "Wis": "Wisconsin", "Wyo": "Wyoming",
}  # fmt: skip
"""Stand after a town and a comma."""


def ends_sentence(after: str) -> bool:
    """Say whether the dot of an abbreviation also ends the sentence, from the text after the dot.

    Example:
        >>> ends_sentence(" He left."), ends_sentence(" Smith left."), ends_sentence('"')
        (True, False, True)
    """
    match = re.match(r"""["')\]]*(?:$|\s+["'(\[]?([A-Z][A-Za-z]*))""", after)
    return match is not None and (match[1] is None or match[1] in STARTERS)


def _dotted(spoken: str, match: re.Match[str]) -> str:
    return f"{spoken}." if match[0].endswith(".") and ends_sentence(text_after(match)) else spoken


def _say_title(match: re.Match[str]) -> str:
    spoken = TITLES[match[1]]
    return f"{spoken}." if match[0].endswith(".") and not text_after(match).strip() else spoken


def _say_numbered(match: re.Match[str]) -> str:
    word = match[1]
    spoken = NUMBERED.get(word) or NUMBERED[word.lower()]
    return spoken.capitalize() if word[0].isupper() else spoken


def _say_plain(match: re.Match[str]) -> str | None:
    word = match[1]
    if word in ALSO_WORDS and not re.match(r",? [a-z\d]", text_after(match, 4)):
        return None
    spoken = PLAIN[word.lower()]
    return _dotted(spoken.capitalize() if word[0].isupper() else spoken, match)


def _say_latin(match: re.Match[str]) -> str | None:
    spoken = LATIN.get(match[0]) or LATIN.get(match[0].lower())
    return _dotted(spoken, match) if spoken else None


def _say_state(match: re.Match[str]) -> str:
    return _dotted(STATES[match[1]], match)


def _say_saint_or_street(match: re.Match[str]) -> str | None:
    """Tell "St. Paul" from "Main St.": a street follows a name or a number and no name follows it."""
    return _title_or_road(match, "Saint", "Street")


def _say_doctor_or_drive(match: re.Match[str]) -> str | None:
    return _title_or_road(match, "Doctor", "Drive")


_ADDRESS = re.compile(r"\d+[A-Za-z]?(?: [A-Z]\.?)?(?: [A-Z][a-z]+){1,2} $|\d(?:st|nd|rd|th) $")
_NAME = re.compile(r"(?:^|[^A-Za-z'])([A-Z][a-z]+)(?:'s)? $")


def _title_or_road(match: re.Match[str], title: str, road: str) -> str | None:
    before, after = text_before(match, 40), text_after(match)
    follower = re.match(r" ['\"]?([A-Z][A-Za-z']*)", after)
    if _ADDRESS.search(before):
        return _dotted(road, match)
    name = _NAME.search(before)
    if follower and not (name and follower[1] in STARTERS and name[1] not in STARTERS):
        return title
    if name and name[1] not in STARTERS:
        return _dotted(road, match)
    return title if match[0].endswith(".") or match[1] == "Dr" else None


def _say_road(match: re.Match[str]) -> str | None:
    """Say Ave or Rd behind a name or a number of a street (not the Ave in "sang Ave Maria")."""
    before = text_before(match, 40)
    name = _NAME.search(before)
    road = _ADDRESS.search(before) or (name and name[1] not in STARTERS)
    return PLAIN[match[1].lower()].capitalize() if road else None


def _say_circa(match: re.Match[str]) -> str:
    return "circa "


def _say_versus(match: re.Match[str]) -> str:
    return " versus "


def _say_initial(match: re.Match[str]) -> str | None:
    """Drop the dot of an initial ("J. F. Kennedy"), unless it ends a sentence ("Vitamin C. The next")."""
    after = text_after(match, 24)
    follower = re.match(r" ([A-Z][A-Za-z]*)(?!\w)(\.?)", after)
    if not follower:
        return None
    letter = CERTAIN_A if match[1] == "A" else match[1]
    if len(follower[1]) == 1:
        return letter if follower[2] or (follower[1] != "I" and follower[1] != "A") else None
    if follower[1] in STARTERS or (
        match[1] == "I" and not re.search(r"[A-Z]\.? $|[A-Z][a-z]+ $", text_before(match, 16))
    ):
        return None
    return letter


def _say_dotted_letters(match: re.Match[str]) -> str:
    """Spell U.S.A. or Ph.D. (letters and dots), with its plural or genitive."""
    letters = re.findall("[A-Za-z]", match["letters"])
    tail = "'s" if match["tail"] else ""
    spoken = " ".join(letters).upper() + tail
    return _dotted(spoken, match)


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_PLAIN = "|".join(sorted({form for word in PLAIN for form in (word, word.capitalize())}))
RULES = (
    Rule("abbreviation", re.compile(rf"(?<![\w.])(?:{_alternatives(LATIN)})(?![A-Za-z])", re.IGNORECASE), _say_latin),
    Rule("century", re.compile(r"(?<=\d(?:st|nd|rd|th)) c\.(?= )"), lambda match: " century"),
    Rule("abbreviation", re.compile(r"(?<![\w.])(?:c|ca)\. ?(?=1\d{3}\b|[5-9]\d\d\b|20\d\d\b)"), _say_circa),
    Rule(
        "abbreviation",
        re.compile(rf"(?<![\w.])((?:{_alternatives(NUMBERED)}))\. ?{FIGURE_FOLLOWS}", re.IGNORECASE),
        lambda match: _say_numbered(match) + " ",
    ),
    Rule("title", re.compile(rf"(?<![\w.])({_alternatives(TITLES)})\.(?! ?\d)"), _say_title),
    Rule(
        "title", re.compile(rf"(?<![\w.'])({_alternatives(UNDOTTED_TITLES)})(?= (?:and )?[A-Z][A-Za-z.])"), _say_title
    ),
    Rule("saint or street", re.compile(r"(?<![\w.])(St)(?:\.|(?= [A-Z][a-z]))"), _say_saint_or_street),
    Rule("saint or street", re.compile(r"(?<=[a-z] )(St)(?=[,;:!?)]|$)"), _say_saint_or_street),
    Rule("road", re.compile(r"(?<=[a-z] )(Ave|Blvd|Pkwy|Rd)\b(?!\.| Maria)"), _say_road),
    Rule("road", re.compile(r"\bHwy(?= \d)"), lambda match: "Highway"),
    Rule("saint or street", re.compile(r"(?<![\w.])(Ste)\.(?= [A-Z][a-z])"), lambda match: "Sainte"),
    Rule("doctor or drive", re.compile(r"(?<![\w.])(Dr)(?:\.|(?= [A-Z][a-z]))"), _say_doctor_or_drive),
    Rule("fort", re.compile(r"(?<![\w.])(?<!\d )Ft\.(?= [A-Z])"), lambda match: "Fort"),
    Rule("versus", re.compile(r"(?<=[A-Za-z]) (?:v|vs)\.? (?=[A-Z][a-z])"), _say_versus),
    Rule("abbreviation", re.compile(rf"(?<![\w.])({_PLAIN})\.(?![A-Za-z\d])"), _say_plain),
    Rule("abbreviation", re.compile(r"(?<![\w.])([Vv]s|[Jj]r|[Ee]tc)\b(?!\.)(?=[ ,;:!?]|$)"), _say_plain),
    Rule("state", re.compile(rf"(?<=, )({_alternatives(STATES)})\."), _say_state),
    Rule(
        "letters",
        re.compile(
            r"(?<![\w.'])(?P<letters>(?:[A-Za-z]\.){2,10}(?:[A-Za-z](?![A-Za-z\d]))?|LL\.[DBM]\.|(?:B|M)\.?Sc\."
            r"|[BM]\.Ed\.|D\.Phil\.|M\.Phil\.)(?P<tail>'?s\b)?(?![A-Za-z\d])"
        ),
        _say_dotted_letters,
    ),
    Rule(
        "species",
        re.compile(r"(?<![\w'.])([A-Z])\.(?= (?:coli|rex|aureus|difficile|elegans|pylori|sapiens|pneumoniae)\b)"),
        lambda match: match[1],
    ),
    Rule("initial", re.compile(r"(?<![\w'.])([A-Z])\.(?= [A-Z])"), _say_initial),
)
