"""A corpus to a folder of features: parallel, resumable, and no clip stops the others.

What an utterance's features depend on is hashed into its key, and the key is in its file's name. A file that is there
is therefore done; killing `prepare` loses at most the clips in work.
"""

import hashlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonorant.audio.files import read_audio
from sonorant.audio.level import loudness_lufs
from sonorant.config import FeatureConfig
from sonorant.corpus.parallel import Progress, map_clips
from sonorant.corpus.readers import read_corpus
from sonorant.corpus.records import Corpus, Problem, Record
from sonorant.corpus.splits import SPLITS, Split, split_of
from sonorant.errors import CorpusError, TextError, UserError
from sonorant.features.extract import EXTRACTION_VERSION, UnusableClip, extract
from sonorant.features.store import REPORT, UTTERANCES, Entry, FeatureIndex, PitchStatistics
from sonorant.features.writing import (
    existing_features,
    file_of,
    finish_store,
    write_features,
    write_json,
)
from sonorant.files import remove_partial
from sonorant.text.frontend import Frontend

QUIET_LUFS = -27.0
"""Loudness "auto" levels a corpus whose median clip is quieter than this."""

LOUDNESS_SAMPLE = 64
"""How many clips that median is taken over."""

_IRRELEVANT: dict[str, bool | set[str]] = {
    "validation_share": True,
    "test_share": True,
    "split_seed": True,
    "loudness": True,  # what was decided is in the key, not how
    "frontend": {"lexicon"},  # it acts through the symbols
}
"""Settings that may change without a feature changing."""


@dataclass(frozen=True)
class PrepareReport:
    """What `prepare` did.

    Attributes:
        prepared: Utterances whose features were computed now.
        reused: Utterances whose features were there.
        problems: Every clip left out, and why; and every clip of whose text something could not be spoken.
        splits: Utterances on each side.
        duration_s: Length of what was kept, silence trimmed.
        loudness_applied: Whether recordings were levelled.
    """

    prepared: int
    reused: int
    problems: tuple[Problem, ...]
    splits: dict[Split, int]
    duration_s: float
    loudness_applied: bool

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {**self.__dict__, "problems": [problem.to_json() for problem in self.problems]}


@dataclass(frozen=True)
class _Done:
    """What a worker says of one record: a file, or a problem."""

    record: Record
    key: str = ""
    file: str = ""
    num_symbols: int = 0
    num_frames: int = 0
    pitch_sums: tuple[float, float, float] = (0.0, 0.0, 0.0)  # count, sum, sum of squares of voiced frames
    reused: bool = False
    problem: Problem | None = None
    dropped: tuple[str, ...] = ()  # what the front end could not say and left out


def prepare(
    corpus: Path, out: Path, config: FeatureConfig, workers: int = 1, progress: Progress | None = None
) -> PrepareReport:
    """Make the features of a corpus, or bring a folder of features up to date.

    Args:
        corpus: A corpus of any layout that `read_corpus` knows.
        out: The folder of features; made if it is not there.
        config: What to compute.
        workers: Processes; 1 does everything in this one.
        progress: Called with clips done and clips in all.

    Raises:
        CorpusError: The corpus cannot be read, holds nothing that can be used, or `out` cannot be written.
        ConfigError: The settings of the front end are wrong.
    """
    found = read_corpus(corpus)
    _check_usable(found, [])
    Frontend(config.frontend)  # its settings are checked here once, not clip by clip
    out = Path(out)
    try:
        (out / UTTERANCES).mkdir(parents=True, exist_ok=True)
        remove_partial(out)
        median = _median_loudness(found.records) if config.loudness == "auto" else None
        applied = config.loudness == "on" or (median is not None and median < QUIET_LUFS)
        work = _Work(out, config, applied)
        results = list(map_clips(work, found.records, workers, progress))
        return _finish(found, out, config, results, applied, median)
    except OSError as error:
        raise CorpusError(f"{error.filename or out}: cannot be written: {error.strerror or error}") from None


class _Work:
    """Makes the file of one record; picklable, each process builds its own front end on first use.

    The symbols are part of the key, so a change of the front end or of its lexicon redoes the clips it changes and no
    others.
    """

    def __init__(self, out: Path, config: FeatureConfig, apply_loudness: bool) -> None:
        self._out, self._config, self._apply_loudness = out, config, apply_loudness
        relevant = config.model_dump(mode="json", exclude=_IRRELEVANT)
        self._settings = json.dumps([EXTRACTION_VERSION, apply_loudness, relevant], sort_keys=True)
        self._frontend: Frontend | None = None

    def __call__(self, record: Record) -> _Done:
        try:
            return self._make(record)
        except UserError as error:
            return _Done(record, problem=_problem(record, error))

    def _make(self, record: Record) -> _Done:
        self._frontend = self._frontend or Frontend(self._config.frontend)
        utterance = self._frontend.utterance(record.text)
        ids = utterance.ids
        key = self._key(record, ids)
        file = file_of(record.utterance_id, key)
        found = existing_features(self._out / file)
        features = found or extract(record, ids, self._config, self._apply_loudness)
        if not found:
            write_features(self._out / file, features)
        voiced = features.pitch_hz[features.pitch_hz > 0].astype(np.float64)
        sums = (float(len(voiced)), float(voiced.sum()), float((voiced**2).sum()))
        size = len(ids), features.mel.shape[1]
        return _Done(record, key, file, *size, sums, reused=found is not None, dropped=utterance.reports)

    def _key(self, record: Record, ids: tuple[int, ...]) -> str:
        try:
            audio = record.audio.read_bytes()
        except OSError as error:
            raise CorpusError(f"{record.audio}: cannot be read: {error.strerror or error}") from None
        digest = hashlib.sha256(hashlib.sha256(audio).digest())
        digest.update(json.dumps([record.text, record.speaker, ids, self._settings]).encode())
        return digest.hexdigest()


