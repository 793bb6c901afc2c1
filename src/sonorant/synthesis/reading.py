"""How an attention reads a text: where it is, when it is through, what it left out or said twice.

Its position is the median of its weights: the symbol up to which half of them lie. Unlike the largest weight it is no
symbol at the edge of a weight spread widely, and unlike the mean it is not moved by a few per cent far away.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonorant.config import Tacotron2Config
from sonorant.synthesis.runtime import Floats

LAST_SYMBOLS = 2
"""The text is read when the attention is on one of so many last symbols: a sentence mark is often only brushed."""

SEEN = 0.1
"""A symbol that no step gives so much weight has been skipped."""

SKIPPED = 3
"""So many skipped symbols in a row are heard; one or two are often said within their neighbours."""

WENT_BACK = 3
"""Going back by so many symbols says something again; between neighbours the median may change sides."""


@dataclass(frozen=True)
class Limits:
    """How many decoder steps things may take, all in proportion to the longest that a symbol takes on average.

    Attributes:
        steps_per_symbol: Speaking gives up beyond so many for each symbol, and a `rest` besides.
        rest: On the last symbol this is the end, whatever the stop logit says; and a stop logit that says so for as
            long is believed, wherever the attention is.
        hold: On any other symbol so long is stuck; pauses are shorter.
    """

    steps_per_symbol: float
    rest: int
    hold: int

    @classmethod
    def of(cls, config: Tacotron2Config) -> "Limits":
        """Return the limits that a model's sizes set."""
        steps = config.max_frames_per_symbol / config.reduction_factor
        return cls(steps, rest=math.ceil(2 * steps), hold=math.ceil(4 * steps))

    def cap(self, num_symbols: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return after how many steps speaking gives up: (B,) -> (B,)."""
        caps: NDArray[np.int64] = np.ceil(self.steps_per_symbol * num_symbols).astype(np.int64) + self.rest
        return caps


@dataclass(frozen=True)
class Faults:
    """What is wrong with a reading, in symbols unless it says otherwise; all zero where nothing is.

    Attributes:
        skipped: Within runs of at least `SKIPPED` that got no attention.
        repeated: How far it went back, at the furthest.
        unread: Behind the furthest that it reached.
        held_steps: Stuck on one symbol, where that took too long.
        endless_steps: Taken without an end.
    """

    skipped: int = 0
    repeated: int = 0
    unread: int = 0
    held_steps: int = 0
    endless_steps: int = 0

    def __bool__(self) -> bool:
        return any((self.skipped, self.repeated, self.unread, self.held_steps, self.endless_steps))

    @property
    def badness(self) -> tuple[int, int]:
        """What a better reading has less of: symbols that are wrong, then steps that are."""
        return self.skipped + self.repeated + self.unread, self.held_steps + self.endless_steps

    def describe(self, reduction_factor: int) -> str:
        """Tell all faults in words.

        Example:
            >>> Faults(unread=4, endless_steps=50).describe(reduction_factor=2)
            'reached 100 frames without an end, the last 4 symbols are missing'
        """
        told = (
            (self.endless_steps, f"reached {self.endless_steps * reduction_factor} frames without an end"),
            (self.held_steps, f"stuck on one symbol for {self.held_steps * reduction_factor} frames"),
            (self.skipped, f"{self.skipped} symbols were skipped"),
            (self.repeated, f"went back {self.repeated} symbols"),
            (self.unread, f"the last {self.unread} symbols are missing"),
        )
        return ", ".join(words for count, words in told if count)


def positions_of(alignment: Floats) -> NDArray[np.int64]:
    """Return where the attention is.

    Shape:
        (..., S) -> (...)

    Example:
        >>> positions_of(np.array([[0.9, 0.1, 0.0], [0.0, 0.45, 0.55]])).tolist()
        [0, 2]
    """
    before = alignment.cumsum(axis=-1) < 0.5
    positions: NDArray[np.int64] = np.minimum(before.sum(axis=-1), alignment.shape[-1] - 1)
    return positions


class StopRule:
    """Decides after each step which of several readings are over.

    A reading is over when the stop logit says so and the text is read; when the attention has rested on the last
    symbol; when the stop logit has insisted although the text is not read; or at the cap.

    Args:
        lengths: (B,), symbols of each row.
        limits: How long things may take.
        threshold: The probability from which on the stop logit says so.
    """

    def __init__(self, lengths: NDArray[np.int64], limits: Limits, threshold: float) -> None:
        self._lengths, self._limits = lengths, limits
        self._logit = math.log(threshold / (1.0 - threshold))
        self._caps = limits.cap(lengths)
        self._rested = np.zeros_like(lengths)
        self._insisted = np.zeros_like(lengths)
        self._steps = 0

    def over(self, positions: NDArray[np.int64], stop_logits: Floats) -> NDArray[np.bool_]:
        """Take in one step of each row, in (B,), and tell which rows end with it."""
        self._steps += 1
        says_stop = stop_logits > self._logit
        self._rested = np.where(positions >= self._lengths - 1, self._rested + 1, 0)
        self._insisted = np.where(says_stop, self._insisted + 1, 0)
        ended: NDArray[np.bool_] = says_stop & (positions >= self._lengths - LAST_SYMBOLS)
        for count in (self._rested, self._insisted):
            ended |= count >= self._limits.rest
        return ended | (self._steps >= self._caps)

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Forget the other rows."""
        self._lengths, self._caps = self._lengths[rows], self._caps[rows]
        self._rested, self._insisted = self._rested[rows], self._insisted[rows]


def find_faults(alignment: Floats, limits: Limits) -> Faults:
    """Judge a whole reading.

    Shape:
        alignment: (steps, S)
    """
    steps, num_symbols = alignment.shape
    positions = positions_of(alignment)
    furthest = np.maximum.accumulate(positions)
    unread = num_symbols - 1 - int(furthest[-1])
    back = int((furthest - positions).max())
    held = _longest_run(positions, but=num_symbols - 1)
    skipped = _in_long_runs(alignment[:, : furthest[-1] + 1].max(axis=0) < SEEN)
    return Faults(
        skipped=skipped,
        repeated=back if back >= WENT_BACK else 0,
        unread=unread if unread >= LAST_SYMBOLS else 0,
        held_steps=held if held > limits.hold else 0,
        endless_steps=steps if steps >= limits.cap(np.array(num_symbols)) else 0,
    )


def durations_of(alignment: Floats, reduction_factor: int) -> NDArray[np.int64]:
    """Return how many frames each symbol got, as if the attention had never gone back.

    Shape:
        alignment: (steps, S) -> (S,), with the sum steps * reduction_factor

    Example:
        >>> durations_of(np.eye(3)[[0, 0, 1, 0, 2]], reduction_factor=2).tolist()
        [4, 4, 2]
    """
    furthest = np.maximum.accumulate(positions_of(alignment))
    return np.bincount(furthest, minlength=alignment.shape[1]) * reduction_factor


def _longest_run(positions: NDArray[np.int64], but: int) -> int:
    """Return the most steps in a row at one position that is not `but`."""
    starts = np.flatnonzero(np.diff(positions, prepend=-1))
    lengths = np.diff(starts, append=len(positions))
    return int(lengths[positions[starts] != but].max(initial=0))


def _in_long_runs(skipped: NDArray[np.bool_]) -> int:
    """Count the symbols that are skipped together with enough of their neighbours."""
    edges = np.flatnonzero(np.diff(skipped.astype(np.int8), prepend=0, append=0))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= SKIPPED].sum())
