"""The order of the rules, and the one door: `normalize`."""

from dataclasses import dataclass

from sonorant.text.normalize import (
    abbreviations,
    acronyms,
    addresses,
    dates,
    marks,
    money,
    numbers,
    roman,
    signs,
    units,
)
from sonorant.text.normalize.characters import clean
from sonorant.text.normalize.rewriting import Step

MAX_PASSES = 4
"""The rules are run again until nothing changes, so that the result is a fixed point; two passes are the rule."""

RULES = (
    *dates.NUMERIC_RULES,
    *addresses.RULES,
    *abbreviations.RULES,
    *roman.RULES,
    *numbers.RANGE_RULES,
    *dates.RULES,
    *units.RATE_RULES,
    *money.RULES,
    *numbers.EARLY_RULES,
    *units.RULES,
    *numbers.POWER_RULES,
    *acronyms.RULES,
    *signs.RULES,
    *dates.YEAR_RULES,
    *numbers.RULES,
    *numbers.CARDINAL_RULES,
    *signs.LATE_RULES,
)


@dataclass(frozen=True)
class Normalized:
    """What is said for a text.

    Attributes:
        spoken: Words of the letters a-z and A-Z with inner apostrophes, the marks . , ; : ? ! after a word, "-" between
            spaces for a pause, single spaces, and {ARPABET} groups. A single capital is a spelled letter.
        steps: Each rewriting, in the order in which the rules ran.
        reports: What was dropped, transliterated or removed.
    """

    spoken: str
    steps: tuple[Step, ...]
    reports: tuple[str, ...]


def normalize(text: str) -> Normalized:
    """Turn written English into the words that a careful reader would say.

    Example:
        >>> normalize("Dr. Smith paid $3.50 for 2 lb. in 1905.").spoken
        'Doctor Smith paid three dollars and fifty cents for two pounds in nineteen oh five.'
    """
    steps: list[Step] = []
    reports: list[str] = []
    for _ in range(MAX_PASSES):
        draft, groups = clean(text)
        draft.apply(RULES)
        spoken = marks.finish(draft, groups)
        steps += draft.steps
        reports += draft.messages()
        if spoken == text:
            break
        text = spoken
    return Normalized(spoken, tuple(steps), tuple(dict.fromkeys(reports)))
