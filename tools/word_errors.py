"""How well a voice is understood: a recogniser's word errors on a split, beside those on the recordings.

The recogniser is pocketsphinx with its bundled US English model. It mishears natural speech often, so only the ratio of
the two figures means something.

    python tools/word_errors.py VOICE FEATURES --split test
"""

import argparse
from pathlib import Path

import jiwer
import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from sonorant.audio import resample
from sonorant.features.store import FeatureStore
from sonorant.synthesis import Synthesizer
from sonorant.text import normalize

RECOGNISER_RATE = 16000


def hear(decoder: Decoder, samples: NDArray[np.float32], sample_rate: int) -> str:
    """Return the words that the recogniser hears."""
    sound = np.clip(resample(samples, sample_rate, RECOGNISER_RATE), -1, 1)
    decoder.start_utt()
    decoder.process_raw((sound * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def words(text: str) -> str:
    """Return the spoken words of a text, in lower case, without marks."""
    return " ".join("".join(c if c.isalpha() or c in "' " else " " for c in normalize(text).spoken.lower()).split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("features", type=Path)
    parser.add_argument("--split", default="test", choices=["train", "validation", "test"])
    parser.add_argument("--limit", type=int, default=40, help="sentences, each once however many takes there are")
    arguments = parser.parse_args()
    store = FeatureStore(arguments.features)
    entries = list({entry.text: entry for entry in store.split(arguments.split)}.values())[: arguments.limit]
    synthesizer = Synthesizer.load(arguments.voice, threads=1)
    decoder = Decoder(samprate=RECOGNISER_RATE, loglevel="FATAL")
    expected, spoken, recorded = [], [], []
    for entry in entries:
        speech = synthesizer.speak(entry.text)
        recording = store.read(entry).waveform.astype(np.float32) / 32768
        expected.append(words(entry.text))
        spoken.append(hear(decoder, speech.samples, speech.sample_rate))
        recorded.append(hear(decoder, recording, store.config.mel.sample_rate))
        print(f"{entry.utterance_id}\n  expected  {expected[-1]}\n  voice     {spoken[-1]}\n  recording {recorded[-1]}")
    voice, natural = jiwer.wer(expected, spoken), jiwer.wer(expected, recorded)
    print(f"{len(entries)} sentences: voice {voice:.1%}, recordings {natural:.1%}, ratio {voice / natural:.2f}")


if __name__ == "__main__":
    main()
