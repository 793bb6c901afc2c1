"""Which clips train, which validate and which test: a seeded split that keeps all takes of a sentence together."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from sonorant.config import FeatureConfig
from sonorant.corpus.records import Record

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def sentence_words(text: str) -> str:
    """Return the words of a text in lower case, without marks: equal for two takes of one sentence.

    Example:
        >>> sentence_words("Well,  don’t STOP!") == sentence_words("well don't stop.")
        True
    """
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("’", "'")))


def split_of(records: Iterable[Record], config: FeatureConfig) -> dict[str, Split]:
    """Give every record a side by a hash of the seed and its sentence.

    A sentence's side depends on nothing else, so adding or removing clips never moves others. The shares are met on
    average over sentences, not exactly.
    """
    return {record.utterance_id: _side(record.text, config) for record in records}


def _side(text: str, config: FeatureConfig) -> Split:
    digest = hashlib.sha256(f"{config.split_seed}\n{sentence_words(text)}".encode()).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    if draw < config.validation_share:
        return "validation"
    return "test" if draw < config.validation_share + config.test_share else "train"