def _problem(record: Record, error: UserError) -> Problem:
    if isinstance(error, UnusableClip):
        kind: str = error.kind
    else:
        kind = "unspeakable" if isinstance(error, TextError) else "unreadable"
    where = "" if record.line is None and kind != "unspeakable" else f"{record.where}: "
    return Problem(kind, "error", record.utterance_id, record.line, f"{where}{error}")


def _dropped(done: _Done) -> Problem:
    record = done.record
    message = f"{record.where}: {'; '.join(done.dropped)}"
    return Problem("characters", "warning", record.utterance_id, record.line, message)


def _median_loudness(records: Sequence[Record]) -> float | None:
    """Return the median LUFS of a sample of clips that is the same in every run; None if none can be measured."""
    chosen = sorted(records, key=lambda record: hashlib.sha256(record.utterance_id.encode()).digest())
    measured = []
    for record in chosen[:LOUDNESS_SAMPLE]:
        try:
            audio = read_audio(record.audio)
        except CorpusError:
            continue
        measured.append(loudness_lufs(audio.samples, audio.sample_rate))
    finite = [value for value in measured if np.isfinite(value)]
    return round(statistics.median(finite), 2) if finite else None


def _check_usable(found: Corpus, left_out: list[Problem]) -> None:
    if len(found.records) > len(left_out):
        return
    problems = [*found.problems, *left_out]
    listed = "".join(f"\n  {problem.message}" for problem in problems[:5])
    more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
    raise CorpusError(f"{found.path}: holds no clip that can be used{listed}{more}")


def _finish(
    found: Corpus, out: Path, config: FeatureConfig, results: list[_Done], applied: bool, median: float | None
) -> PrepareReport:
    """Write the manifest, the index and the report, and remove the files that nothing names any more."""
    left_out = [done.problem for done in results if done.problem]
    _check_usable(found, left_out)
    kept = [done for done in results if not done.problem]
    sides = split_of([done.record for done in kept], config)
    speakers = tuple(sorted({done.record.speaker for done in kept}))
    entries = [_entry(done, sides[done.record.utterance_id], speakers) for done in kept]
    index = FeatureIndex(
        config=config,
        speakers=speakers,
        pitch=tuple(_pitch_statistics(speaker, kept, sides) for speaker in speakers),
        loudness_applied=applied,
        median_lufs=median,
    )
    frames = sum(entry.num_frames for entry in entries)
    report = PrepareReport(
        prepared=sum(not done.reused for done in kept),
        reused=sum(done.reused for done in kept),
        problems=(*found.problems, *left_out, *(_dropped(done) for done in kept if done.dropped)),
        splits={side: sum(entry.split == side for entry in entries) for side in SPLITS},
        duration_s=frames * config.mel.hop_length / config.mel.sample_rate,
        loudness_applied=applied,
    )
    write_json(out / REPORT, report.to_json())
    finish_store(out, index, entries)
    return report


def _entry(done: _Done, side: Split, speakers: tuple[str, ...]) -> Entry:
    return Entry(
        utterance_id=done.record.utterance_id,
        file=done.file,
        split=side,
        speaker_id=speakers.index(done.record.speaker),
        text=done.record.text,
        num_symbols=done.num_symbols,
        num_frames=done.num_frames,
        key=done.key,
    )


def _pitch_statistics(speaker: str, kept: list[_Done], sides: dict[str, Split]) -> PitchStatistics:
    """Pool the voiced frames of a speaker's training side, or of all sides where that has none."""
    own = [done for done in kept if done.record.speaker == speaker]
    train = [done for done in own if sides[done.record.utterance_id] == "train" and done.pitch_sums[0]]
    count, total, squares = np.sum([done.pitch_sums for done in train or own], axis=0)
    if count == 0:
        return PitchStatistics(mean_hz=0.0, std_hz=1.0)
    mean = total / count
    deviation = max(squares / count - mean**2, 0.0) ** 0.5
    return PitchStatistics(mean_hz=float(mean), std_hz=float(deviation) or 1.0)
