"""The sentences that ship, a user's, and those of prepared features."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.speechlike import write_corpus

from sonorant.config import FeatureConfig
from sonorant.errors import CorpusError, RequestError
from sonorant.evaluation.material import read_sentences, recorded_sentences, shipped_sentences
from sonorant.evaluation.words import spoken_words
from sonorant.text import Frontend


def test_a_hundred_different_sentences_of_every_kind_ship() -> None:
    items = shipped_sentences().items
    assert len({item.text for item in items}) == len(items) == 100
    kinds = Counter(item.category for item in items)
    assert set(kinds) == {"number", "name", "question", "list", "word", "long", "phonetic", "everyday"}
    assert min(kinds.values()) >= 10


def test_the_shipped_sentences_hold_every_sound_of_english() -> None:
    frontend = Frontend()
    spoken = {
        phone.rstrip("012")
        for item in shipped_sentences().items
        for word in frontend.utterance(item.text).words
        for phone in word.phones
    }
    assert len(spoken) == 39


def test_long_and_one_word_sentences_are_what_they_are_called() -> None:
    for item in shipped_sentences().items:
        num_words = len(spoken_words(item.text).split())
        assert item.category != "word" or num_words == 1, item.text
        assert item.category != "long" or num_words >= 30, item.text


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def test_no_shipped_sentence_is_from_a_corpus(shared: Path) -> None:
    recorded = {path.read_text(encoding="utf-8") for path in (shared / "data" / "kathleen").rglob("*.txt")}
    with (shared / "data" / "lj_transcripts_ch01-25.csv").open(encoding="utf-8", newline="") as file:
        recorded |= {cell for row in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE) for cell in row[1:]}
    known = {letters(text) for text in recorded}
    assert len(known) > 5000
    assert not known & {letters(item.text) for item in shipped_sentences().items}


def test_a_users_file_has_categories_or_not(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("greeting\tGood morning.\n\nJust a line.\n", encoding="utf-8-sig")
    items = read_sentences(file).items
    assert [(item.sentence_id, item.category, item.text) for item in items] == [
        ("001", "greeting", "Good morning."),
        ("003", "", "Just a line."),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"\n \n", "holds no sentence"), (b"Fine.\n...\n", "line 002"), (b"\xff\xfe", "UTF-8")],
)
def test_a_file_without_sentences_is_refused(content: bytes | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RequestError, match=f"texts.txt: .*{message}"):
        read_sentences(file)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips, of which two pairs are takes of one sentence, all of them for the test."""
    from sonorant.features.prepare import prepare

    home = tmp_path_factory.mktemp("material")
    corpus = write_corpus(home / "corpus", 6)
    for take, original in ((3, 0), (4, 1)):
        (corpus / f"clip{take:03}.txt").write_text((corpus / f"clip{original:03}.txt").read_text())
    prepare(corpus, home / "features", FeatureConfig(validation_share=0.0, test_share=0.99))
    return home / "features"


def test_a_sentence_is_judged_once_however_many_takes_there_are(features: Path) -> None:
    material = recorded_sentences(features, "test")
    texts = [item.text for item in material.items]
    assert len(texts) == len(set(texts)) and len(texts) >= 3
    assert material.first(2).items == material.items[:2] and material.first(None) == material


def test_a_recording_is_read_as_it_was_prepared(features: Path) -> None:
    recording = recorded_sentences(features, "test").items[0].recording()
    assert recording.sample_rate == 22050 and recording.samples.dtype == np.float32
    assert 0.01 < np.abs(recording.samples).max() <= 1


def test_a_side_without_sentences_is_refused(features: Path) -> None:
    with pytest.raises(CorpusError, match="no sentence in validation"):
        recorded_sentences(features, "validation")
