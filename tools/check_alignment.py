"""Compare the durations of FastPitch's aligner with a forced aligner's, in recordings that both have aligned.

    python tools/check_alignment.py runs/acoustic features/ljspeech LJSpeech-1.1 textgrids.zip

The zip holds a Praat TextGrid per recording, named by its id, with the tiers "words" and "phones". Compared are the
starts and ends of words, where both sides have the same words, and the starts of phones inside words, where both have
the same phones but for stress. The floor is what symbols of even length would give.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from sonorant.audio import read_audio
from sonorant.audio.level import trim_silence
from sonorant.config import FeatureConfig
from sonorant.corpus.readers import read_corpus
from sonorant.features.batch import acoustic_batch
from sonorant.features.store import Entry, FeatureStore
from sonorant.models.fastpitch import FastPitch
from sonorant.text.frontend import Frontend, Word
from sonorant.training.checkpoint import load_trained

KINDS = ("starts of words", "ends of words", "starts of phones inside words")
WITHIN_MS = (25, 50, 100)
_INTERVAL = re.compile(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "([^"]*)"')
_SILENCES = ("", "sp", "sil")


class Interval(NamedTuple):
    """A word or a phone, in seconds from the start of the recording."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class TextGrid:
    """What the forced aligner says of a recording, silences left out."""

    words: Sequence[Interval]
    phones: Sequence[Interval]

    def of(self, word: Interval) -> list[Interval]:
        """Return the phones of a word."""
        return [phone for phone in self.phones if word.start_s <= phone.start_s < word.end_s]


class Boundary(NamedTuple):
    """One boundary, in seconds, by the forced aligner, by ours, and of even symbols."""

    kind: str
    forced_s: float
    ours_s: float
    even_s: float


def read_textgrid(text: str) -> TextGrid:
    """Read the two tiers of a TextGrid in Praat's long form, words first."""
    tiers = [_INTERVAL.findall(tier) for tier in text.split('name = "phones"')]
    words, phones = (
        [Interval(float(start), float(end), name) for start, end, name in tier if name not in _SILENCES]
        for tier in tiers
    )
    return TextGrid(words, phones)


def aligned_durations(network: FastPitch, store: FeatureStore, entry: Entry) -> NDArray[np.float64]:
    """Return the frames of each symbol by the model's own aligner, (S,)."""
    batch = acoustic_batch(store, [entry])
    with torch.no_grad():
        output = network(
            batch.symbols, batch.symbol_lengths, batch.mel, batch.mel_lengths,
            batch.pitch, batch.voiced, batch.energy, batch.speaker_ids,
        )  # fmt: skip
    durations: NDArray[np.float64] = output.durations[0].double().numpy()
    return durations


def symbol_starts(durations: NDArray[np.float64], recording: Path, config: FeatureConfig) -> NDArray[np.float64]:
    """Return when each symbol starts in the recording as it was before trimming, and when the last ends, (S + 1,)."""
    start = 0
    if config.trim_db is not None:
        samples = read_audio(recording, config.mel.sample_rate).samples
        start, _ = trim_silence(samples, config.mel.sample_rate, config.trim_db, config.trim_margin_ms)
    return (np.append(0, durations.cumsum()) * config.mel.hop_length + start) / config.mel.sample_rate


def boundaries(
    words: Sequence[Word], ours_s: NDArray[np.float64], even_s: NDArray[np.float64], grid: TextGrid
) -> Iterator[Boundary]:
    """Pair the boundaries of an utterance; nothing where the words differ."""
    if [word.text.casefold() for word in words] != [word.text.casefold() for word in grid.words]:
        return
    for word, forced in zip(words, grid.words, strict=True):
        yield Boundary(KINDS[0], forced.start_s, ours_s[word.start], even_s[word.start])
        yield Boundary(KINDS[1], forced.end_s, ours_s[word.end], even_s[word.end])
        phones = grid.of(forced)
        if [phone.text.rstrip("012") for phone in phones] == [phone.rstrip("012") for phone in word.phones]:
            for place, phone in enumerate(phones[1:], word.start + 1):
                yield Boundary(KINDS[2], phone.start_s, ours_s[place], even_s[place])


def rows(found: Sequence[Boundary]) -> Iterator[str]:
    """Give a Markdown table: the distance to the forced aligner's boundaries."""
    yield "| | number | mean, ms | median, ms | " + " | ".join(f"within {limit} ms" for limit in WITHIN_MS) + " |"
    yield "|---|" + "---:|" * (3 + len(WITHIN_MS))
    for kind in KINDS:
        of_kind = [one for one in found if one.kind == kind]
        for name, side in ((kind, "ours_s"), (f"{kind}, even", "even_s")):
            ms = 1000 * np.abs([getattr(one, side) - one.forced_s for one in of_kind])
            shares = " | ".join(f"{(ms <= limit).mean():.1%}" for limit in WITHIN_MS)
            yield f"| {name} | {len(ms)} | {ms.mean():.0f} | {np.median(ms):.0f} | {shares} |"


def compare(network: FastPitch, store: FeatureStore, corpus: Path, textgrids: Path) -> dict[str, list[Boundary]]:
    """Align the recordings of features of `corpus` that have a TextGrid: their ids, each with its boundaries."""
    frontend = Frontend(store.config.frontend)
    recordings = {record.utterance_id: record.audio for record in read_corpus(corpus).records}
    found = {}
    with ZipFile(textgrids) as grids:
        names = set(grids.namelist())
        for entry in store.entries:
            name = f"{entry.utterance_id}.TextGrid"
            if name in names:
                durations = aligned_durations(network, store, entry)
                even = np.full(len(durations), durations.mean())
                recording = recordings[entry.utterance_id]
                ours_s, even_s = (symbol_starts(each, recording, store.config) for each in (durations, even))
                words = frontend.utterance(entry.text).words
                grid = read_textgrid(grids.read(name).decode())
                found[entry.utterance_id] = list(boundaries(words, ours_s, even_s, grid))
    return found


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("acoustic", "features", "corpus", "textgrids"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_trained(arguments.acoustic).network()
    assert isinstance(network, FastPitch), "only FastPitch has an aligner that gives durations"
    found = compare(network, FeatureStore(arguments.features), arguments.corpus, arguments.textgrids)
    print(f"{len(found)} recordings, {sum(map(bool, found.values()))} with the same words on both sides\n")
    print(*rows([one for of_recording in found.values() for one in of_recording]), sep="\n")


if __name__ == "__main__":
    main()
