"""Letter-to-sound: the pronunciation of words that no lexicon has.

Each letter makes a chunk of no, one or two phones. A bidirectional GRU of two layers reads the letters; a second GRU
names the chunks from left to right, knowing the letters' encodings and the chunk before (an encoder-decoder whose
attention is fixed to the aligned letter, after Yao and Zweig 2015). A beam keeps the likeliest few sequences.

`tools/train_letters.py` trains the weights in `data/letters.npz` on CMUdict and measures them on the 6,202 words of
`is_held_out`, none left out: 67.3 % of the words are wholly right and 8.4 % of the phones wrong with stress digits,
72.4 % and 6.5 % without them (a word counts as right if it agrees with any pronunciation of the lexicon).
"""

import zlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonorant.text.lexicon import Lexicon

LETTERS = "'abcdefghijklmnopqrstuvwxyz"
_MAX_LETTERS = 60
_HELD_OUT_SEED = b"letters-0 "

Array = NDArray[np.float32]


class _Gru(NamedTuple):
    """A GRU layer's weights in torch's order of gates: reset, update, new. Shape: (3H, I), (3H, H), (3H,), (3H,)."""

    from_input: Array
    from_state: Array
    input_bias: Array
    state_bias: Array

    def step(self, projected: Array, state: Array) -> Array:
        """Move the states on. Shape: projected (B, 3H), state (B, H) -> (B, H)."""
        size = state.shape[1]
        own = state @ self.from_state.T + self.state_bias
        gates = _sigmoid(projected[:, : 2 * size] + own[:, : 2 * size])
        new = np.tanh(projected[:, 2 * size :] + gates[:, :size] * own[:, 2 * size :])
        moved: Array = new + gates[:, size:] * (state - new)
        return moved

    def project(self, inputs: Array) -> Array:
        """Shape: (n, I) -> (n, 3H)."""
        projected: Array = inputs @ self.from_input.T + self.input_bias
        return projected

    def run(self, inputs: Array) -> Array:
        """Read a sequence from left to right. Shape: (n, I) -> (n, H)."""
        state = np.zeros((1, self.from_state.shape[1]), np.float32)
        states = []
        for projected in self.project(inputs):
            state = self.step(projected[None], state)
            states.append(state)
        return np.concatenate(states)


def _sigmoid(x: Array) -> Array:
    result: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return result


class _Beam(NamedTuple):
    """The likeliest beginnings. Shape: scores (K,), state (K, H), chunks: K rows."""

    scores: Array
    state: Array
    chunks: list[list[int]]


