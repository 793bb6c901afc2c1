"""Compare the normaliser with a list of written and spoken forms: `python tools/golden_normalization.py CSV`.

The CSV has lines `id|written|spoken`. A line counts as the same when its words are the same; case, punctuation, hyphens
and diacritics are ignored. Two more things are ignored because the list itself is free there: an abbreviation that the
list leaves as it stands equals its expansion, and a day after the name of a month may be a cardinal or an ordinal.
"""

import argparse
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sonorant.text.normalize import normalize
from sonorant.text.normalize.dates import MONTHS
from sonorant.text.normalize.numerals import cardinal, ordinal

UNEXPANDED = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "rev": "reverend", "hon": "honorable",
    "lt": "lieutenant", "capt": "captain", "col": "colonel", "gen": "general", "co": "company", "esq": "esquire",
    "bart": "baronet", "etc": "et cetera", "viz": "namely", "mss": "manuscripts", "i e": "that is",
    "e g": "for example",
}  # fmt: skip
"""Abbreviations that the list leaves as written -> what they stand for."""
_UNEXPANDED = re.compile(rf"\b(?:{'|'.join(UNEXPANDED)})\b")
_CARDINAL_OF = {ordinal(day): cardinal(day) for day in range(1, 32)}
_MONTH_DAY = re.compile(rf"\b({'|'.join(MONTHS).lower()}) ({'|'.join(sorted(_CARDINAL_OF, key=len, reverse=True))})\b")


@dataclass(frozen=True)
class Comparison:
    """One line: its words in the list and from the normaliser."""

    line_id: str
    written: str
    expected: tuple[str, ...]
    spoken: tuple[str, ...]

    @property
    def same(self) -> bool:
        return self.expected == self.spoken


@dataclass(frozen=True)
class Golden:
    """The outcome over a list; `differing` are the lines whose two forms in the list differ."""

    lines: tuple[Comparison, ...]
    differing: tuple[Comparison, ...]

    @property
    def share_same(self) -> float:
        return sum(one.same for one in self.differing) / len(self.differing)

    @property
    def word_error_rate(self) -> float:
        errors = sum(edit_distance(one.expected, one.spoken) for one in self.lines)
        return errors / sum(len(one.expected) for one in self.lines)


def words(text: str) -> tuple[str, ...]:
    """Return the words to compare.

    Example:
        >>> words("On October twenty-eighth, Mr. Müller's")
        ('on', 'october', 'twenty', 'eight', 'mister', 'mullers')
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(one))
    plain = re.sub(r"['’]|\.(?=['’])", "", plain)
    plain = " ".join(re.findall(r"[a-z0-9]+", plain))
    plain = _UNEXPANDED.sub(lambda match: UNEXPANDED[match[0]], plain)
    return tuple(_MONTH_DAY.sub(lambda match: f"{match[1]} {_CARDINAL_OF[match[2]]}", plain).split())


def edit_distance(expected: Sequence[str], spoken: Sequence[str]) -> int:
    """Return the least number of words to insert, delete or replace."""
    row = list(range(len(spoken) + 1))
    if expected == spoken:
        return 0
    for index, word in enumerate(expected, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(spoken, 1):
            diagonal, row[column] = row[column], min(diagonal + (word != other), row[column] + 1, row[column - 1] + 1)
    return row[-1]


def compare(path: Path) -> Golden:
    """Compare every line of the list."""
    lines, differing = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        line_id, written, spoken = line.split("|")
        lines.append(Comparison(line_id, written, words(spoken), words(normalize(written).spoken)))
        if written != spoken:
            differing.append(lines[-1])
    return Golden(tuple(lines), tuple(differing))


def main() -> None:
    """Print the figures and the lines that are not the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("csv", type=Path)
    golden = compare(parser.parse_args().csv)
    for one in golden.lines:
        if not one.same:
            print(f"{one.line_id}\n  expected {' '.join(one.expected)}\n  spoken   {' '.join(one.spoken)}")
    same = sum(one.same for one in golden.differing)
    print(
        f"word for word the same: {same} of {len(golden.differing)} lines whose forms differ ({golden.share_same:.1%})"
    )
    print(f"word error rate over all {len(golden.lines)} lines: {golden.word_error_rate:.3%}")


if __name__ == "__main__":
    main()
