"""Words derived from known words."""

import pytest

from sonorant.text.letters import guess, is_held_out
from sonorant.text.lexicon import Lexicon
from sonorant.text.morphology import derive, with_ed, with_s

LEXICON = Lexicon()


def known(word: str) -> tuple[str, ...] | None:
    variants = LEXICON.lookup(word)
    return variants[0] if variants else None


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hedgehog's", "HH EH1 JH HH AA2 G Z"),
        ("cactus's", "K AE1 K T AH0 S IH0 Z"),
        ("octopuses", "AA1 K T AH0 P UH2 S IH0 Z"),
        ("robot'll", "R OW1 B AA2 T AH0 L"),
        ("firewalls", "F AY1 R W AA0 L Z"),
        ("blogged", "B L AO1 G D"),
        ("kayaked", "K AY1 AE0 K T"),
        ("snowboarded", "S N OW1 B AO2 R D IH0 D"),
        ("blurriest", "B L ER1 IY0 AH0 S T"),
        ("vexingly", "V EH1 K S IH0 NG L IY0"),
        ("robotically", "R OW2 B AA1 T IH0 K L IY0"),
        ("basecamp", "B EY1 S K AE2 M P"),
    ],
)
def test_an_unknown_word_is_derived(word: str, phones: str) -> None:
    assert not known(word)
    assert " ".join(derive(word, known) or ()) == phones


def test_a_short_stem_gets_its_e_back() -> None:
    words = {"bon": ("B", "AA1", "N"), "bone": ("B", "OW1", "N")}
    assert derive("boned", words.get) == ("B", "OW1", "N", "D")
    assert derive("bonned", words.get) == ("B", "AA1", "N", "D")


@pytest.mark.parametrize(
    "word", ["qwrtzs", "xed", "s", "ed", "ing", "bs", "unxyz", "'s", "a's's's", "a" * 100_000, "a" + "'s" * 5000]
)
def test_what_is_not_made_of_known_words_is_not_derived(word: str) -> None:
    assert derive(word, {"hello": ("HH", "AH0", "L", "OW1")}.get) is None


def test_a_compound_keeps_one_primary_stress() -> None:
    phones = derive("basecamp", known) or ()
    assert sum(phone.endswith("1") for phone in phones) == 1


@pytest.mark.parametrize(
    ("last", "s", "ed"),
    [("T", ("S",), ("IH0", "D")), ("D", ("Z",), ("IH0", "D")), ("SH", ("IH0", "Z"), ("T",)), ("IY0", ("Z",), ("D",))],
)
def test_endings_agree_with_the_last_phone(last: str, s: tuple[str, ...], ed: tuple[str, ...]) -> None:
    assert with_s((last,)) == (last, *s)
    assert with_ed((last,)) == (last, *ed)


def test_derived_plurals_agree_with_the_lexicon() -> None:
    plurals = [word for word in LEXICON.words()[::7] if word.endswith("s") and known(word[:-1]) and len(word) > 4]
    same = sum(with_s(known(word[:-1]) or ()) in LEXICON.lookup(word) for word in plurals)
    assert len(plurals) > 1000
    assert same / len(plurals) > 0.85


def test_compounds_of_names_are_left_to_the_letters() -> None:
    assert known("wolf") and known("mann") and not known("mannwolf")
    assert derive("mannwolf", known) is None


def test_derived_words_are_right_at_least_as_often_as_guessed_ones() -> None:
    def seen(word: str) -> tuple[str, ...] | None:
        return None if is_held_out(word) else known(word)

    words = [word for word in LEXICON.words()[::3] if is_held_out(word)]
    derived = {word: phones for word in words if (phones := derive(word, seen))}
    right = sum(phones in LEXICON.lookup(word) for word, phones in derived.items())
    guessed = sum(guess(word) in LEXICON.lookup(word) for word in derived)
    assert len(derived) > 400
    assert right >= guessed
