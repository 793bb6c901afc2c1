"""Unicode clean-up: what comes out is ASCII, the signs in `KEPT`, and a placeholder for each {ARPABET} group."""

import html
import re
import unicodedata
from functools import lru_cache

from sonorant.text.normalize.numerals import digits
from sonorant.text.normalize.rewriting import Draft, Rule, text_after, text_before
from sonorant.text.normalize.romanization import greek_name, romanized
from sonorant.text.symbols import CONSONANTS, VOWELS

PHONES = frozenset((*VOWELS, *CONSONANTS))
PLACEHOLDER = "\ue000"
"""Stands for an {ARPABET} group while the rules run; they never reorder groups."""

CERTAIN_A = "\ue001"
"""Stands for the letter A where it cannot be the article."""

LETTER_A = "{EY1}"
"""What is spoken for it where "A" would read as the article."""

KEPT = frozenset("£€¥₹₩₽₺₪₫₱฿¢°×÷±≠≈≤≥∞√∑∏∫∂∆∈∪∩→←↔⇒§¶†•©®™–—…µΩ′″")
"""Signs beyond ASCII that later rules speak."""

PLAIN = {
    **dict.fromkeys("‘’‚‛`´ʹˈ", "'"), **dict.fromkeys("“”„‟«»‹›〝〞＂「」『』", '"'), **dict.fromkeys("‐‑⁃", "-"),
    **dict.fromkeys("‒−﹣", "-"), **dict.fromkeys("―⸺⸻─━", "—"), **dict.fromkeys("·∙⋅●▪◦‣", "•"),
    **dict.fromkeys("，、،", ", "), **dict.fromkeys("。．｡۔।", ". "), **dict.fromkeys("？؟", "? "), "！": "! ",
    "：": ": ",
    "；": "; ", "؛": "; ", "⋯": "…", "⁄": "/", "∕": "/", "∗": "*", "∶": ":", "∼": "~", "№": "No. ", "µ": "µ",
    "¿": " ", "¡": " ", "‰": " per mille ", "℃": "°C", "℉": "°F", "Ω": "Ω", "⟨": "(", "⟩": ")", "【": "(", "】": ")",
    "‽": "?", "˚": "°", "º": "°", "ª": "a", "⇐": "←", "➔": "→", "➜": "→", "⟶": "→", "⇔": "↔", "¦": "|", "∧": "^",
    "ﬀ": "ff", "∣": "|", "¬": " not ", "≡": " equals ", "≪": "<", "≫": ">", "∝": " is proportional to ",
}  # fmt: skip

POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
TAG = re.compile(
    r"<!--[^<>]{0,400}-->|</?[A-Za-z][\w:.-]{0,40}(?:\s{1,4}[\w:.-]{1,40}(?:=(?:\"[^\"<>]{0,300}\"|'[^'<>]{0,300}')"
    r")?){0,12}\s{0,4}/?>"
)
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|ndash|mdash|hellip|pound|euro|#\d{1,6});")
GROUP = re.compile(r"\{((?:[A-Z]{1,2}[012]? ){0,60}[A-Z]{1,2}[012]?)\}")
SUPERSCRIPT = re.compile(rf"[{POWERS}]+")
FOREIGN = re.compile(r"[^\x20-\x7e\ue000]+")
SPACE = re.compile(r" {2,}")
JOINERS = frozenset("Cf Cc Mn Me".split())
"""Unicode categories of characters that vanish without leaving a space."""


def clean(text: str) -> tuple[Draft, list[str]]:
    """Return the cleaned text as a draft, and the {ARPABET} groups that its placeholders stand for."""
    draft = Draft(text)
    _drop_unspeakable(draft)
    _drop_tags(draft)
    draft.rewrite(Rule("entity", ENTITY, lambda match: html.unescape(match[0])))
    groups = _set_groups_aside(draft)
    draft.apply([Rule("superscript", SUPERSCRIPT, _power), Rule("vulgar fraction", VULGAR, _vulgar_fraction)])
    _make_plain(draft)
    draft.text = SPACE.sub(" ", draft.text).strip()
    return draft, groups


