"""Units of measure, temperatures, angles, lengths in feet and inches, percentages."""

import re

from sonorant.text.normalize.attributive import is_attributive
from sonorant.text.normalize.numerals import NUMBER, cardinal, number_words
from sonorant.text.normalize.rewriting import Rule, text_after, text_before

UNITS = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "µm": "micrometer",
    "kg": "kilogram", "g": "gram", "mg": "milligram", "µg": "microgram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "ft": "foot", "in": "inch", "yd": "yard", "yds": "yard", "mi": "mile", "mph": "mile per hour",
    "kph": "kilometer per hour", "kmh": "kilometer per hour", "L": "liter", "l": "liter", "mL": "milliliter",
    "ml": "milliliter", "cl": "centiliter", "dl": "deciliter", "gal": "gallon", "qt": "quart", "pt": "pint",
    "tsp": "teaspoon", "tbsp": "tablespoon", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz",
    "B": "byte", "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "Kbps": "kilobit per second", "kbps": "kilobit per second", "Mbps": "megabit per second",
    "Gbps": "gigabit per second", "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt",
    "Wh": "watt hour", "kWh": "kilowatt hour", "MWh": "megawatt hour", "V": "volt", "mV": "millivolt",
    "kV": "kilovolt", "mA": "milliamp", "mAh": "milliamp hour", "Ω": "ohm", "kΩ": "kiloohm", "MΩ": "megaohm",
    "J": "joule", "kJ": "kilojoule", "kcal": "kilocalorie", "cal": "calorie", "Pa": "pascal", "hPa": "hectopascal",
    "kPa": "kilopascal", "psi": "P S I", "dB": "decibel", "s": "second", "sec": "second", "secs": "second",
    "min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour", "h": "hour", "ms": "millisecond",
    "µs": "microsecond", "ns": "nanosecond", "ha": "hectare", "cc": "C C", "rpm": "R P M", "fps": "frame per second",
    "px": "pixel", "dpi": "D P I", "ppm": "part per million", "N": "newton", "sq ft": "square foot",
    "sq mi": "square mile", "sq km": "square kilometer", "sq m": "square meter", "cu ft": "cubic foot",
    "cwt": "hundredweight", "wk": "week", "wks": "week", "yr": "year", "yrs": "year", "mol": "mole", "kn": "knot",
    "bpm": "beat per minute", "mpg": "mile per gallon", "kbit": "kilobit", "Mbit": "megabit",
    "bit": "bit", "d": "day", "pts": "point", "mo": "month", "mos": "month", "sqft": "square foot",
    "sq. ft": "square foot", "sq. mi": "square mile", "cu. ft": "cubic foot", "fl oz": "fluid ounce",
    "fl. oz": "fluid ounce",
}  # fmt: skip
INVARIABLE = frozenset(
    ["hertz", "kilohertz", "megahertz", "gigahertz", "P S I", "C C", "R P M", "D P I", "hundredweight"]
)
NEEDS_DOT = frozenset(["in", "pt", "cal", "gal", "mi", "d", "mo"])
"""Units that are also words, or too short, to count without a dot or a second factor."""
CLINGING = frozenset(["m", "g", "h", "s", "L", "l", "B", "W", "V", "J", "N", "d", "kn"])
"""Units of one letter may stand for other things; see `_unit`."""
SPACED = frozenset(["s", "B", "d", "N", "J"])
"""Units that name a thing rather than a measure when they cling to the number (221B, the 80s)."""
RATED = frozenset(
    "person month year day week hour night user seat game minute second capita share page gallon mile pound".split()
)
"""Words that say "per" after a sum or a number and a slash."""
POWERS = {"2": "square", "3": "cubic"}
SYMBOLS = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_MAGNITUDE = r"(?: (?:hundred|thousand|million|billion|trillion))?"
_UNIT = (
    rf"(?P<unit>{SYMBOLS})(?P<power>\^[23]|(?<=[kcm]m)[23]|(?<= m)[23]|(?<=ft)[23])?"
    rf"(?:(?:/| per )(?P<per>{SYMBOLS})(?P<per_power>\^?[23])?(?![A-Za-z\d^]))?"
)
SCALES = {"C": "Celsius", "F": "Fahrenheit", "K": "Kelvin"}
POINTS = {"N": "north", "S": "south", "E": "east", "W": "west"}


