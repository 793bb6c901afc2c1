"""Dates, times of day, years and decades."""

import re

from sonorant.text.normalize.numerals import cardinal, ordinal, plural, year
from sonorant.text.normalize.rewriting import Rule, sentence_ends, text_after, text_before

MONTHS = ("January February March April May June July August September October November December").split()
MONTH_BY_SHORT = {month[:3]: month for month in MONTHS} | {"Sept": "September"}
DAYS = {"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
        "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"}  # fmt: skip
FULL_NAMES = MONTH_BY_SHORT | DAYS
WEEKDAY = "(?:" + "|".join(dict.fromkeys((*DAYS, *DAYS.values()))) + ")"
MONTH = "(?:" + "|".join(MONTHS) + ")"
SHORT = "(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)"
DAY = r"(?:3[01]|[12]\d|0?[1-9])"
YEAR = r"(?:1\d{3}|20\d{2})"
COMMON_DENOMINATORS = (2, 3, 4, 5, 8, 16)
_HAPPENING_BEFORE = re.compile(
    r"\b(?:met|meet|meets|meeting|born|died|due|held|opens|opened|starts|started|begins|began|ends|ended|closes|closed"
    r"|leave|leaves|left|arrives?|arrived|returns?|returned|expires|happened) $"
)
START = r"(?<![\w.,/:$£€-])"
END = r"(?![\w/:]|[.,-]\d)"
HALF = r"(?: ?(?P<half>[ap])\.? ?m(?:\b|\.)| ?(?P<capital>[AP])\.? ?M(?:\b|\.))"


def _month_name(number: str) -> str | None:
    return MONTHS[int(number) - 1] if 1 <= int(number) <= 12 else None


def _say_iso(match: re.Match[str]) -> str | None:
    month, day = _month_name(match["month"]), int(match["day"])
    if month is None or not 1 <= day <= 31:
        return None
    hour = " " if match["time"] else ""
    return f"{month} {ordinal(day)}, {year(int(match['year']))}{hour}"


def _say_slashed(match: re.Match[str]) -> str | None:
    first, second = match["first"], match["second"]
    if int(first) > 12 or match["mark"] == ".":
        first, second = second, first
    month, day = _month_name(first), int(second)
    if month is None or not 1 <= day <= 31:
        return None
    written = match["year"]
    spoken = year(int(written)) if len(written) == 4 else _short_year(written)
    return f"{month} {ordinal(day)}, {spoken}"


def _say_this_year(match: re.Match[str]) -> str | None:
    """Say a month and a day in figures after a preposition or the day of the week (Tue 3/14); 9/11 stays what it is."""
    month, day = _month_name(match["month"]), int(match["day"])
    if month is None or not 1 <= day <= 31 or match["date"] == "9/11" or _may_be_fraction(match):
        return None
    return f"{DAYS.get(match['front'], match['front'])}{match['gap']}{month} {ordinal(day)}"


def _may_be_fraction(match: re.Match[str]) -> bool:
    """Tell whether figures may as well be a fraction: "on 1/2" unless one meets on it or an hour follows, "by 7/10".

    After "until", "since", "before", "after" and the day of the week they never are.
    """
    front, numerator, denominator = match["front"].lower(), int(match["month"]), int(match["day"])
    timed = re.match(" at (?!least|most|once)", text_after(match)) or _HAPPENING_BEFORE.search(text_before(match, 12))
    if front not in ("on", "by") or timed:
        return False
    common = denominator in COMMON_DENOMINATORS
    return numerator < denominator and common if front == "on" else numerator == 1 or denominator <= 12 or common


def _short_year(written: str) -> str:
    return f"oh {cardinal(int(written))}" if written.startswith("0") else cardinal(int(written))


def _expand_month(match: re.Match[str]) -> str:
    return MONTH_BY_SHORT[match[1]]


def _expand_day(match: re.Match[str]) -> str:
    return DAYS[match[1]]


def _say_names(match: re.Match[str]) -> str | None:
    """Say a range of months or days of the week; between whole names a dash with spaces may be one of the sentence."""
    first, last = (FULL_NAMES.get(name, name) for name in (match[1], match[3]))
    whole = match[0] == f"{first}{match[2]}{last}"
    if " " in match[2] and whole and not re.match(r"[.,;:!?)]|$| \d", text_after(match)):
        return None
    return f"{first} to {last}{_stop(match)}"


def _say_month_day(match: re.Match[str]) -> str:
    spoken = f"{match['month']} {ordinal(int(match['day']))}"
    if match["last"]:
        spoken += f" to {ordinal(int(match['last']))}"
    if match["year"]:
        spoken += f"{match['comma']} {year(int(match['year']))}"
    return spoken


