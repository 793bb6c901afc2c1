"""The hand-written list of written and spoken forms."""

from pathlib import Path

import pytest

from sonorant.text.normalize import normalize

TABLE = Path(__file__).with_name("written_spoken.tsv")
MIN_CASES = 300


def read_table() -> list[tuple[str, str]]:
    """Read `written<TAB>spoken` lines; lines without a tab are headings, \\uXXXX stands for what cannot be seen."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if "\t" in line]
    pairs = [line.split("\t") for line in lines]
    return [(unescaped(written) if "\\u" in written else written, spoken) for written, spoken in pairs]


def unescaped(written: str) -> str:
    return written.encode("ascii").decode("unicode_escape")


CASES = read_table()


def test_the_table_is_long_and_holds_nothing_twice() -> None:
    assert len(CASES) >= MIN_CASES
    assert len({written for written, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_written_is_said_as_a_careful_reader_says_it(written: str, spoken: str) -> None:
    assert normalize(written).spoken == spoken
