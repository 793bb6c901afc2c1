"""Words in capitals: said as a word (NASA), spelled (FBI), or merely shouted."""

import re

from sonorant.text.normalize.rewriting import Rule, text_before

SPOKEN = frozenset(
    "NASA NATO UNESCO UNICEF OPEC AIDS LASER RADAR SONAR SCUBA FIFA NAFTA RAM ROM PIN SIM LAN SWAT NASDAQ COVID "
    "SARS MERS "
    "ASEAN FEMA OSHA HIPAA POTUS SCOTUS CERN DARPA MENSA UEFA FISA GATT NIMBY WASP PETA LEGO IKEA NABISCO "
    "CAD VAT "
    "ZIP GIF SAT ACT DOS GUI WAN VIN YOLO FOMO MIDI RICO TED ETA SEAL SEALS BASIC COBOL FORTRAN LISP UNIX LINUX NIKE "
    "MAX ABBA INTERPOL BIOS NORAD SALT START EPCOT CAPTCHA MOMA NICE RADA".split()
)
"""Acronyms said as words."""
SPELLED = frozenset("UCLA ASAP ISBN YMCA YWCA HTML HTTP USSR ESPN CCTV AARP AFAIK IMHO ATM".split())
"""Long enough to look like words, yet spelled."""
SAID_AS = {"JPEG": "jay peg", "ASCII": "ask ee", "MPEG": "em peg", "AWOL": "ay wall", "OK": "OK",
           "NCAA": "N C double A", "NAACP": "N double A C P", "AAA": "triple A", "IEEE": "I triple E"}  # fmt: skip
WORDS = frozenset(
    "THE AND NOT FOR YOU ARE BUT ALL ANY CAN HAD HER WAS ONE OUR OUT DAY GET HAS HIM HIS HOW MAN NEW NOW OLD SEE "
    "TWO WAY "
    "WHO BOY DID ITS LET PUT SAY SHE TOO USE OFF YES WHY BIG END OF TO IN IS ON BY OR BE AT AS AN WE HE SO IF MY "
    "UP DO NO "
    "GO ME AM LAW WAR GOD SUN TOP RED SET RUN BAD TEN SIX FEW FAR OWN YET NOR AGO AIR ART ASK BED BOX BUS BUY CAR "
    "CUT DOG "
    "EAT EYE FIT FUN GUN GUY HIT HOT ICE JOB KEY KID LOT LOW MAP MEN MIX NET OIL PAY SEA SIR SIT SKY SON TAX TEA "
    "TRY WET "
    "WIN AH OH HA HEY WOW EH AIM ALSO STOP".split()
)
"""Short words that are written in capitals only for emphasis."""
ONSETS = frozenset(
    "bl br ch cl cr dr dw fl fr gh gl gr kn kr ph pl pr qu sc sh sk sl sm sn sp st sw th tr tw wh wr sch scr shr "
    "spl spr str thr".split()
)
CODAS = frozenset(
    "ch ck ct ff ft ld lf lk ll lm lp lt mp nc nd ng nk nt pt rb rc rd rf rg rk rl rm rn rp rt sh sk sp ss st th "
    "tch rst nch rth lth nth ngs nds rds rks rts lls cks sts mps rms rns cts lts".split()
)
MIN_SHOUTED_WORDS = 3


def sounds_like_a_word(capitals: str) -> bool:
    """Say whether four or more capitals can be pronounced as a word, by English onsets and codas.

    Example:
        >>> [sounds_like_a_word(word) for word in ("UNESCO", "HTML", "NAACP", "HELLO")]
        [True, False, False, True]
    """
    parts = re.findall(r"[aeiouy]+|[^aeiouy]+", capitals.lower())
    if not any(part[0] in "aeiouy" for part in parts) or any(len(part) > 2 and part[0] in "aeiouy" for part in parts):
        return False
    *inner, last = parts
    for index, part in enumerate(inner):
        if part[0] not in "aeiouy" and not _joins(part, first=index == 0):
            return False
    return last[0] in "aeiouy" or len(last) == 1 or last in CODAS or (last[:-1] in CODAS and last.endswith("s"))