def _say_day_month(match: re.Match[str]) -> str:
    the = "" if text_before(match, 4).lower().endswith("the ") else "the "
    to = f" to {ordinal(int(match['last']))}" if match["last"] else ""
    spoken = f"{the}{ordinal(int(match['day']))}{to} of {match['month']}"
    if match["year"]:
        spoken += f"{match['comma']} {year(int(match['year']))}"
    return spoken


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24 or minute > 59:
        return None
    half = match["half"] or match["capital"]
    spoken = [cardinal(hour)]
    if minute:
        spoken.append(("oh " if minute < 10 else "") + cardinal(minute))
    elif not half:
        spoken.append("o'clock" if 0 < hour <= 12 else "hundred")
    if match["second"]:
        spoken.append(("oh " if match["second"].startswith("0") else "") + cardinal(int(match["second"])))
    return " ".join(spoken) + _say_half(match, half)


def _say_hour(match: re.Match[str]) -> str | None:
    hour = int(match["hour"])
    return cardinal(hour) + _say_half(match, match["half"] or match["capital"]) if hour <= 12 else None


def _say_half(match: re.Match[str], half: str | None) -> str:
    """Say "A M" or "P M", keeping the last dot where it also ends the sentence."""
    if not half:
        return ""
    return f" {half.upper()} M{_stop(match)}"


def _stop(match: re.Match[str]) -> str:
    """Return the dot of an abbreviation at the end of a match where it also ends the sentence."""
    return "." if match[0].endswith(".") and sentence_ends(text_after(match, 8)) else ""


def _say_bare_half(match: re.Match[str]) -> str:
    return _say_half(match, match["half"]).strip()


def _say_decade(match: re.Match[str]) -> str:
    written = match["decade"]
    number = int(written)
    return plural(year(number) if len(written) == 4 else cardinal(number))


def _say_year_range(match: re.Match[str]) -> str | None:
    """Say a range of years; behind a slash only the next year ends one (2019/20, not 1500/25)."""
    first, last = int(match["first"]), match["last"]
    if len(last) == 4:
        return f"{year(first)} to {year(int(last))}"
    adjoining = int(last) == (first + 1) % 100
    if not adjoining and (match["mark"] == "/" or int(last) <= first % 100):
        return None
    return f"{year(first)} to {year(first + 1) if last == '00' else _short_year(last)}"


def _say_era(match: re.Match[str]) -> str:
    number, era = match["number"], " ".join(match["era"].replace(".", "").replace(" ", ""))
    spoken = year(int(number)) if len(number) == 4 and int(number) > 1000 else cardinal(int(number))
    return f"{spoken} {era}{_stop(match)}"


YEAR_WORDS = (
    "in|of|since|by|until|till|from|after|before|during|around|about|circa|year|years|early|late|mid|to|between|and|"
    "spring|summer|autumn|fall|winter|the|dated|for|" + "|".join(month.lower() for month in MONTHS)
)
EARLY_YEAR_WORDS = "in|year|since|anno|circa"
NO_PLURAL = frozenset(
    "is was has as his this its us plus thus perhaps always across towards besides unless was various previous "
    "business census congress campus alas yes versus afterwards upwards sometimes".split()
)
_YEAR_BEFORE = re.compile(rf"(?<![A-Za-z])(?:{YEAR_WORDS})[.,]? \(?$", re.IGNORECASE)
_EARLY_YEAR_BEFORE = re.compile(rf"(?<![A-Za-z])(?:{EARLY_YEAR_WORDS}) \(?$", re.IGNORECASE)
_COUNTED = re.compile(r" ([a-z]{3,20})(?![A-Za-z'])")


def _say_year(match: re.Match[str]) -> str | None:
    """Say a number as a year unless it counts something.

    Four digits from 1100 to 2099 are a year, except before a plural ("1308 prisoners") that no "in", "of" or "the"
    explains; smaller ones need "in" or "year" before them ("in 1066").
    """
    number = int(match[0])
    before = text_before(match, 16)
    if number < 1100:
        return year(number) if _EARLY_YEAR_BEFORE.search(before) else None
    counted = _COUNTED.match(text_after(match, 24))
    if counted and counted[1].endswith("s") and counted[1] not in NO_PLURAL and not _YEAR_BEFORE.search(before):
        return None
    return year(number)


NUMERIC_RULES = (
    Rule(
        "date",
        re.compile(
            rf"{START}(?P<year>{YEAR})([-/])(?P<month>\d{{2}})\2(?P<day>\d{{2}})(?P<time>T(?=\d\d:)|(?!\w|[-/]\d))"
        ),
        _say_iso,
    ),
    Rule(
        "date",
        re.compile(
            rf"{START}(?P<first>\d{{1,2}})(?P<mark>[./-])(?P<second>\d{{1,2}})(?P=mark)(?P<year>{YEAR})(?!\w|[./-]\d)"
        ),
        _say_slashed,
    ),
    Rule(
        "date",
        re.compile(rf"{START}(?P<first>\d{{1,2}})(?P<mark>/)(?P<second>\d{{1,2}})/(?P<year>\d{{2}})(?![\w/])"),
        _say_slashed,
    ),
    Rule(
        "date",
        re.compile(
            rf"(?<!divided )(?<!multiplied )\b(?P<front>[Oo]n|[Bb]y|[Uu]ntil|[Ss]ince|[Bb]efore|[Aa]fter|{WEEKDAY})"
            r"(?P<gap>,? )(?P<date>(?P<month>\d{1,2})/(?P<day>\d{1,2}))(?![\w/]|[.,]\d)"
            r"(?=[.,;:!?)](?:$|[ )])|$| (?:at|and|with|from|to|we|he|she|they|@|[A-Z]))"
        ),
        _say_this_year,
    ),
)
"""Dates in figures; they go before versions and telephone numbers."""

