"""A speech recogniser that hears every utterance as if it were the first: pocketsphinx, US English."""

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import resample
from sonorant.audio.sound import pcm16

RATE = 16000


class Recogniser:
    """pocketsphinx (BSD) with the acoustic model, the dictionary and the language model that come with it.

    By itself it estimates the channel from all that it has heard before, so that a figure would depend on the order of
    the sentences: of 31 recordings three were heard differently backwards. Here the front end begins anew with each
    utterance.
    """

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def hear(self, samples: NDArray[np.float32], sample_rate: int) -> str:
        """Return the words that are heard, in lower case; nothing where there are none.

        Shape:
            samples: (N,) in [-1, 1]
        """
        sound = pcm16(resample(samples, sample_rate, RATE))
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(sound.astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return str(best.hypstr) if best else ""
