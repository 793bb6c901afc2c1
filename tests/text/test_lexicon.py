"""The compact CMUdict and the user's lexicon files."""

from importlib.resources import files
from pathlib import Path

import pytest

from sonorant.errors import TextError
from sonorant.text.lexicon import Lexicon, decode_phones, encode_phones, read_lexicon
from sonorant.text.symbols import PHONES

LEXICON = Lexicon()


def test_every_word_is_found_again() -> None:
    words = LEXICON.words()
    assert len(words) == 124_101
    assert words == sorted(words)
    assert all(word in LEXICON for word in words[::37] + words[:3] + words[-3:])


@pytest.mark.parametrize(
    "word", ["", "aaaaaa", "zzzzzz", "hell0", "hello ", " hello", "hello world", "hello\n", "é", ","]
)
def test_what_is_no_word_is_not_found(word: str) -> None:
    assert word not in LEXICON
    assert LEXICON.lookup(word) == ()


# cmudict.dict 1.1.3, as published
@pytest.mark.parametrize(
    ("word", "variants"),
    [
        ("hello", ["HH AH0 L OW1", "HH EH0 L OW1"]),
        ("don't", ["D OW1 N T", "D OW1 N"]),
        ("zurich", ["Z UH1 R IH0 K"]),
        ("a", ["AH0", "EY1"]),
        ("Thought", ["TH AO1 T"]),
    ],
)
def test_pronunciations_are_those_of_cmudict(word: str, variants: list[str]) -> None:
    assert [" ".join(phones) for phones in LEXICON.lookup(word)] == variants


def test_phone_codes_can_be_read_back_and_separate_no_entries() -> None:
    codes = encode_phones(PHONES).encode("ascii")
    assert decode_phones(codes) == PHONES
    assert not set(codes) & set(b" ,\n")


def test_the_licence_of_the_data_lies_beside_it_and_the_data_is_small() -> None:
    data = files("sonorant.text").joinpath("data")
    assert "Carnegie Mellon University" in data.joinpath("CMUDICT_LICENSE").read_text(encoding="utf-8")
    assert len(data.joinpath("cmudict.zlib").read_bytes()) < 1_000_000


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_a_lexicon_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "words.txt", "# names\nSonorant  S AA1 N ER0 AH0 N T\n\no'toole\tow0 t uw1 l # Irish\n")
    assert read_lexicon(path) == {
        "sonorant": ("S", "AA1", "N", "ER0", "AH0", "N", "T"),
        "o'toole": ("OW0", "T", "UW1", "L"),
    }


def test_all_wrong_lines_of_a_lexicon_file_are_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "words.txt", "good G UH1 D\nbad B AX1 D\nb2b B IY1\nempty\n")
    with pytest.raises(TextError) as caught:
        read_lexicon(path)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{path}:2", f"{path}:3", f"{path}:4"]
    assert "'AX1' is not a phone" in lines[0]
    assert "'b2b' is not a word" in lines[1]
    assert "there are no phones" in lines[2]


def test_a_lexicon_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes("café K AH0 F EY1".encode("latin-1"))
    for path in (latin, tmp_path / "missing.txt", tmp_path):
        with pytest.raises(TextError, match=f"{path.name}: the lexicon file cannot be read"):
            read_lexicon(path)
