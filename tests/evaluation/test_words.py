"""Counting words that were heard."""

import pytest

from sonorant.evaluation.words import mishearing, spoken_words


@pytest.mark.parametrize(
    ("heard", "word_errors", "wrong"),
    [
        ("the cat sat down", 0, ()),
        ("the hat sat down", 1, (1,)),
        ("the sat down", 1, ()),
        ("the the cat sat down", 1, (1,)),
        ("", 4, ()),
        ("a big hat", 4, (0, 1, 2)),
    ],
)
def test_edits_are_counted_and_wrong_words_are_found(heard: str, word_errors: int, wrong: tuple[int, ...]) -> None:
    found = mishearing("the cat sat down", heard)
    assert (found.word_errors, found.num_words) == (word_errors, 4)
    assert len(found.wrong) == len(wrong)
    assert set(found.wrong) <= {0, *wrong}  # of two equal words either may be the one too many


def test_characters_are_counted_with_the_spaces() -> None:
    found = mishearing("the cat", "the rat")
    assert (found.character_errors, found.num_characters) == (1, 7)


@pytest.mark.parametrize(
    ("expected", "heard", "repeated"),
    [
        ("one two three", "one two three", 0),
        ("one two three", "one two two three", 1),
        ("one two three", "one two three two three", 2),
        ("one two three four", "one two three four one two three four", 4),
        ("very very good", "very very good", 0),
        ("very very good", "very very very good", 1),
        ("one two one", "one two one", 0),
        ("one two", "one", 0),
        ("the men stared", "and and stared", 0),
        ("one two three", "one four four two three", 0),
    ],
)
def test_repetitions_that_are_not_written_are_counted(expected: str, heard: str, repeated: int) -> None:
    assert mishearing(expected, heard).num_repeated == repeated


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 7:30 p.m.!", "it's seven thirty p m"),
        ("Well-known, isn't it?", "well known isn't it"),
        ("$5", "five dollars"),
    ],
)
def test_words_are_those_that_are_spoken(text: str, words: str) -> None:
    assert spoken_words(text) == words
