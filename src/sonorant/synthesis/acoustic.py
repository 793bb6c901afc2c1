"""From symbols to a mel, whatever the kind of acoustic model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sonorant.synthesis.runtime import Floats, Runtime
from sonorant.synthesis.style import Style
from sonorant.voice.manifest import AcousticPart, FastPitchPart


@dataclass(frozen=True, eq=False)
class SpokenMel:
    """What an acoustic model makes of one utterance.

    Attributes:
        mel: (n_mels, T), at least one frame.
        durations: (S,), frames per symbol; they sum to T.
        warnings: What went wrong; one that is a `Failed` means that the mel is not what was asked for.
    """

    mel: Floats
    durations: NDArray[np.int64]
    warnings: tuple[str, ...] = ()


class AcousticModel(Protocol):
    """Speaks symbols as mels."""

    def speak(self, batch: Sequence[NDArray[np.int64]], style: Style) -> list[SpokenMel]:
        """Speak utterances at once; each comes out as it would alone, in the order in which they were given.

        Shape:
            batch: (S,) each
        """
        ...


def make_acoustic(runtime: Runtime, part: AcousticPart) -> AcousticModel:
    """Return what drives the graphs of a voice's acoustic model."""
    if isinstance(part, FastPitchPart):
        from sonorant.synthesis.fastpitch import FastPitchModel

        return FastPitchModel(runtime, part.config, part.mel)
    from sonorant.synthesis.tacotron2 import Tacotron2Model

    return Tacotron2Model(runtime, part.config, part.mel.n_mels)


def pad_symbols(batch: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return symbols padded with 0, and how many each row has.

    Shape:
        -> (B, S), (B,)

    Example:
        >>> symbols, lengths = pad_symbols([np.array([3, 1, 4]), np.array([5])])
        >>> symbols.tolist(), lengths.tolist()
        ([[3, 1, 4], [5, 0, 0]], [3, 1])
    """
    lengths = np.array([len(ids) for ids in batch], dtype=np.int64)
    symbols = np.zeros((len(batch), lengths.max()), dtype=np.int64)
    for row, ids in enumerate(batch):
        symbols[row, : len(ids)] = ids
    return symbols, lengths
