"""Sums of money."""

import re

from sonorant.text.normalize.attributive import is_attributive
from sonorant.text.normalize.numerals import NUMBER, cardinal, number_words, plural
from sonorant.text.normalize.rewriting import Rule, sentence_ends, text_after

CURRENCIES = {
    "$": ("dollar", "cent"), "US$": ("U S dollar", "cent"), "A$": ("Australian dollar", "cent"),
    "C$": ("Canadian dollar", "cent"), "CA$": ("Canadian dollar", "cent"), "HK$": ("Hong Kong dollar", "cent"),
    "NZ$": ("New Zealand dollar", "cent"), "R$": ("real", "centavo"), "£": ("pound", "penny"), "€": ("euro", "cent"),
    "¥": ("yen", "sen"), "₹": ("rupee", "paisa"), "Rs.": ("rupee", "paisa"), "Rs": ("rupee", "paisa"),
    "₩": ("won", "jeon"),
    "₽": ("ruble", "kopek"), "₺": ("lira", "kurus"), "₪": ("shekel", "agora"), "₫": ("dong", "hao"),
    "₱": ("peso", "centavo"), "฿": ("baht", "satang"), "Fr.": ("franc", "centime"), "CHF": ("Swiss franc", "centime"),
    "USD": ("U S dollar", "cent"), "EUR": ("euro", "cent"), "GBP": ("British pound", "penny"), "JPY": ("yen", "sen"),
    "INR": ("rupee", "paisa"), "CAD": ("Canadian dollar", "cent"), "AUD": ("Australian dollar", "cent"),
    "kr": ("krone", "ore"),
}  # fmt: skip
"""Sign or code -> names of the unit and of its hundredth."""

PLURALS = {"penny": "pence", "yen": "yen", "won": "won", "baht": "baht", "dong": "dong", "sen": "sen",
           "krone": "kroner",
           "ore": "ore", "real": "reais", "hao": "hao", "paisa": "paise", "kurus": "kurus", "lira": "lira",
           "satang": "satang", "jeon": "jeon", "agora": "agorot"}  # fmt: skip
MAGNITUDES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mm": "million",
              "MM": "million", "b": "billion", "B": "billion", "bn": "billion", "tn": "trillion",
              "T": "trillion"}  # fmt: skip
_SIGN = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_SCALE = (
    r"(?:[ -]?(?P<scale>hundred|thousand|million|billion|trillion)\b|(?P<short>k|K|mn|mm|MM|m|M|bn|b|B|tn|T)(?![\w]))?"
)


def money_words(amount: str, unit: str, hundredth: str, scale: str = "") -> str:
    """Say a sum.

    Example:
        >>> money_words("1,234.56", "dollar", "cent")
        'one thousand two hundred thirty four dollars and fifty six cents'
        >>> money_words("1.5", "euro", "cent", "million"), money_words("0.99", "pound", "penny")
        ('one point five million euros', 'ninety nine pence')
    """
    if re.fullmatch(r"\d+,\d\d", amount):
        amount = amount.replace(",", ".")
    if scale:
        return f"{number_words(amount)} {scale} {_plural(unit)}"
    whole, point, part = amount.replace(",", "").partition(".")
    if not point or len(part) != 2:
        return f"{number_words(amount)} {unit if amount == '1' else _plural(unit)}"
    large, small = int(whole or 0), int(part)
    spoken = []
    if large or not small:
        spoken.append(f"{number_words(whole or '0')} {unit if large == 1 else _plural(unit)}")
    if small:
        spoken.append(f"{cardinal(small)} {hundredth if small == 1 else _plural(hundredth)}")
    return " and ".join(spoken)


def _plural(unit: str) -> str:
    return PLURALS.get(unit) or plural(unit)


def _scale(match: re.Match[str]) -> str:
    return match["scale"] or MAGNITUDES.get(match["short"] or "", "")


def _say_sum(match: re.Match[str]) -> str:
    unit, hundredth = CURRENCIES[match["sign"]]
    scale = _scale(match)
    minus = "minus " if match["minus"] else ""
    if match["last"]:
        return f"{minus}{number_words(match['amount'])} to {money_words(match['last'], unit, hundredth, scale)}"
    spoken = money_words(match["amount"], unit, hundredth, scale)
    if (is_attributive(match) and "." not in match["amount"]) or (f"-{scale}" in match[0] and scale):
        spoken = spoken.removesuffix(_plural(unit)) + unit if spoken.endswith(_plural(unit)) else spoken
    return minus + spoken


def _say_coded_sum(match: re.Match[str]) -> str:
    unit, hundredth = CURRENCIES[match["sign"]]
    return money_words(match["amount"], unit, hundredth, _scale(match))


def _say_cents(match: re.Match[str]) -> str:
    name = "cent" if match["sign"] == "¢" else "penny"
    return f"{number_words(match['amount'])} {name if match['amount'] == '1' else _plural(name)}"


def _say_old_sum(match: re.Match[str]) -> str:
    """Say pounds, shillings and pence: £3 4s. 6d. (either end may be missing)."""
    spoken = []
    for part, one, several in (
        ("pounds", "pound", "pounds"),
        ("shillings", "shilling", "shillings"),
        ("pence", "penny", "pence"),
    ):
        if match[part]:
            spoken.append(f"{number_words(match[part])} {one if match[part] == '1' else several}")
    dot = "." if match[0].endswith(".") and sentence_ends(text_after(match, 8)) else ""
    return " ".join(spoken) + dot


AMOUNT = rf"(?P<amount>\d{{1,6}},\d\d(?!\d)|{NUMBER})"
RULES = (
    Rule("range", re.compile(r"(?<=\d[kKmMbB]) ?[-–] ?(?=[$£€]\d)"), lambda match: " to "),
    Rule(
        "pounds, shillings, pence",
        re.compile(
            r"(?:£ ?(?P<pounds>\d{1,3}(?:,\d{3}){1,4}|\d{1,9}),? )(?P<shillings>\d{1,3}) ?s\b\.?(?:,? "
            r"(?P<pence>\d{1,3}) ?d\b\.?)?"
        ),
        _say_old_sum,
    ),
    Rule(
        "pounds, shillings, pence",
        re.compile(r"(?<![\w.,])(?P<pounds>)(?P<shillings>\d{1,3}) ?s\b\.?,? (?P<pence>\d{1,3}) ?d\b\.?"),
        _say_old_sum,
    ),
    Rule(
        "pounds, shillings, pence",
        re.compile(r"(?<![\w.,])(?P<pounds>)(?P<shillings>)(?P<pence>\d{1,3}) ?d\.(?! ?\d)"),
        _say_old_sum,
    ),
    Rule(
        "money",
        re.compile(
            rf"(?<![A-Za-z\d])(?P<minus>[-−] ?)?(?P<sign>{_SIGN}) ?{AMOUNT}(?: ?[-–] ?(?P=sign)?(?P<last>{NUMBER})"
            rf")?{_SCALE}(?!\d)"
        ),
        _say_sum,
    ),
    Rule(
        "money",
        re.compile(
            rf"(?<![\w.,]){AMOUNT}{_SCALE} ?(?P<sign>USD|EUR|GBP|JPY|CHF|INR|CAD|AUD|kr|[$£€¥₹₩₽₺₪₫₱฿])(?![\w])"
        ),
        _say_coded_sum,
    ),
    Rule("cents", re.compile(rf"(?<![\w.,]){AMOUNT} ?(?P<sign>¢)"), _say_cents),
    Rule("pence", re.compile(r"(?<![\w.,])(?P<amount>[1-9]\d?)(?P<sign>p)(?![\w-])"), _say_cents),
)
