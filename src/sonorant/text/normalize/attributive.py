"""Tell a measure that describes a noun ("a $5 bill", "a 90° turn") from one that stands by itself."""

import re

from sonorant.text.normalize.rewriting import text_after, text_before

FUNCTION_WORDS = frozenset(
    "a an and or of for in on at to by per from with was were is are be been as that which who each every would will "
    "can could has had have more less worth apiece than but if it he she they we you not so when while where into over "
    "under after before until since this these those out off up down only also then away ago long wide high deep tall "
    "thick old north south east west".split()
)
MEASURED = frozenset(
    "weights dumbbells runners swimmers races sprints hurdles ladders boards cables bags bottles cans boxes".split()
)
"""Nouns that a measure before them describes without an article ("10 lb. weights", "200 m runners")."""
_ARTICLE = re.compile(r"(?<![A-Za-z])(?:an?|every|each) $", re.IGNORECASE)
_DETERMINER = re.compile(r"(?<![A-Za-z])(?:an?|every|each|the|this|that|his|her|my|our|their) $", re.IGNORECASE)


def is_attributive(match: re.Match[str]) -> bool:
    """Say whether a matched measure describes the noun after it, so that its unit is in the singular.

    Example:
        >>> [is_attributive(re.search(r"5 km", text)) for text in ("a 5 km run", "ran 5 km home", "a 5 km from")]
        [True, False, False]
    """
    before, after = text_before(match, 8), text_after(match, 16)
    if after.startswith("-"):
        return bool(_DETERMINER.search(before)) and after[1:2].isalpha()
    noun = re.match(r" ([a-z]+)", after)
    if noun is None or noun[1] in FUNCTION_WORDS:
        return False
    return noun[1] in MEASURED or bool(_ARTICLE.search(before))
