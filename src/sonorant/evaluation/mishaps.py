"""Whether speech ran away, was cut off or lost words: told from its sound and the times of its words alone.

No recogniser listens, so nothing is misheard, and a wrong sound in its place is not noticed. The bounds are for a voice
at its normal speed. They come from the 1,564 utterances of the built-in voice's corpus, a careful reader of short
sentences; words and pauses from every fourth of these, cut by the aligner of the voice. A bound of time is `MARGIN`
beyond the furthest that was found there, so that another speaker has room, and what runs away still goes far beyond.
Of 157 of these recordings (every tenth) none has a mishap.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from sonorant.corpus.clip import clipped_samples
from sonorant.synthesis import Speech, SpokenWord
from sonorant.synthesis.pieces import read_pieces
from sonorant.text import Frontend

MARGIN = 1.5

FASTEST_S_PER_SOUND = 0.066 / MARGIN
"""A sentence from its first to its last sound, pauses within it included; of the corpus, 0.1 % are below 0.069."""

SLOWEST_S, SLOWEST_S_PER_SOUND = 1.2 * MARGIN, 0.1 * MARGIN
"""The longest sentence of n sounds: 1.2 + 0.1 n in the corpus, where 0.1 % of all are above 0.26 per sound.

A constant beside the rate, because few sounds are said slowly: 0.28 s each of 6, but 0.12 each of 55.
"""

LONGEST_WORD_S, LONGEST_WORD_S_PER_SOUND = 0.5 * MARGIN, 0.08 * MARGIN
"""The longest word of n sounds: 0.5 + 0.08 n, but for one of 2 sounds in 0.88 s, which is within the margin."""

LONGEST_PAUSE_S = 0.89 * MARGIN
"""Between two words, what is put between two sentences aside."""

LONGEST_CLOSING_S = 0.5
"""Behind the last word: a corpus is trimmed to 0.05 s, and a word's end may be told too early by a few frames."""

SILENT_DB = -33.0
"""A word whose loudest 10 ms lie so far below the speech's level is not heard.

The quietest of 1,416 words, to which the aligner gave one frame, had -32.6. A corpus with a louder background (the
median of this one: -36) would hide lost words.
"""

FADED_DB, FADED_WORDS = -15.0, 4
"""So many words in a row, none of which reaches this level; of the 1,416 words, under 1 % stay below -12 dB."""

SILENT_DBFS = -60.0
"""Speech is nowhere as quiet as this; here for speech that is silent throughout, beside which no word stands out."""

CUT_OFF_DB = -9.0
"""Sound whose last 20 ms are as loud as this beside the speech's level has been cut off; of the corpus, none is."""

_BLOCK_S, _BLOCKS_AT_END = 0.01, 2
_LOUD_QUANTILE = 0.95


@dataclass(frozen=True)
class Sentence:
    """What is to be spoken in one go.

    Attributes:
        num_sounds: How many symbols each word has, marks aside: phones, or letters for a voice that reads these.
        pause_s: The silence that is put behind it.
    """

    num_sounds: tuple[int, ...]
    pause_s: float = 0.0


@dataclass(frozen=True)
class Mishap:
    """Something that went wrong: which of `CHECKS` says so, and where and how far."""

    check: str
    detail: str


def expected_sentences(frontend: Frontend, text: str) -> tuple[Sentence, ...]:
    """Read a text as a synthesizer does; what cannot be spoken is left out, of which the speech warns.

    Example:
        >>> expected_sentences(Frontend(), "One. Two cats!")
        (Sentence(num_sounds=(3,), pause_s=0.3), Sentence(num_sounds=(2, 4), pause_s=0.0))
    """
    return tuple(
        Sentence(tuple(word.end - word.start for word in read.utterance.words), read.piece.pause_s)
        for read in read_pieces(frontend, text)
        if read.utterance
    )