def unit_name(symbol: str, one: bool, power: str | None = None) -> str:
    """Name a unit, in the plural unless there is exactly one.

    Example:
        >>> unit_name("km", one=False), unit_name("m", one=True, power="2"), unit_name("mph", one=False)
        ('kilometers', 'square meter', 'miles per hour')
    """
    name = UNITS[symbol]
    if not one and name not in INVARIABLE:
        head, per, rest = name.partition(" per ")
        head = head[:-4] + "feet" if head.endswith("foot") else head + ("es" if head.endswith("inch") else "s")
        name = head + per + rest
    return f"{POWERS[power.lstrip('^')]} {name}" if power else name


def _say_measure(match: re.Match[str]) -> str | None:
    number, unit, power, per = match["number"], match["unit"], match["power"], match["per"]
    dot, after = match["dot"], text_after(match, 4)
    if unit in NEEDS_DOT and not (dot or per) and not match["hyphen"]:
        return None
    if unit in SPACED and not per and not match["gap"] and not (unit == "s" and "." in number):
        return None
    if match["hyphen"] and unit in CLINGING and unit != "m":
        return None
    one = number == "1" or bool(match["hyphen"]) or is_attributive(match)
    spoken = f"{number_words(number)}{match['magnitude']} {unit_name(unit, one and not match['magnitude'], power)}"
    if per:
        spoken += f" per {unit_name(per, True, match['per_power'])}"
    return spoken + (dot if dot and not re.match(r" ?[a-z(]| \d|[,;:)]", after) else "")


def _say_fraction_unit(match: re.Match[str]) -> str | None:
    unit, dot = match["unit"], match["dot"]
    if unit in SPACED or (unit in NEEDS_DOT and not dot):
        return None
    stop = dot if dot and not re.match(r" ?[a-z(&]| \d|[,;:)]", text_after(match, 4)) else ""
    return f"{match['fraction']} {unit_name(unit, one=' ' not in match['fraction'])}{stop}"


def _say_rate(match: re.Match[str]) -> str | None:
    unit = match["unit"]
    if unit in RATED:
        return f" per {unit}{match['dot']}"
    stop = match["dot"] if not re.match(r" [a-z]|[,;:)]", text_after(match, 4)) else ""
    return f" per {unit_name(unit, one=True)}{stop}" if unit in UNITS else None


def _say_duration(match: re.Match[str]) -> str:
    parts = ((match["hours"], "hour"), (match["minutes"], "minute"), (match["seconds"], "second"))
    return " ".join(f"{cardinal(int(number))} {name}{'' if number == '1' else 's'}" for number, name in parts if number)


def _say_feet_inches(match: re.Match[str]) -> str:
    single = is_attributive(match)
    spoken = f"{cardinal(int(match['feet']))} {'foot' if single or match['feet'] == '1' else 'feet'}"
    if match["inches"]:
        spoken += f" {number_words(match['inches'])} {'inch' if single or match['inches'] == '1' else 'inches'}"
    return spoken


def _say_height(match: re.Match[str]) -> str:
    """Say the height of a person without a mark for the inches (5'10)."""
    inches = "" if match["inches"] == "0" else f" {cardinal(int(match['inches']))}"
    return f"{cardinal(int(match['feet']))} foot{inches}"


def _closes_quotation(match: re.Match[str]) -> bool:
    """Whether the mark behind a number closes a quotation: an odd number of such marks stands before it."""
    return len(re.findall(r'(?<!\d)"', text_before(match, 200))) % 2 == 1


def _say_inches(match: re.Match[str]) -> str | None:
    if _closes_quotation(match):
        return None
    return f"{number_words(match['number'])} {'inch' if match['number'] == '1' or is_attributive(match) else 'inches'}"


def _say_fraction_inches(match: re.Match[str]) -> str | None:
    if _closes_quotation(match):
        return None
    several = " " in match["fraction"] and not is_attributive(match)
    return f"{match['fraction']} {'inches' if several else 'inch'}"


def _say_prime(match: re.Match[str]) -> str:
    singular, several = {"′": ("foot", "feet"), "″": ("inch", "inches")}[match["mark"]]
    return f"{number_words(match['number'])} {singular if match['number'] == '1' else several}"


def _say_temperature(match: re.Match[str]) -> str:
    degrees = "degree" if match["number"] == "1" else "degrees"
    minus = "minus " if match["minus"] else ""
    return f"{minus}{number_words(match['number'])} {degrees} {SCALES[match['scale']]}"


def _say_angle(match: re.Match[str]) -> str:
    one = match["degrees"] == "1" or is_attributive(match)
    minus = "minus " if match["minus"] else ""
    spoken = minus + number_words(match["degrees"]) + (" degree" if one else " degrees")
    for part, name in (("minutes", "minute"), ("seconds", "second")):
        if match[part]:
            spoken += f" {number_words(match[part])} {name}{'' if match[part] == '1' else 's'}"
    return spoken + (f" {POINTS[match['point']]}" if match["point"] else "")


