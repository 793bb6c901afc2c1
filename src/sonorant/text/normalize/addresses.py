"""E-mail addresses, URLs, handles, hashtags, versions and telephone numbers."""

import re

from sonorant.text.normalize.numerals import cardinal, digits, label_words
from sonorant.text.normalize.rewriting import Rule, text_before

SIGNS = {".": "dot", "-": "dash", "_": "underscore", "/": "slash", "@": "at", "+": "plus", ":": "colon", "=": "equals",
         "?": "question mark", "&": "and", "#": "hash", "%": "percent", "~": "tilde", ",": "comma", ";": "semicolon",
         "!": "exclamation mark", "*": "star", "$": "dollar", "'": "apostrophe", "(": "open parenthesis",
         ")": "close parenthesis"}  # fmt: skip
SPELLED = frozenset(
    "www io uk us ai edu etc usr de fr tv eu ca au nz jp http https ftp html php pdf xml css js id".split()
)
"""Parts of addresses that are said letter by letter."""
DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
TOP = r"(?:com|org|net|edu|gov|mil|int|io|ai|co|uk|us|ca|de|fr|au|nz|jp|eu|tv|me|info|biz|dev|app|ch|nl|it|es|in|se|ie)"
TAIL = r"(?:[/?#][\w./?=&%#~+:;,!@$'()*-]{0,400}(?<![.,;:!?')-]))?/?"


def say_address(written: str) -> str:
    """Say an address part by part.

    Example:
        >>> say_address("jane_doe@mail.example.co.uk")
        'jane underscore doe at mail dot example dot co dot U K'
    """
    parts = re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", written)
    return " ".join(_address_part(part) for part in parts).strip()


def _address_part(part: str) -> str:
    if part.isdigit():
        return cardinal(int(part)) if len(part) < 3 and not part.startswith("0") else digits(part)
    if not part.isalpha():
        return SIGNS.get(part, " ")
    if part.lower() in SPELLED or len(part) == 1 or not re.search("[aeiouyAEIOUY]", part):
        return " ".join(part.upper())
    return part


def _say_email(match: re.Match[str]) -> str:
    return f" {say_address(match[0])} "


def _say_url(match: re.Match[str]) -> str:
    written = re.sub(r"^(?:https?|ftp|HTTPS?)://", "", match[0])
    return f" {say_address(written.rstrip('/'))} "


def _say_handle(match: re.Match[str]) -> str:
    return f" at {say_address(match[1])} "


def _say_hashtag(match: re.Match[str]) -> str:
    words = re.findall(r"[A-Z]?[a-z']+|[A-Z]+(?![a-z])|\d+", match[1])
    return f" hashtag {' '.join(words)} "


def _say_version(match: re.Match[str]) -> str:
    front = "version " if match["v"] and "ersion" not in text_before(match, 9) else ""
    return f"{front}{' point '.join(cardinal(int(part)) for part in match['numbers'].split('.'))} "


def _say_release(match: re.Match[str]) -> str:
    return f"{match[1]} {' point '.join(cardinal(int(part)) for part in match[2].split('.'))}"


def _say_ip(match: re.Match[str]) -> str:
    return " dot ".join(cardinal(int(part)) if len(part) < 3 else digits(part) for part in match[0].split("."))


def _say_phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    front = "plus " if match[0].startswith("+") else ""
    return front + ", ".join(_phone_group(group) for group in groups)


def _phone_group(group: str) -> str:
    return f"{digits(group[0])} hundred" if re.fullmatch(r"[1-9]00", group) else digits(group)


def _say_path(match: re.Match[str]) -> str:
    return f" {say_address(match[0])} "


def _say_extension(match: re.Match[str]) -> str:
    return f"extension {digits(match[1]) if len(match[1]) > 2 else label_words(match[1])}"


SOFTWARE = "[Vv]ersion|[Rr]elease|Python|Java|Ubuntu|Debian|Android|iOS|macOS|Windows|Linux|Kernel|PyTorch|CUDA"
PHONE = (
    r"\+\d{1,3}[ .-](?:\(\d{1,4}\) ?)?\d{1,5}(?:[ .-]\d{2,8}){1,4}"
    r"|(?:1[ .-])?\(\d{3}\) ?\d{3}[ .-]\d{4}|(?:1[ .-])?\d{3}([.-])\d{3}\1\d{4}|\d{3}-\d{4}"
)

RULES = (
    Rule("e-mail", re.compile(rf"(?<![\w.+-])[A-Za-z0-9][\w.+-]{{0,63}}+@{DOMAIN}[A-Za-z]{{2,12}}\b"), _say_email),
    Rule(
        "web address",
        re.compile(
            rf"(?<![\w.@/-])(?:(?:https?|ftp|HTTPS?)://[\w.-]{{1,253}}(?::\d{{1,5}})?{TAIL}"
            rf"|www\.{DOMAIN}[a-z]{{2,12}}{TAIL}|{DOMAIN}{TOP}\b(?![.-]?\w){TAIL})"
        ),
        _say_url,
    ),
    Rule("handle", re.compile(r"(?<![\w.@])@([A-Za-z]\w{0,50})"), _say_handle),
    Rule("hashtag", re.compile(r"(?<![\w#&])#([A-Za-z][A-Za-z0-9']{1,50})"), _say_hashtag),
    Rule("file path", re.compile(r"(?<![\w./<])~?(?:/[A-Za-z][\w.-]{0,60}){2,10}(?<![.-])/?"), _say_path),
    Rule(
        "file name",
        re.compile(
            r"(?<=[A-Za-z\d])\.(?=(?:txt|pdf|docx?|xlsx?|csv|json|ya?ml|py|js|ts|c|h|rs|go|sh|exe|zip|tar|gz|md"
            r"|html?|css|xml|jpe?g|png|gif|svg|mp[34]|wav|flac|log|net|ini|cfg|toml)\b)"
        ),
        lambda match: " dot ",
    ),
    Rule("IP address", re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]?\d)"), _say_ip),
    Rule("telephone number", re.compile(rf"(?<![\w.,$£€-])(?:{PHONE})(?![\w-]|[.,]\d)"), _say_phone),
    Rule(
        "version",
        re.compile(r"(?<![\w.])(?:(?P<v>[vV])\.? ?)?(?P<numbers>\d{1,6}(?:\.\d{1,6}){2,5})(?![\d-])"),
        _say_version,
    ),
    Rule("version", re.compile(rf"\b({SOFTWARE}) (\d{{1,4}}\.\d{{1,4}})(?!\w|[.,]\d)"), _say_release),
    Rule(
        "version",
        re.compile(r"(?<![\w.])(?P<v>v|V(?=\d+\.\d))(?P<numbers>\d{1,6}(?:\.\d{1,6})?)(?![\d.]?\w)"),
        _say_version,
    ),
    Rule("extension", re.compile(r"\b(?:[Ee]xtension|[Ee]xt\b\.?) (\d{2,6})\b"), _say_extension),
)
