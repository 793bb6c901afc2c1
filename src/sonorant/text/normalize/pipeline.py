"""The order of the rules, and the one door: `normalize`."""

import re
from dataclasses import dataclass

from sonorant.text.normalize import (
    abbreviations,
    acronyms,
    addresses,
    dates,
    designations,
    marks,
    money,
    numbers,
    roman,
    signs,
    units,
)
from sonorant.text.normalize.characters import CERTAIN_A, PLACEHOLDER, clean
from sonorant.text.normalize.rewriting import Rule, Step

MAX_PASSES = 4
"""The rules are run again until nothing changes, so that the result is a fixed point; two passes are the rule."""


@dataclass(frozen=True)
class Stage:
    """Rules that run one after the other; `figures` says that none of them can match a text without a digit."""

    rules: tuple[Rule, ...]
    figures: bool = False


STAGES = (
    Stage(dates.NUMERIC_RULES, figures=True),
    Stage(addresses.RULES),
    Stage(abbreviations.RULES),
    Stage(roman.RULES),
    Stage((*designations.TWO_PART_RULES, *numbers.RANGE_RULES), figures=True),
    Stage(dates.RULES),
    Stage((*units.RATE_RULES, *money.RULES), figures=True),
    Stage(numbers.EARLY_RULES),
    Stage(units.RULES, figures=True),
    Stage(numbers.POWER_RULES),
    Stage(acronyms.RULES),
    Stage(signs.RULES),
    Stage((*dates.YEAR_RULES, *numbers.RULES, *designations.LABEL_RULES, *numbers.CARDINAL_RULES), figures=True),
    Stage(signs.LATE_RULES),
)
"""The order matters: what contains a figure in a special sense is said before the plain numbers."""
FIGURE = re.compile(r"\d")


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
        for stage in STAGES:
            if not stage.figures or FIGURE.search(draft.text):
                draft.apply(stage.rules)
        spoken = marks.finish(draft, groups)
        steps += map(_shown, draft.steps)
        reports += draft.messages()
        if spoken == text:
            break
        text = spoken
    return Normalized(spoken, tuple(steps), tuple(dict.fromkeys(reports)))


def _shown(step: Step) -> Step:
    """Write the characters that stand for something while the rules run as what they stand for."""
    written, spoken = (text.replace(CERTAIN_A, "A").replace(PLACEHOLDER, "{}") for text in (step.written, step.spoken))
    return Step(step.rule, written, spoken)