RULES = (
    Rule("months", re.compile(rf"\b({MONTH}|{SHORT})\.?( ?[-–] ?)({MONTH}|{SHORT})\b\.?"), _say_names),
    Rule(
        "time range",
        re.compile(r"\b([Nn]oon|[Mm]idnight) ?[-–] ?(?=\d{1,2}(?::[0-5]\d\b| ?[ap]\.? ?m\b| ?[AP]\.? ?M\b))"),
        lambda match: f"{match[1]} to ",
    ),
    Rule("time range", re.compile(r"(?<=\d[ap]m) ?[-–] ?(?=(?:noon|midnight)\b)"), lambda match: " to "),
    Rule("month", re.compile(rf"\b({SHORT})\b\.?(?=,? ?\d)"), _expand_month),
    Rule("month", re.compile(rf"(?<=\d )({SHORT})\b\.?(?=,? {YEAR}|[.,;]|$)"), _expand_month),
    Rule("month", re.compile(rf"\b({SHORT})\.(?= [a-z]|[,;]| ?[-–—])"), _expand_month),
    Rule(
        "days of the week",
        re.compile(rf"\b({WEEKDAY})\.?( ?[-–] ?)({WEEKDAY})\b\.?"),
        _say_names,
    ),
    Rule(
        "day of the week",
        re.compile(r"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b(?:\.|(?=,))(?=,? (?:\d|[A-Z][a-z]{2,8} \d))"),
        _expand_day,
    ),
    Rule(
        "dates",
        re.compile(
            rf"\b({MONTH} {DAY}(?:st|nd|rd|th)?(?:,? {YEAR})?|(?:{DAY} )?{MONTH},? {YEAR}|{DAY} {MONTH}) ?[-–] ?"
            rf"(?=(?:{WEEKDAY},? )?(?:{MONTH} \d|{DAY} {MONTH}\b))"
        ),
        lambda match: f"{match[1]} to ",
    ),
    Rule(
        "date",
        re.compile(
            rf"\b(?P<month>{MONTH}) (?P<day>{DAY})(?:st|nd|rd|th)?(?: ?[-–] ?(?P<last>{DAY})(?:st|nd|rd|th)?)?(?:"
            rf"(?P<comma>,?) (?P<year>{YEAR}))?{END}"
        ),
        _say_month_day,
    ),
    Rule(
        "date",
        re.compile(
            rf"{START}(?P<day>{DAY})(?: ?[-–] ?(?P<last>{DAY}))? (?P<month>{MONTH})\b(?:(?P<comma>,?) "
            rf"(?P<year>{YEAR}){END})?"
        ),
        _say_day_month,
    ),
    Rule("time", re.compile(rf"(?<![\w.,:])(?P<hour>\d{{1,2}})[:.](?P<minute>[0-5]\d){HALF}(?P<second>)"), _say_time),
    Rule(
        "time",
        re.compile(
            r"(?<![\w.,:])(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?:Z\b)?(?![:\w]|\.\d)"
            r"(?P<half>)(?P<capital>)"
        ),
        _say_time,
    ),
    Rule("time", re.compile(rf"(?<![\w.,:$£€])(?P<hour>\d{{1,2}}){HALF}"), _say_hour),
    Rule("half of the day", re.compile(r"\b(?P<half>[ap])\. ?m\."), _say_bare_half),
    Rule("decade", re.compile(r"(?<![\w.,$£€])(?!1000'?s of )'?(?P<decade>(?:1\d|20)\d0|[2-9]0)'?s\b"), _say_decade),
    Rule(
        "year range",
        re.compile(rf"{START}(?P<first>{YEAR})(?P<mark> ?[-–] ?|/(?=\d\d\b))(?P<last>{YEAR}|\d{{2}}){END}"),
        _say_year_range,
    ),
    Rule(
        "era",
        re.compile(
            r"(?<![\w.,])(?P<number>\d{1,4}) ?(?P<era>B\.? ?C\.? ?E\b|C\.? ?E\b|B\.? ?C\b|A\.? ?D\b)\.?(?=[ ,;)]|$)"
        ),
        _say_era,
    ),
)

YEAR_RULES = (
    Rule("year", re.compile(rf"(?<![\w.,/+=<>~$£€-]){YEAR}(?!\w|[.,]\d|[-+/%°]\w)"), _say_year),
    Rule("short year", re.compile(r"(?<![\w'])'(\d\d)(?=[ ,.;:!?)]|$)(?! ?')"), lambda match: _short_year(match[1])),
)
"""Years go after everything that may contain four digits."""
