"""Heteronyms: a table of sentences, its unseen part apart, and the form of the data."""

import re
from pathlib import Path

import pytest

from sonorant.text.heteronyms import heteronym, heteronyms
from sonorant.text.lexicon import Lexicon

TABLE = Path(__file__).with_name("heteronym_sentences.txt")
SEEN, UNSEEN = (
    [line.split(" | ") for line in part.splitlines() if " | " in line and not line.startswith("#")]
    for part in TABLE.read_text(encoding="utf-8").split("# Unseen")
)


def spoken(sentence: str) -> str | None:
    """The phones of the word between asterisks."""
    marked = re.findall(r"\*?[A-Za-z']+|[.,;:?!-]", sentence)
    index = next(place for place, token in enumerate(marked) if token.startswith("*"))
    phones = heteronym([token.strip("*") for token in marked], index)
    return phones and " ".join(phones)


def wrong(cases: list[list[str]]) -> list[str]:
    return [f"{sentence} -> {spoken(sentence)}" for sentence, phones in cases if spoken(sentence) != phones.strip()]


def test_at_least_98_percent_of_the_seen_sentences_are_right() -> None:
    assert len(SEEN) >= 150
    assert len(wrong(SEEN)) <= 0.02 * len(SEEN), wrong(SEEN)


def test_at_least_90_percent_of_the_unseen_sentences_are_right() -> None:
    assert len(UNSEEN) >= 70
    assert len(wrong(UNSEEN)) <= 0.1 * len(UNSEEN), wrong(UNSEEN)


def test_there_are_at_least_100_words_with_readings_apart() -> None:
    several = [word for word, readings in heteronyms().items() if len({reading.phones for reading in readings}) > 1]
    assert len(several) >= 100


def test_every_last_reading_is_unconditional_and_every_other_conditional() -> None:
    for word, readings in heteronyms().items():
        assert not readings[-1].conditions, word
        assert all(reading.conditions for reading in readings[:-1]), word


def test_every_heteronym_is_a_word_of_the_lexicon() -> None:
    lexicon = Lexicon()
    assert [word for word in heteronyms() if word not in lexicon and not word.endswith("s")] == []


@pytest.mark.parametrize("words", [["read"], ["Live", "."], [",", "close", ","], ["LEAD"]])
def test_a_heteronym_without_neighbours_has_a_reading(words: list[str]) -> None:
    index = next(place for place, word in enumerate(words) if word.isalpha())
    assert heteronym(words, index)


def test_other_words_are_none_of_its_business() -> None:
    assert heteronym(["hello", "world"], 1) is None


def test_a_comma_ends_the_clause_that_left_looks_at() -> None:
    assert spoken("As you have heard, they *read* every day.") == "R IY1 D"
