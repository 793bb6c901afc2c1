"""What holds of the normaliser for every text."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.text.normalize import Normalized, normalize
from sonorant.text.normalize.characters import label

FRAGMENTS = (
    "Dr. St. Mr. No. 5 a.m. p.m. 10:30 12:30pm $5 £3 4s. 6d. €3.20 1.5 million 1905 1990s '80s 1/2 2 ½ 3:1 -5 "
    "– — - -- 5' 10\" Henry VIII Charles I. I A a Chapter IV II FBI's CDs NASA U.S.A. J. F. Oct. 28 October "
    "28, 1962 2023-10-28 10/28/2023 @bob #1 #tag C++ C# w/ w/o & % ° °C 5°F km/h 20 km lb. in. x^2 10^6 = + × "
    "< > 2.0.1 v2 B-52 MP3 A4 4K H2O x y 555-1234 example.com a@b.org https://a.io/?q=1 {HH AH0 L OW1} { } ( "
    ") [ ] \" ' ’ “ ” … ... . , ; : ? ! / \\ | _ * ~ é ü ß Ω µ α Ж 中 😀 \u200d \u0301 ﬁ Ａ ² ⅓ <b> </b> "
    "<br/> &amp; THE END STOP NOW 000 007 1,234 1,234.56 1e5 9999999999999999 etc. e.g. vs. c. 1450 p. pp. "
    "3-5 1914-18 o'clock 'n' it's dogs' nd 3rd 21st XIV X V Louis King the of in"
).split(" ")

anything = st.text(max_size=80)
ascii_text = st.text(alphabet=st.characters(max_codepoint=126), max_size=60)
fragments = st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.sampled_from(["", " ", " ", " "])), max_size=14).map(
    lambda parts: "".join(fragment + space for fragment, space in parts)
)
texts = st.one_of(anything, ascii_text, fragments, fragments)
bounded = settings(derandomize=True, max_examples=250, deadline=None, database=None)

WORD = r"(?:[A-Za-z]+(?:'[A-Za-z]+)*|\{[A-Z]{1,2}[012]?(?: [A-Z]{1,2}[012]?)*\})"
SPOKEN = re.compile(rf"(?:{WORD}[.,;:?!]?(?: (?:- )?{WORD}[.,;:?!]?)*)?")


def unaccounted(text: str, normalized: Normalized) -> Counter[str]:
    """Count the characters of a text that are neither spoken as they are, nor rewritten by a step, nor reported."""
    accounted = Counter(normalized.spoken.lower())
    for step in normalized.steps:
        accounted += Counter(step.written.lower())
    for report in normalized.reports:
        times = int(match[1]) if (match := re.search(r"\((\d+) times\)$", report)) else 1
        accounted += Counter({one: count * times for one, count in Counter(report.lower()).items()})
        for named in set(text):
            if label(named) in report:
                accounted[named.lower()] += times
    needed = Counter("".join(one for one in text if not one.isspace()).lower())
    return needed - accounted


@bounded
@given(texts)
def test_only_words_marks_and_groups_come_out(text: str) -> None:
    assert SPOKEN.fullmatch(normalize(text).spoken), normalize(text).spoken


@bounded
@given(texts)
def test_the_spoken_form_is_its_own_spoken_form(text: str) -> None:
    spoken = normalize(text).spoken
    assert normalize(spoken).spoken == spoken


@bounded
@given(texts)
def test_no_character_vanishes_without_a_step_or_a_report(text: str) -> None:
    assert not unaccounted(text, normalize(text))


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["1-", "1+1=", '<a b="', "a.", "THE ", "(212) ", "{AA "])
def test_a_hundred_thousand_hostile_characters_come_through(unit: str) -> None:
    """A pattern that backtracks more than linearly would take minutes here."""
    normalized = normalize(unit * (100_000 // len(unit)))
    assert SPOKEN.fullmatch(normalized.spoken)