def find_mishaps(speech: Speech, sentences: Sequence[Sentence]) -> tuple[Mishap, ...]:
    """Look for everything that `CHECKS` lists.

    Raises:
        ValueError: The speech has another number of words than the sentences, or none at all.
    """
    num_expected = sum(len(sentence.num_sounds) for sentence in sentences)
    if not speech.words or num_expected != len(speech.words):
        raise ValueError(f"speech of {len(speech.words)} words, where the sentences have {num_expected}")
    heard = _Heard(speech, sentences)
    return tuple(Mishap(check, detail) for check, find in CHECKS.items() for detail in find(heard))


class _Heard:
    """Speech beside the sentences that it should say, and its levels."""

    def __init__(self, speech: Speech, sentences: Sequence[Sentence]) -> None:
        self.speech, self.words, self.sentences = speech, speech.words, sentences
        self.num_sounds = [count for sentence in sentences for count in sentence.num_sounds]
        self._length = round(_BLOCK_S * speech.sample_rate)
        finite = np.nan_to_num(speech.samples, posinf=0.0, neginf=0.0)
        whole = finite[: len(finite) // self._length * self._length].astype(np.float64)
        power = np.square(whole).reshape(-1, self._length).mean(axis=1)
        self._levels_db: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))

    def by_sentence(self) -> Iterator[tuple[Sentence, Sequence[SpokenWord]]]:
        """Yield each sentence with its words."""
        ends = accumulate(len(sentence.num_sounds) for sentence in self.sentences)
        for sentence, end in zip(self.sentences, ends, strict=True):
            yield sentence, self.words[end - len(sentence.num_sounds) : end]

    def levels_db(self, word: SpokenWord) -> NDArray[np.float64]:
        """Return the level of each block that a word reaches into; none where it has no time or no sound."""
        if word.end_s <= word.start_s:
            return self._levels_db[:0]
        blocks_per_s = self.speech.sample_rate / self._length  # not quite 1 / _BLOCK_S
        return self._levels_db[int(word.start_s * blocks_per_s) : int(np.ceil(word.end_s * blocks_per_s))]

    @cached_property
    def loud_db(self) -> float:
        """The level that the words exceed for a twentieth of their time."""
        levels = np.concatenate([self.levels_db(word) for word in self.words])
        return float(np.quantile(levels, _LOUD_QUANTILE)) if levels.size else -np.inf

    @property
    def end_db(self) -> float:
        """The level of the last blocks."""
        return float(self._levels_db[-_BLOCKS_AT_END:].mean()) if self._levels_db.size else -np.inf


def _warned(heard: _Heard) -> Iterator[str]:
    """The voice itself says that something went wrong, as a Tacotron 2 does of its attention."""
    yield from heard.speech.warnings


def _not_finite(heard: _Heard) -> Iterator[str]:
    """A network overflowed; players make noise or nothing of it."""
    count = np.count_nonzero(~np.isfinite(heard.speech.samples))
    if count:
        yield f"{count} samples"


def _clipped(heard: _Heard) -> Iterator[str]:
    """Flat tops; a voice that screams goes far beyond its corpus, whose peaks are below 0.95."""
    count = clipped_samples(heard.speech.samples)
    if count:
        yield f"{count} samples"


def _skipped(heard: _Heard) -> Iterator[str]:
    """A word without a frame cannot be heard, whatever the sound."""
    yield from (f"{word.text!r}" for word in heard.words if word.end_s <= word.start_s)


def _stretched(heard: _Heard) -> Iterator[str]:
    """An attention or a duration that hangs makes one word long; a loop of sounds is told as one of them."""
    for word, count in zip(heard.words, heard.num_sounds, strict=True):
        duration_s, longest_s = word.end_s - word.start_s, LONGEST_WORD_S + count * LONGEST_WORD_S_PER_SOUND
        if duration_s > longest_s:
            yield f"{word.text!r} of {count} sounds takes {duration_s:.2f} s, at most {longest_s:.2f}"


