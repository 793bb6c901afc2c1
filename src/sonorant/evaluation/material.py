"""What is spoken: the sentences that come with the package, a user's, or the texts of prepared features."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from sonorant.audio import Audio
from sonorant.config import FeatureConfig
from sonorant.corpus.splits import Split
from sonorant.errors import CorpusError, RequestError
from sonorant.evaluation.words import spoken_words
from sonorant.features.store import Entry, FeatureStore


@dataclass(frozen=True)
class Item:
    """A sentence to judge.

    Attributes:
        sentence_id: The utterance's id, or the number of the line.
        text: What is said.
        category: What kind of sentence it is; may be empty.
        speaker: Who said it; None where nobody has.
        recording: Reads the natural recording; None where there is none.
    """

    sentence_id: str
    text: str
    category: str = ""
    speaker: str | None = None
    recording: Callable[[], Audio] | None = None


@dataclass(frozen=True)
class Material:
    """Sentences to judge.

    Attributes:
        name: What they are.
        items: The sentences, at least one.
        features: How their recordings were prepared; None where there are none.
    """

    name: str
    items: tuple[Item, ...]
    features: FeatureConfig | None = None

    def first(self, count: int | None) -> "Material":
        """Return only the first sentences; None returns all."""
        return replace(self, items=self.items[:count])


def shipped_sentences() -> Material:
    """Return the 100 sentences that were written for this project; none is from a corpus."""
    file = resources.files("sonorant") / "evaluation" / "data" / "sentences.tsv"
    items = _parse(file.read_text(encoding="utf-8"))
    return Material(f"{len(items)} shipped sentences", items)


def read_sentences(path: Path) -> Material:
    """Read one sentence a line, with a category and a tab before it or without; blank lines are passed over.

    Raises:
        RequestError: The file cannot be read, holds no sentence, or one without a word to say.
    """
    try:
        items = _parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: not UTF-8 (byte {error.start}); save the sentences as UTF-8") from None
    if not items:
        raise RequestError(f"{path}: holds no sentence; write one a line")
    wordless = [item.sentence_id for item in items if not spoken_words(item.text)]
    if wordless:
        raise RequestError(f"{path}: no word to say in line {', '.join(wordless)}; leave it out")
    return Material(path.name, items)


def _parse(content: str) -> tuple[Item, ...]:
    lines = [(number, *line.rpartition("\t")) for number, line in enumerate(content.splitlines(), start=1)]
    return tuple(Item(f"{number:03}", text.strip(), kind.strip()) for number, kind, _, text in lines if text.strip())


def recorded_sentences(features: Path, split: Split, speaker: str | None = None) -> Material:
    """Return the texts of one side of prepared features, each once however many takes there are.

    Args:
        features: Their folder.
        split: Which side.
        speaker: Only this speaker's, where the features know one of that name.

    Raises:
        CorpusError: There are no features, or no such sentence.
    """
    store = FeatureStore(features)
    wanted = {speaker} & set(store.speakers) or set(store.speakers)
    takes: dict[tuple[int, str], Entry] = {}
    for entry in store.split(split):
        if store.speakers[entry.speaker_id] in wanted:
            takes.setdefault((entry.speaker_id, entry.text), entry)
    if not takes:
        raise CorpusError(f"{features}: no sentence in {split}; choose another split, or prepare with a larger share")
    items = tuple(_recorded(store, entry) for entry in takes.values())
    return Material(f"{features.name}, {split}", items, store.config)


def _recorded(store: FeatureStore, entry: Entry) -> Item:
    def read() -> Audio:
        waveform = store.read_waveform(entry, 0, entry.num_frames)
        return Audio(waveform.astype(np.float32) / np.float32(32768), store.config.mel.sample_rate)

    return Item(entry.utterance_id, entry.text, speaker=store.speakers[entry.speaker_id], recording=read)
