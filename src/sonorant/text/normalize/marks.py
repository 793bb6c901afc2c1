"""The last steps: punctuation reduced to . , ; : ? ! -, single letters in capitals, nothing else left."""

import re

from sonorant.text.normalize.characters import CERTAIN_A, LETTER_A, PLACEHOLDER
from sonorant.text.normalize.rewriting import Draft, Rule, text_after, text_before

LETTER_NOUNS = frozenset(
    "vitamin plan grade grades group section class type hepatitis level side team exhibit appendix part figure "
    "point block "
    "room gate option step building wing terminal unit letter serie straight an key flat major minor hall train".split()
)
"""Words after which "A" is the letter, not the article."""
STRENGTH = "?!.:;,-"
"""Of neighbouring marks the first in this order stays."""


def _strongest(match: re.Match[str]) -> str:
    mark = min((one for one in match[0] if one != " "), key=STRENGTH.index)
    return " - " if mark == "-" else f"{mark} "


def _open_bracket(match: re.Match[str]) -> str:
    if re.search(r"(?<![A-Za-z'])[aA]$", text_before(match, 2)):
        return " "
    return ", " if text_before(match, 1).strip() or text_before(match, 2).strip() else " "


def _ellipsis(match: re.Match[str]) -> str:
    return ". " if re.match(r"""["')\] ]*(?:$|[A-Z])""", text_after(match, 8)) else ", "


def _say_letter(match: re.Match[str]) -> str:
    letter = match[0]
    if letter == CERTAIN_A:
        return "A" if _article_or_letter(match) == "A" else LETTER_A
    if letter in "aA":
        return _article_or_letter(match)
    return letter.upper()


def _article_or_letter(match: re.Match[str]) -> str:
    """Decide between the article, which is always "a", and the letter "A"."""
    if match[0] == "a":
        return "a"
    after = text_after(match, 24)
    before = re.search(r"(?:^|[ .,;:?!-])([A-Za-z']+|[.,;:?!-]) $", " " + text_before(match, 24))
    if re.match(r" ?(?:[.,;:?!-]|$)| [A-Z](?![A-Za-z'])", after):
        return "A"
    previous = before[1] if before else ""
    if (len(previous) == 1 and previous.isupper() and previous != "I") or previous.lower() in LETTER_NOUNS:
        return "A"
    first = not previous or previous in ".?!:"
    return "A" if not first and re.match(r" [a-z{]", after) and previous not in ";,-" else "a"


RULES = (
    Rule("rock 'n' roll", re.compile(r"(?<![\w'])'?[nN]'(?= )|(?<= )'n(?= )"), lambda match: "and"),
    Rule("letter", re.compile(r"(?<![\w'])a(?= ?(?:[?!;:)\]]|\.(?!\.)|$))"), lambda match: CERTAIN_A),
    Rule("underscore", re.compile(r"_+"), lambda match: " "),
    Rule("ellipsis", re.compile(r" ?(?:…|\.(?: ?\.)+)+"), _ellipsis),
    Rule("dash", re.compile(r" ?(?:--+|[–—])(?:[ ]?[–—-]+)*+ ?| -(?= )|(?<=[^\w\s])-(?= )"), lambda match: " - "),
    Rule("hyphen", re.compile(r"(?<=\S)-(?=\S)|(?<!\S)-(?=\S)|(?<=\S)-(?!\S)"), lambda match: " "),
    Rule("bracket", re.compile(r" ?[(\[{]"), _open_bracket),
    Rule("bracket", re.compile(r"[)\]}](?= [A-Za-z])"), lambda match: ","),
    Rule("bracket", re.compile(r"[)\]}]"), lambda match: " "),
    Rule("bar", re.compile(r"[|•]"), lambda match: ", "),
    Rule("quotation mark", re.compile(r'["`]'), lambda match: " "),
    Rule(
        "outer apostrophe",
        re.compile(r"(?<![A-Za-z])'|'(?![A-Za-z])"),
        lambda match: " " if text_after(match, 1).isalnum() and text_before(match, 1).isalnum() else "",
    ),
)
SPACES = re.compile(r" {2,}| (?=[.,;:?!])")
MARKS = Rule("marks", re.compile(r" ?[.,;:?!](?: ?[.,;:?!-])*+ ?| - ?(?:[.,;:?!-] ?)*+"), _strongest)
LEADING = Rule("leading mark", re.compile(r"^[ .,;:?!-]+"), lambda match: "")
TRAILING_DASH = Rule("trailing mark", re.compile(r"[ ,;:-]*- ?$"), lambda match: "")
LETTERS = Rule("single letter", re.compile(r"(?<![A-Za-z'])[A-Za-z\ue001](?![A-Za-z']|'[A-Za-z])"), _say_letter)
UNSPEAKABLE = re.compile(rf"[^A-Za-z'.,;:?!\- {PLACEHOLDER}{CERTAIN_A}]+")


def finish(draft: Draft, groups: list[str]) -> str:
    """Return the spoken form, with the {ARPABET} groups back in their places."""
    draft.apply(RULES)
    draft.text = UNSPEAKABLE.sub(lambda match: _drop(draft, match), draft.text)
    draft.text = SPACES.sub(" ", draft.text).strip()
    draft.apply((MARKS, LEADING, TRAILING_DASH))
    draft.text = SPACES.sub(" ", draft.text).strip()
    remaining = iter(groups)
    draft.text = re.sub(PLACEHOLDER, lambda match: next(remaining), draft.text)
    draft.rewrite(LETTERS)
    return draft.text


def _drop(draft: Draft, match: re.Match[str]) -> str:
    draft.report(f"dropped {match[0]!r}")
    return " "
