"""Where one sentence ends and the next begins."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.text.sentences import split_sentences

SPLITS = [
    "One. | Two. | Three.",
    "Is it? | Yes! | Good.",
    "Dr. Smith met Mr. Jones. | They spoke.",
    "J. F. Kennedy won. | He was young.",
    "It costs $3.50 today. | Tomorrow it costs $4.00.",
    "He lives in Washington, D.C. | He works there.",
    "The U.S. Army came. | It left.",
    "We met at 7 a.m. at the gate. | It rained.",
    "We met at 7 a.m. | John was late.",
    "Apples, pears, etc. are fruit. | Cars are not.",
    "Apples, pears, etc. | He ate them.",
    "See Eq. 2.1 and Fig. 3. | They agree.",
    "It cost approx. $5M. | Nobody paid.",
    "Wait... what? | Nothing...",
    "He paused... | Then he spoke.",
    '"Stop!" he said. | "Why?" she asked.',
    '"I see." | "Do you?"',
    "(It was late.) | We left.",
    "Mail a.b@c.org or see www.example.com. | Thanks.",
    "Version 2.0.1 is out. | Get it.",
    "No. 5 is alive. | No. | He is not.",
    "“Really?” | Yes.",
    "What?! | No!!! | Really.",
    "He has a Ph.D. in physics. | She has an M.D. too.",
    "On Jan. 5 it snowed. | On Feb. 6 it thawed.",
    "The company, Acme Inc. of Boston, failed. | It was old.",
    "She moved to St. Louis. | He lives on Main St. now.",
    "1. The master's side. | 2. The cabin side.",
    "So did I. | You know it.",
    "Smith et al. found it. | We did not.",
    "Well… perhaps. | Perhaps not.",
    "She said (it rained. | Hard) no.",
    "He said no. | I left.",
    "See vol. I of it, no. I and no. IV. | Good.",
    "I saw Max. | He left.",
    "We ate a fig. | I liked it.",
]
"""Texts with a bar at each boundary."""

pieces = st.sampled_from(
    [
        "Mr.",
        "He",
        "left.",
        "Why?",
        "3.14",
        "U.S.",
        "a.m.",
        "“No!”",
        "word",
        "and,",
        "{HH AH0}",
        "...",
        "。",
        "語",
        "\n\n",
        "\n",
        "I.",
        "(so)",
        "é;",
        "—",
    ]
)
texts = st.one_of(
    st.text(max_size=120),
    st.lists(st.tuples(pieces, st.sampled_from([" ", " ", "", "  "])), max_size=40).map(
        lambda p: "".join(map("".join, p))
    ),
)
bounded = settings(derandomize=True, max_examples=200, deadline=None, database=None)


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("marked", SPLITS)
def test_sentences_end_where_a_reader_stops(marked: str) -> None:
    assert split_sentences(marked.replace("| ", "")) == marked.split(" | ")


def test_the_sentences_are_the_text_in_order() -> None:
    assert split_sentences('He said "Go. Now." to Mr. A. Then\nhe left.') == [
        'He said "Go.',
        'Now." to Mr. A.',
        "Then\nhe left.",
    ]


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not() -> None:
    assert split_sentences("A title\n\nThe text goes\non here.") == ["A title", "The text goes\non here."]


def test_wide_marks_end_sentences_without_a_space() -> None:
    assert split_sentences("你好。再见！Bye.") == ["你好。", "再见！", "Bye."]


def test_no_sentence_comes_from_white_space() -> None:
    assert split_sentences(" \n\n\t ") == []


def test_long_sentences_are_cut_at_clauses_then_at_spaces() -> None:
    assert split_sentences("one two three, four five six seven eight", 20) == [
        "one two three,",
        "four five six seven",
        "eight",
    ]


@pytest.mark.parametrize(
    "whole",
    ["5 kilograms", "$5 million", "3 million people", "1 1/2 cups", "Dr. Smith", "J. F. Doe", "50% off"],
)
def test_a_figure_stays_with_its_unit_and_a_title_with_its_name(whole: str) -> None:
    for limit in range(17, 34):
        assert any(whole in piece for piece in split_sentences(f"they all got there {whole} and took it home", limit))


def test_figures_are_parted_where_there_is_no_other_gap() -> None:
    assert split_sentences("one 222 333 444 555", 12) == ["one 222 333", "444 555"]


def test_a_word_longer_than_the_limit_is_cut() -> None:
    assert split_sentences("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_an_arpabet_group_is_not_cut_at_its_spaces() -> None:
    assert split_sentences("say {HH AH0 L OW1} now", 15) == ["say", "{HH AH0 L OW1}", "now"]


@pytest.mark.parametrize("unit", [".", "!", "…", "?!", '."', ". ", "。", "\n", "\n ", ",", "(", "{a", "A.", "no. I "])
def test_a_hundred_thousand_hostile_characters_are_split_at_once(unit: str) -> None:
    """A pattern that backtracks more than linearly would take minutes here."""
    text = (unit * 100_000)[:100_000]
    assert without_space("".join(split_sentences(text))) == without_space(text)


def test_a_word_as_long_as_the_limit_is_whole() -> None:
    assert split_sentences("one abcdefghij two", 10) == ["one", "abcdefghij", "two"]


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        split_sentences("text", 0)


@bounded
@given(texts, st.integers(1, 60))
def test_only_white_space_is_lost(text: str, limit: int) -> None:
    assert without_space("".join(split_sentences(text, limit))) == without_space(text)


@bounded
@given(texts, st.integers(1, 60))
def test_no_piece_is_empty_or_too_long(text: str, limit: int) -> None:
    for piece in split_sentences(text, limit):
        assert 0 < len(piece) <= limit and piece == piece.strip()
