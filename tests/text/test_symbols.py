"""Symbol tables: published order, ids, phones in braces."""

import pytest

from sonorant.errors import ConfigError, TextError
from sonorant.text.symbols import CONSONANTS, MARKS, PHONES, VOWELS, parse_phones, symbol_table

NAMES = ("arpabet", "characters", "english_basic")


def test_there_are_39_phones_and_69_with_stress() -> None:
    assert len(VOWELS) + len(CONSONANTS) == 39
    assert len(PHONES) == len(set(PHONES)) == 15 * 3 + 24


def test_english_basic_is_the_published_148_in_order() -> None:
    # NVIDIA DeepLearningExamples: pad, "-", "!'(),.:;? ", A-Z, a-z, then 84 ARPAbet symbols from @AA, @AA0 to @ZH
    symbols = symbol_table("english_basic").symbols
    assert len(symbols) == 148
    assert symbols[:12] == ("_", "-", "!", "'", "(", ")", ",", ".", ":", ";", "?", " ")
    assert symbols[12] == "A" and symbols[37] == "Z" and symbols[38] == "a" and symbols[63] == "z"
    assert symbols[64:70] == ("@AA", "@AA0", "@AA1", "@AA2", "@AE", "@AE0")
    assert symbols[88:94] == ("@B", "@CH", "@D", "@DH", "@EH", "@EH0")
    assert symbols[-3:] == ("@Y", "@Z", "@ZH")


@pytest.mark.parametrize("name", NAMES)
def test_symbols_are_unique_and_padding_is_zero(name: str) -> None:
    table = symbol_table(name)
    assert len(set(table.symbols)) == len(table)
    assert table.pad_id == 0 and table.symbols[0] == "_"


@pytest.mark.parametrize("name", NAMES)
def test_decoding_undoes_encoding(name: str) -> None:
    table = symbol_table(name)
    assert table.encode(table.symbols) == list(range(len(table)))
    assert table.decode(range(len(table))) == table.symbols


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_the_marks_and_the_space(name: str) -> None:
    assert all(mark in symbol_table(name) for mark in (*MARKS, " "))


def test_an_unknown_symbol_is_named() -> None:
    with pytest.raises(TextError, match="arpabet: 'QQ' is not in it"):
        symbol_table("arpabet").encode(["AA1", "QQ"])


@pytest.mark.parametrize("index", [-1, 78])
def test_an_id_outside_the_table_is_refused(index: int) -> None:
    with pytest.raises(TextError, match="ids: 0 to 77"):
        symbol_table("arpabet").decode([index])


def test_an_unknown_table_names_the_others() -> None:
    with pytest.raises(ConfigError, match="arpabet, characters, english_basic"):
        symbol_table("ipa")


def test_phones_are_read_in_either_case() -> None:
    assert parse_phones("  hh AH0  l ow1 ", "here") == ("HH", "AH0", "L", "OW1")


@pytest.mark.parametrize("written", ["HH AX0", "AA", "B1", "AA3", "HH,AH0", ""])
def test_what_is_no_phone_is_refused_with_what_is_allowed(written: str) -> None:
    with pytest.raises(TextError, match=r"^here: .*AA AE AH .*stress 0, 1 or 2.*B CH D"):
        parse_phones(written, "here")
