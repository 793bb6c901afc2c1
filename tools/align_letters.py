"""Which letters of a word make which phones: expectation maximisation over all cuts of the phones.

Each letter makes a chunk of no, one or two phones (many-to-many alignment after Jiampojamarn et al. 2007, with single
letters on the letter side). Words of the same number of letters and phones are computed together.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pair = tuple[Sequence[int], Sequence[int]]


class Table(NamedTuple):
    """P(chunk | letter). Shape: none (L,), one (L, P), two (L, P, P)."""

    none: NDArray[np.float64]
    one: NDArray[np.float64]
    two: NDArray[np.float64]

    def normalized(self) -> "Table":
        total = self.none + self.one.sum(1) + self.two.sum((1, 2)) + 1e-9
        return Table(self.none / total, self.one / total[:, None], self.two / total[:, None, None])


class Group(NamedTuple):
    """Words of one size. Shape: rows (B,), letters (B, n), phones (B, m)."""

    rows: NDArray[np.int64]
    letters: NDArray[np.int64]
    phones: NDArray[np.int64]


def align(pairs: Sequence[Pair], num_letters: int, num_phones: int, iterations: int = 12) -> list[list[int] | None]:
    """Return for each pair how many phones each letter makes; None where 2 phones a letter do not suffice."""
    groups = list(_groups(pairs))
    start = Table(
        np.full(num_letters, 0.2),
        np.ones((num_letters, num_phones)),
        np.full((num_letters, num_phones, num_phones), 1e-3),
    )
    table = start.normalized()
    for _ in range(iterations):
        counts = Table(*(np.full_like(part, 1e-6) for part in table))
        for group in groups:
            _expect(group, table, counts)
        table = counts.normalized()
    sizes: list[list[int] | None] = [None] * len(pairs)
    for group in groups:
        for row, best in zip(group.rows, _best(group, table), strict=True):
            sizes[row] = best.tolist()
    return sizes


def _groups(pairs: Sequence[Pair]) -> Iterator[Group]:
    rows = defaultdict(list)
    for row, (letters, phones) in enumerate(pairs):
        if 0 < len(phones) <= 2 * len(letters):
            rows[len(letters), len(phones)].append(row)
    for members in rows.values():
        yield Group(
            np.array(members), np.array([pairs[r][0] for r in members]), np.array([pairs[r][1] for r in members])
        )


def _emissions(group: Group, table: Table) -> tuple[NDArray[np.float64], ...]:
    """Shape: (B, n), (B, n, m), (B, n, m - 1)."""
    letters, phones = group.letters[:, :, None], group.phones[:, None, :]
    return table.none[group.letters], table.one[letters, phones], table.two[letters, phones[..., :-1], phones[..., 1:]]


def _expect(group: Group, table: Table, counts: Table) -> None:
    """Add the expected number of uses of each chunk (forward-backward)."""
    none, one, two = _emissions(group, table)
    (size, n), m = none.shape, one.shape[2]
    ahead = np.zeros((n + 1, size, m + 1))
    ahead[0, :, 0] = 1
    behind = np.zeros((n + 1, size, m + 1))
    behind[n, :, m] = 1
    for i in range(n):
        ahead[i + 1] = ahead[i] * none[:, i, None]
        ahead[i + 1, :, 1:] += ahead[i, :, :-1] * one[:, i]
        ahead[i + 1, :, 2:] += ahead[i, :, :-2] * two[:, i]
    for i in reversed(range(n)):
        behind[i] = behind[i + 1] * none[:, i, None]
        behind[i, :, :-1] += behind[i + 1, :, 1:] * one[:, i]
        behind[i, :, :-2] += behind[i + 1, :, 2:] * two[:, i]
    total = ahead[n, :, m][:, None]
    for i in range(n):
        letter, scaled = group.letters[:, i], ahead[i] / total
        np.add.at(counts.none, letter, (scaled * behind[i + 1]).sum(1) * none[:, i])
        np.add.at(counts.one, (letter[:, None], group.phones), scaled[:, :-1] * one[:, i] * behind[i + 1, :, 1:])
        pair = (letter[:, None], group.phones[:, :-1], group.phones[:, 1:])
        np.add.at(counts.two, pair, scaled[:, :-2] * two[:, i] * behind[i + 1, :, 2:])


def _best(group: Group, table: Table) -> NDArray[np.int64]:
    """Return the most likely chunk sizes (Viterbi). Shape: (B, n)."""
    none, one, two = (np.log(part + 1e-300) for part in _emissions(group, table))
    (size, n), m = none.shape, one.shape[2]
    score = np.full((size, m + 1), -np.inf)
    score[:, 0] = 0
    choices = np.zeros((n, size, m + 1), dtype=np.int64)
    for i in range(n):
        options = np.full((3, size, m + 1), -np.inf)
        options[0] = score + none[:, i, None]
        options[1, :, 1:] = score[:, :-1] + one[:, i]
        options[2, :, 2:] = score[:, :-2] + two[:, i]
        choices[i], score = options.argmax(0), options.max(0)
    sizes, place, rows = np.zeros((size, n), dtype=np.int64), np.full(size, m), np.arange(size)
    for i in reversed(range(n)):
        sizes[:, i] = choices[i, rows, place]
        place = place - sizes[:, i]
    return sizes