def _say_percent(match: re.Match[str]) -> str:
    return f"{match[1]} percent"


RATE_RULES = (
    Rule("rate", re.compile(r"(?<=[\dkKMmBn%])(?<!\d[a-z]m)/(?P<unit>[A-Za-z]{1,8})\b(?P<dot>\.?)(?!/)"), _say_rate),
)
"""What follows a sum and a slash; they go before money."""
START = r"(?<![\w.,$£€^])(?<!\d/)(?<!\^-)"
RULES = (
    Rule(
        "feet and inches",
        re.compile(rf"""{START}(?P<feet>\d{{1,4}}) ?['′](?: ?-? ?(?P<inches>\d{{1,2}}(?:\.\d)?) ?(?:"|''|″))(?!\w)"""),
        _say_feet_inches,
    ),
    Rule("feet and inches", re.compile(rf"{START}(?P<number>{NUMBER}) ?(?P<mark>[′″])(?!\w)"), _say_prime),
    Rule(
        "height",
        re.compile(rf"{START}(?P<feet>[4-7])(?:'|ft ?)(?P<inches>1[01]|\d)(?![\w'\"]|[.,]\d| ?[NSEW]\b| ends?\b)"),
        _say_height,
    ),
    Rule("inches", re.compile(rf'{START}(?P<number>{NUMBER})"(?= [a-z]|[-x×])'), _say_inches),
    Rule(
        "inches",
        re.compile(r'(?<![\w.,/$£€])(?P<fraction>(?:\d{1,3}[ -])?\d{1,2}/(?:2|4|8|16|32|64))"(?! ?[A-Z])'),
        _say_fraction_inches,
    ),
    Rule(
        "feet and inches",
        re.compile(
            rf"{START}(?P<feet>\d{{1,4}}) ?(?:ft|feet)\b\.?,? "
            rf"?(?P<inches>\d{{1,2}}(?:\.\d)?) ?in\b(?:\.(?= [a-z]|[,;)]))?(?= [a-z]|[,;.)]|$)"
        ),
        _say_feet_inches,
    ),
    Rule(
        "temperature",
        re.compile(rf"(?<![\w.,$£€])(?P<minus>(?<!\d)[-−] ?)?(?P<number>{NUMBER}) ?° ?(?P<scale>[CFK])\b"),
        _say_temperature,
    ),
    Rule("range", re.compile(r"(?<=\d)° ?[-–] ?(?=\d{1,3}(?:\.\d)? ?°)"), lambda match: " to "),
    Rule(
        "angle",
        re.compile(
            rf"""(?<![\w.,$£€])(?P<minus>(?<!\d)[-−] ?)?(?P<degrees>{NUMBER}) ?°(?: ?(?P<minutes>{NUMBER})"""
            rf""" ?['′])?(?: ?(?P<seconds>{NUMBER}) ?["″])?(?: ?(?P<point>[NSEW])\b)?"""
        ),
        _say_angle,
    ),
    Rule("prime", re.compile(r"(?<=\d)'(\d{1,9})"), lambda match: f" {number_words(match[1])}"),
    Rule("percentage", re.compile(rf"((?<![\w.,]){NUMBER}) ?%(?!\w)"), _say_percent),
    Rule(
        "duration",
        re.compile(
            rf"{START}(?P<hours>\d{{1,3}}) ?h ?(?P<minutes>\d{{1,2}}) ?m(?:in)?\b(?: ?(?P<seconds>\d{{1,2}}) ?s\b)?"
        ),
        _say_duration,
    ),
    Rule(
        "unit",
        re.compile(
            rf"(?<![\w.,/$£€])(?P<fraction>(?:\d{{1,4}}[ -])?\d{{1,3}}/\d{{1,4}})[ -]?(?P<unit>{SYMBOLS})"
            rf"(?![A-Za-z\d^'])(?P<dot>\.)?"
        ),
        _say_fraction_unit,
    ),
    Rule(
        "unit",
        re.compile(
            rf"{START}(?P<number>{NUMBER})(?P<magnitude>{_MAGNITUDE})(?:(?P<hyphen>-)|(?P<gap> ?)){_UNIT}"
            rf"(?![A-Za-z\d^'])(?P<dot>\.)?(?![.]?\w)"
        ),
        _say_measure,
    ),
)
