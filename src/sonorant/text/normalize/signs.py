"""Signs that have a name: &, @, #, +, =, %, arrows, mathematics, slashes, currency signs without a sum."""

import re

from sonorant.text.normalize.characters import CERTAIN_A
from sonorant.text.normalize.rewriting import Rule, text_after, text_before

NAMES = {
    "&": "and", "@": "at", "#": "hash", "%": "percent", "+": "plus", "=": "equals", "*": "times", "<": "less than",
    ">": "greater than", "^": "to the power of", "~": "about", "\\": "backslash", "°": "degrees", "×": "times",
    "÷": "divided by", "±": "plus or minus", "≠": "is not equal to", "≈": "is about", "≤": "is at most",
    "≥": "is at least", "∞": "infinity", "√": "the square root of", "∑": "the sum of", "∏": "the product of",
    "∫": "the integral of", "∂": "partial", "∆": "delta", "∈": "in", "∪": "union", "∩": "intersection", "→": "to",
    "←": "from", "↔": "to and from", "⇒": "implies", "§": "section", "¶": "paragraph", "©": "copyright",
    "®": "registered", "™": "trademark", "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees", "₩": "won",
    "₽": "rubles", "₺": "lira", "₪": "shekels", "₫": "dong", "₱": "pesos", "฿": "baht", "¢": "cents", "$": "dollars",
    "Ω": "ohms", "µ": "mu", "′": "prime", "″": "double prime",
}  # fmt: skip
SHORT_FORMS = {"w/o": "without", "w/": "with", "b/c": "because", "c/o": "care of", "s/he": "she or he",
               "and/or": "and or",
               "a/c": "account", "n/a": "N A", "N/A": "N A", "b/w": "between", "a/k/a": "A K A"}  # fmt: skip
PRONOUNS = "he|she|him|her|his|hers|they|them|their|himself|herself|yes|either|true"

_SHORT = "|".join(sorted(map(re.escape, SHORT_FORMS), key=len, reverse=True))


def _say_short_form(match: re.Match[str]) -> str:
    return f" {SHORT_FORMS.get(match[0]) or SHORT_FORMS[match[0].lower()]} "


def _say_slash(match: re.Match[str]) -> str:
    """Say a slash: nothing between words, its name where it stands alone."""
    joined = re.search(r"[A-Za-z'.)]$", text_before(match, 1)) and re.match(r"['A-Za-z(]", text_after(match, 1))
    return " " if joined else " slash "


def _say_or(match: re.Match[str]) -> str:
    return f"{match[1]} or "


def _say_sign(match: re.Match[str]) -> str:
    return f" {NAMES[match[0]]} "


def _say_repeated(match: re.Match[str]) -> str:
    """Drop rows of signs that draw a line or hide a word."""
    return " "


def _say_number_sign(match: re.Match[str]) -> str:
    return " number "


RULES = (
    Rule("ruled line", re.compile(r"[=*#~_^+\\|/<>-]{4,}|[#~_^\\|]{2,}"), _say_repeated),
    Rule("short form", re.compile(rf"(?<![\w/])(?:{_SHORT})(?:(?<=/)|(?![\w/]))", re.IGNORECASE), _say_short_form),
    Rule("times", re.compile(r"(?<=\d) ?\* ?(?=\d)"), lambda match: " times "),
    Rule("letter", re.compile(r"(?<![\w'])[aA](?= ?[→←↔⇒=+<>×÷≠≈≤≥])"), lambda match: CERTAIN_A),
    Rule(
        "emphasis",
        re.compile(r"(?<![\w*])\*{1,3}(?=[^\s*])|(?<=[^\s*\d])\*{1,3}(?![\w*])|(?<!\S)\*{1,3}(?!\S)"),
        _say_repeated,
    ),
    Rule("emoticon", re.compile(r"(?<!\S)[:;=8][-']?[)(DPpO/|](?!\S)"), lambda match: " "),
    Rule(
        "per", re.compile(r"(?<=[a-z])/(?=(?:second|minute|hour|day|night|week|month|year)\b)"), lambda match: " per "
    ),
    Rule("or", re.compile(rf"\b({PRONOUNS})/(?=(?:{PRONOUNS}|no|false)\b)", re.IGNORECASE), _say_or),
    Rule("sharp", re.compile(r"(?<![A-Za-z])([A-G])#(?!\w)"), lambda match: f"{match[1]} sharp"),
    Rule("grade", re.compile(r"(?<![\w'])A\+(?![\w+])"), lambda match: f"{CERTAIN_A} plus"),
    Rule("plus plus", re.compile(r"(?<=[A-Za-z])\+\+(?!\w)"), lambda match: " plus plus"),
    Rule("comparison", re.compile(r"<=|=<"), lambda match: " is at most "),
    Rule("comparison", re.compile(r">="), lambda match: " is at least "),
    Rule("comparison", re.compile(r"!=|=/="), lambda match: " is not equal to "),
    Rule("comparison", re.compile(r"=="), lambda match: " equals "),
    Rule("arrow", re.compile(r"<->|<=>"), lambda match: " to and from "),
    Rule("arrow", re.compile(r"[-=]{1,2}>"), lambda match: " to "),
    Rule("arrow", re.compile(r"<[-=]{1,2}"), lambda match: " from "),
    Rule("plus or minus", re.compile(r"\+ ?/ ?-|\+-"), lambda match: " plus or minus "),
    Rule("approximately", re.compile(r"[~≈] ?(?=[\d$£€.])"), lambda match: " about "),
    Rule("number sign", re.compile(r"(?<!\w)#(?= ?\d)"), _say_number_sign),
)
"""Signs whose neighbours matter; they go before numbers."""

LATE_RULES = (
    Rule("slash", re.compile(r" ?/ ?"), _say_slash),
    Rule("sign", re.compile(f"[{re.escape(''.join(NAMES))}]"), _say_sign),
)
"""Whatever sign is left is said by its name."""