def label(character: str) -> str:
    """Name a character for a report.

    Example:
        >>> label("😀"), label("\\x07")
        ('U+1F600 GRINNING FACE', 'U+0007')
    """
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()


def _drop_unspeakable(draft: Draft) -> None:
    """Remove lone surrogates and private-use characters: they have no meaning, and one of them is our placeholder."""

    def drop(match: re.Match[str]) -> str:
        draft.report(f"dropped {label(match[0])}")
        return " "

    draft.text = re.sub(r"[\ud800-\udfff\ue000-\uf8ff]", drop, draft.text)


def _drop_tags(draft: Draft) -> None:
    def drop(match: re.Match[str]) -> str:
        draft.report(f"removed the tag {match[0]}")
        return " "

    draft.text = TAG.sub(drop, draft.text)


def _set_groups_aside(draft: Draft) -> list[str]:
    groups: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if not all(phone.rstrip("012") in PHONES for phone in match[1].split(" ")):
            return match[0]
        groups.append(match[0])
        return f" {PLACEHOLDER} "

    draft.text = GROUP.sub(keep, draft.text)
    return groups


def _power(match: re.Match[str]) -> str | None:
    """Turn a superscript after a digit, a unit or a lone letter into ^n; elsewhere it marks a footnote."""
    sign_and_digits = unicodedata.normalize("NFKC", match[0]).replace("−", "-")
    if not re.fullmatch(r"[-+]?\d+", sign_and_digits):
        return None
    if re.search(r"[\d)]$|(?<![A-Za-z])[A-Za-z]{1,2}$", text_before(match, 4)):
        return f"^{sign_and_digits} "
    return f" note {digits(sign_and_digits.lstrip('+-'))} "


VULGAR = re.compile("[¼-¾⅐-⅞↉]")


def _vulgar_fraction(match: re.Match[str]) -> str:
    return f" {unicodedata.normalize('NFKC', match[0]).replace('⁄', '/')} "


def _make_plain(draft: Draft) -> None:
    """Rewrite every run of characters beyond ASCII, reporting what is transliterated or dropped."""

    def rewrite(match: re.Match[str]) -> str:
        run = match[0]
        alone = len(run) == 1 and not (text_before(match, 1).isalpha() or text_after(match, 1).isalpha())
        pieces = []
        for index, character in enumerate(run):
            following = run[index + 1 : index + 2] or text_after(match, 1)
            piece, lost = _spoken_sign(character, alone, following)
            if lost:
                draft.report(lost)
            pieces.append(piece)
        return "".join(pieces)

    draft.rewrite(Rule("unicode", FOREIGN, rewrite))


def _spoken_sign(character: str, alone: bool, following: str) -> tuple[str, str]:
    """Return what stands for a character, and what to report about it."""
    if character == "μ" and following and following in "msgglLFVAWN":
        return "µ", ""
    if alone and (name := greek_name(unicodedata.normalize("NFKC", character))) is not None and character != "Ω":
        return f" {name} ", ""
    return _plain(character)


@lru_cache(maxsize=4096)
def _plain(character: str) -> tuple[str, str]:
    if character in PLAIN or character in KEPT:
        return PLAIN.get(character, character), ""
    if character.isspace() or character in "\x0b\x0c\x1c\x1d\x1e\x1f\x85":
        return " ", ""
    if (value := unicodedata.decimal(character, None)) is not None:
        return str(value), ""
    category = unicodedata.category(character)
    if category in JOINERS:
        return ("" if category != "Cc" else " "), f"removed {label(character)}"
    return _transliterated(character)


def _transliterated(character: str) -> tuple[str, str]:
    folded = unicodedata.normalize("NFKC", character)
    if folded != character and not character.isalpha():
        plain = "".join(_plain(one)[0] for one in folded)
        if plain.strip():
            return f" {plain} " if len(folded) > 1 else plain, ""
    letters = [romanized(one) for one in folded]
    if folded and all(one is not None for one in letters):
        plain = "".join(one for one in letters if one is not None)
        return plain, f"transliterated {character!r} as {plain!r}"
    return " ", f"dropped {label(character)}"