def _silent(heard: _Heard) -> Iterator[str]:
    """Words whose time passes in silence are lost; when they are the last ones, the speech was cut off."""
    audible_db = max(heard.loud_db + SILENT_DB, SILENT_DBFS)
    for word in heard.words:
        loudest_db = heard.levels_db(word).max(initial=-np.inf)
        if word.end_s > word.start_s and loudest_db < audible_db:
            yield f"{word.text!r} at {word.start_s:.2f} s reaches {loudest_db:.0f} dB, heard from {audible_db:.0f}"


def _faded(heard: _Heard) -> Iterator[str]:
    """A voice that is led beyond the lengths it has learned may lose its strength, word by word."""
    faded = [heard.levels_db(word).max(initial=-np.inf) < heard.loud_db + FADED_DB for word in heard.words]
    for is_faded, run in groupby(zip(faded, heard.words, strict=True), key=itemgetter(0)):
        words = [word for _, word in run]
        if is_faded and len(words) >= FADED_WORDS:
            yield f"{len(words)} words from {words[0].text!r} at {words[0].start_s:.2f} s on"


def _pace(heard: _Heard) -> Iterator[str]:
    """Words may each be possible and together not: rushed through, or all drawn out."""
    for sentence, words in heard.by_sentence():
        duration_s, count = words[-1].end_s - words[0].start_s, sum(sentence.num_sounds)
        shortest_s, longest_s = count * FASTEST_S_PER_SOUND, SLOWEST_S + count * SLOWEST_S_PER_SOUND
        if not shortest_s <= duration_s <= longest_s:
            begin = f"{words[0].text!r} and what follows"
            yield f"{begin}: {count} sounds take {duration_s:.2f} s, allowed {shortest_s:.2f} to {longest_s:.2f}"


def _paused(heard: _Heard) -> Iterator[str]:
    """Where no word is said for long, the voice is lost between two of them."""
    before = SpokenWord("the beginning", 0.0, 0.0)
    pause_s = 0.0
    for sentence, words in heard.by_sentence():
        for number, (left, right) in enumerate(pairwise([before, *words])):
            longest_s = LONGEST_PAUSE_S + (pause_s if number == 0 else 0.0)
            if right.start_s - left.end_s > longest_s:
                yield f"{right.start_s - left.end_s:.2f} s behind {left.text!r}, at most {longest_s:.2f}"
        before, pause_s = words[-1], sentence.pause_s


def _goes_on(heard: _Heard) -> Iterator[str]:
    """What sounds behind the last word belongs to none: the voice did not find its end."""
    closing_s = heard.speech.duration_s - heard.words[-1].end_s
    if closing_s > LONGEST_CLOSING_S:
        yield f"{closing_s:.2f} s behind {heard.words[-1].text!r}, at most {LONGEST_CLOSING_S}"


def _cut_off(heard: _Heard) -> Iterator[str]:
    """Speech dies away; a sound that stops while it is loud, or before its last word ends, has been cut."""
    missing_s = heard.words[-1].end_s - heard.speech.duration_s
    if missing_s > _BLOCK_S:
        yield f"{missing_s:.2f} s of {heard.words[-1].text!r} are missing"
    elif heard.end_db > max(heard.loud_db + CUT_OFF_DB, SILENT_DBFS):
        yield f"ends at {heard.end_db:.0f} dB, the speech is at {heard.loud_db:.0f}"


CHECKS: Mapping[str, Callable[[_Heard], Iterator[str]]] = {
    "warned": _warned,
    "not finite": _not_finite,
    "clipped": _clipped,
    "skipped word": _skipped,
    "stretched word": _stretched,
    "silent word": _silent,
    "faded": _faded,
    "pace": _pace,
    "pause": _paused,
    "goes on": _goes_on,
    "cut off": _cut_off,
}
"""What can go wrong -> what yields each case of it; the reasons are theirs to tell."""