class LetterToSound:
    """The trained model.

    Args:
        path: Weights as `tools/train_letters.py` writes them.
        beam: How many sequences are kept.

    Example:
        >>> " ".join(LetterToSound()("zorbing"))
        'Z AO1 R B IH0 NG'
    """

    def __init__(self, path: Path | None = None, beam: int = 4) -> None:
        source: Path | Traversable = path or files("sonorant.text").joinpath("data", "letters.npz")
        with source.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            self._chunks = [tuple(str(name).split()) for name in stored["chunk_names"]]
            weights = {name: stored[name].astype(np.float32) for name in stored.files if name != "chunk_names"}
        self._letters, self._chunk_vectors = weights["letters.weight"], weights["chunks.weight"]
        self._encoder = [
            (_gru(weights, f"encoder.{{}}_l{layer}"), _gru(weights, f"encoder.{{}}_l{layer}_reverse"))
            for layer in (0, 1)
        ]
        self._decoder = _gru(weights, "decoder.{}_l0")
        self._output, self._output_bias = weights["output.weight"], weights["output.bias"]
        self._from_chunk = self._chunk_vectors @ self._decoder.from_input[:, -self._chunk_vectors.shape[1] :].T
        self._beam = beam

    def __call__(self, word: str) -> tuple[str, ...]:
        """Return the phones of a word of letters and apostrophes, in either case.

        A word of more than 60 letters is read in pieces. The result is empty only if all letters seem silent.
        """
        letters = [LETTERS.index(letter) for letter in word.lower() if letter in LETTERS]
        pieces = [letters[start : start + _MAX_LETTERS] for start in range(0, len(letters), _MAX_LETTERS)]
        return tuple(phone for piece in pieces for chunk in self._search(piece) for phone in self._chunks[chunk])

    def _encode(self, letters: Sequence[int]) -> Array:
        """Shape: n letters -> (n, 2H)."""
        encoded: Array = self._letters[list(letters)]
        for forward, backward in self._encoder:
            encoded = np.concatenate([forward.run(encoded), backward.run(encoded[::-1])[::-1]], axis=1)
        return encoded

    def _search(self, letters: Sequence[int]) -> list[int]:
        """Return the likeliest chunk of each letter; of the beam, the best with one primary stress comes first."""
        encoded = self._encode(letters)
        size, width = self._decoder.from_state.shape[1], encoded.shape[1]
        projected = encoded @ self._decoder.from_input[:, :width].T + self._decoder.input_bias
        named = encoded @ self._output[:, size:].T + self._output_bias
        beam = _Beam(np.zeros(1, np.float32), np.zeros((1, size), np.float32), [[len(self._chunks)]])
        for row, logits in zip(projected, named, strict=True):
            beam = self._extend(beam, row, logits)
        order = [beam.chunks[index][1:] for index in np.argsort(-beam.scores)]
        return next((chunks for chunks in order if self._num_primary(chunks) == 1), order[0])

    def _extend(self, beam: _Beam, projected: Array, named: Array) -> _Beam:
        """Name one more letter's chunk.

        Shape:
            projected (3H,), named (chunks,): what the letter's encoding adds to the decoder's input and to the logits
        """
        before = self._from_chunk[[chunks[-1] for chunks in beam.chunks]]
        state = self._decoder.step(before + projected, beam.state)
        logits = state @ self._output[:, : state.shape[1]].T + named
        logits -= logits.max(axis=1, keepdims=True)
        scores = beam.scores[:, None] + logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        best = np.argsort(-scores, axis=None)[: self._beam]
        parents, chunks = np.unravel_index(best, scores.shape)
        grown = [[*beam.chunks[parent], int(chunk)] for parent, chunk in zip(parents, chunks, strict=True)]
        return _Beam(scores[parents, chunks], state[parents], grown)

    def _num_primary(self, chunks: Iterable[int]) -> int:
        return sum(phone.endswith("1") for chunk in chunks for phone in self._chunks[chunk])


def _gru(weights: dict[str, Array], name: str) -> _Gru:
    return _Gru(*(weights[name.format(part)] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))


@cache
def letter_to_sound() -> LetterToSound:
    """Return the shipped model, loaded once."""
    return LetterToSound()


@lru_cache(maxsize=10_000)
def guess(word: str) -> tuple[str, ...]:
    """Return what the shipped model says; it remembers the latest words."""
    return letter_to_sound()(word)


def is_held_out(word: str) -> bool:
    """Whether the word belongs to the 5 % that the model was not trained on: a fixed function of its spelling."""
    return zlib.crc32(_HELD_OUT_SEED + word.encode()) % 20 == 0


class Score(NamedTuple):
    """Shares of words wholly right and of phones wrong, with stress digits and without them."""

    words: int
    word_accuracy: float
    phone_error_rate: float
    word_accuracy_unstressed: float
    phone_error_rate_unstressed: float


def score(model: LetterToSound, lexicon: Lexicon, words: Sequence[str]) -> Score:
    """Compare the model with the lexicon, each word with the nearest of its pronunciations.

    The phone error rate is the sum of insertions, deletions and substitutions over the number of phones in the lexicon.
    """
    errors, lengths, right = [0, 0], [0, 0], [0, 0]
    for word in words:
        guess, truths = model(word), lexicon.lookup(word)
        for kind, strip in enumerate(("", "012")):
            said = [phone.rstrip(strip) for phone in guess]
            distance, length = min(
                (_distance(said, [phone.rstrip(strip) for phone in truth]), len(truth)) for truth in truths
            )
            errors[kind] += distance
            lengths[kind] += length
            right[kind] += distance == 0
    accuracy = [count / len(words) for count in right]
    rate = [wrong / total for wrong, total in zip(errors, lengths, strict=True)]
    return Score(len(words), accuracy[0], rate[0], accuracy[1], rate[1])


def _distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Levenshtein's distance."""
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
