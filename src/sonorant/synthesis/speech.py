"""What speaking gives: sound, its words with their times, and warnings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import Audio
from sonorant.config import MelConfig
from sonorant.text.frontend import Utterance


class Failed(str):
    """A warning that a sentence is not what was asked for: cut short, or words left out or said twice."""

    __slots__ = ()


@dataclass(frozen=True)
class SpokenWord:
    """A word as the front end spoke it, and when."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Speech(Audio):
    """Sound with its words.

    Attributes:
        words: In the order in which they are spoken.
        warnings: What was dropped, changed or went wrong without stopping the speech; see `failed`.
    """

    words: tuple[SpokenWord, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a sentence is not what was asked for."""
        return any(isinstance(warning, Failed) for warning in self.warnings)


def spoken_words(
    utterance: Utterance, durations: NDArray[np.int64], vocoder_mel: MelConfig, position: int
) -> tuple[SpokenWord, ...]:
    """Tell when the words of an utterance sound that begins `position` samples into the speech.

    Frame k sounds from sample k * hop_length on. A vocoder of padding "centered" reads it as centred on that sample, so
    there it begins half a hop earlier; how the acoustic model's mel was padded makes no difference.

    Shape:
        durations: (S,)
    """
    early = 0.5 if vocoder_mel.padding == "centered" else 0.0
    frames = np.concatenate([[0], np.cumsum(durations)]) - early
    seconds = (position + np.maximum(frames, 0.0) * vocoder_mel.hop_length) / vocoder_mel.sample_rate
    return tuple(
        SpokenWord(word.text, float(seconds[word.start]), float(seconds[word.end])) for word in utterance.words
    )