def _joins(cluster: str, first: bool) -> bool:
    if len(cluster) == 1 or cluster in ONSETS:
        return True
    if first:
        return False
    return any(
        (cut == 1 or cluster[:cut] in CODAS) and (len(cluster) - cut == 1 or cluster[cut:] in ONSETS)
        for cut in range(1, len(cluster))
    )


def spell(letters: str) -> str:
    """Spell letters as single capitals.

    Example:
        >>> spell("fbi")
        'F B I'
    """
    return " ".join(letters.upper())


def say_capitals(word: str) -> str:
    """Say one word in capitals that is not shouted.

    Example:
        >>> say_capitals("NASA"), say_capitals("FBI"), say_capitals("THE")
        ('NASA', 'F B I', 'THE')
    """
    if word in SAID_AS:
        return SAID_AS[word]
    if word in SPOKEN or word in WORDS or (len(word) > 3 and word not in SPELLED and sounds_like_a_word(word)):
        return word
    return spell(word)


def say_letters(word: str) -> str:
    """Say the letters of a name made of letters and figures (the MP of MP3, the iPhone of iPhone15).

    Example:
        >>> say_letters("MP"), say_letters("x"), say_letters("Covid"), say_letters("mp")
        ('M P', 'X', 'Covid', 'M P')
    """
    if word.isupper():
        return say_capitals(word)
    if len(word) == 1 or not re.search("[aeiouyAEIOUY]", word):
        return spell(word)
    return word


def _say_acronym(match: re.Match[str]) -> str | None:
    word, tail = match["word"], match["tail"]
    spoken = spell(word) if word == "WHO" and text_before(match, 4).lower() == "the " else say_capitals(word)
    if not tail:
        return spoken
    return f"{spoken}'s" if spoken != word or "'" in tail else None


def _say_shouting(match: re.Match[str]) -> str | None:
    """Mark shouted words as words by lower-casing all but those that are never words."""
    words = re.findall("[A-Z]{2,}", match[0])
    if not any(word in WORDS or (len(word) > 3 and word not in SPOKEN and sounds_like_a_word(word)) for word in words):
        return None
    return re.sub(r"[A-Z]{2,}(?:'[A-Z]+)?", _whisper, match[0])


def _whisper(match: re.Match[str]) -> str:
    word = match[0]
    if word in SPELLED or word in SAID_AS or not re.search("[AEIOUY]", word) or word in SHORT_INITIALISMS:
        return word
    return word.lower()


SHORT_INITIALISMS = frozenset(
    "USA UK FBI CIA EU UN TV AI API CEO CFO CTO IBM UFO DNA ATM IRS IQ ID NBA FDA EPA URL CPU GPU USB LA UAE IPO "
    "IOU AC UI".split()
)
_SHOUTED = r"(?:[A-Z]{2,30}(?:'[A-Z]{1,2})?|I|A)"
RULES = (
    Rule(
        "shouting",
        re.compile(
            rf"(?<![\w'])(?<![A-Z][ ,-])(?:{_SHOUTED}[,:;]?[ -]){{{MIN_SHOUTED_WORDS - 1},400}}{_SHOUTED}(?![\w'])"
        ),
        _say_shouting,
    ),
    Rule(
        "letters",
        re.compile(r"(?<![\w'&])([A-Z]{1,3}) ?& ?([A-Z]{1,3})(?![\w&])"),
        lambda match: f"{spell(match[1])} and {spell(match[2])}",
    ),
    Rule("acronym", re.compile(r"(?<![\w'])(?P<word>[A-Z]{2,30})(?P<tail>'s|s)?(?![\w]|'[A-Za-z])"), _say_acronym),
)
