"""The doctor: looks a corpus over before anything is trained on it, and says everything at once."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from sonorant.config import FeatureConfig
from sonorant.corpus.clip import SILENT_PEAK, Clip, Examine
from sonorant.corpus.lines import ProblemList
from sonorant.corpus.parallel import Progress, map_clips
from sonorant.corpus.readers import read_corpus
from sonorant.corpus.records import Record
from sonorant.corpus.report import Report, Summary
from sonorant.corpus.splits import sentence_words
from sonorant.errors import TextError
from sonorant.text.frontend import Frontend, Utterance

CLIPPED_SAMPLES = 12
"""So many samples in flat tops can be heard, or show a recording level that was too high."""

RATE_OUTLIER = 5.0
"""Robust standard deviations from the median speaking rate: a wrong or cut transcript, or a cut recording."""

NARROWEST_SPREAD = 0.05
"""The standard deviation of the speaking rate is taken as at least this share of the median."""

PITCH_SAMPLE = 200
"""Clips whose pitch is estimated for the picture."""

GUESSED_SOURCES = ("letters",)
"""Word sources that are no lexicon."""


def check(
    path: Path,
    frontend: Frontend | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    config: FeatureConfig | None = None,
) -> Report:
    """Examine every recording and every transcript of a corpus.

    Args:
        path: A corpus of any layout that `read_corpus` knows.
        frontend: What the texts are spoken with; the config's when None.
        workers: Processes that examine recordings.
        progress: Called with clips done and clips in all.
        config: Says what is too short or too long, and what silence is; the defaults when None.

    Raises:
        CorpusError: The corpus cannot be read or its layout cannot be told.
    """
    config = config or FeatureConfig()
    corpus = read_corpus(path)
    problems = ProblemList(corpus.problems)
    records = corpus.records
    if not records:
        problems.error("no-clips", f"{corpus.path}: holds no clip that can be used")
    pitched = frozenset(sorted((record.utterance_id for record in records), key=_shuffled)[:PITCH_SAMPLE])
    clips = list(map_clips(Examine(config, pitched), records, workers, progress))
    utterances = _speak(records, frontend or Frontend(config.frontend), problems)
    _report_audio(records, clips, config, problems)
    _report_sample_rates(records, clips, problems)
    _report_same_audio(records, clips, problems)
    _report_takes(records, problems)
    rates = _rates(clips, utterances, config)
    _report_rates(records, rates, problems)
    _report_frames(records, clips, utterances, config, problems)
    return Report(
        path=corpus.path,
        layout=corpus.layout,
        summary=_summary(records, clips, utterances, rates),
        problems=tuple(problems),
        lengths_s=tuple(clip.duration_s for clip in clips if not clip.failure),
        pitch_hz=tuple(value for clip in clips for value in clip.pitch_hz),
    )


def _shuffled(utterance_id: str) -> bytes:
    return hashlib.sha256(utterance_id.encode()).digest()


def _speak(records: Sequence[Record], frontend: Frontend, problems: ProblemList) -> dict[str, Utterance]:
    """Put every text through the front end, and report what it cannot say or has to guess."""
    utterances = {}
    for record in records:
        place = record.utterance_id, record.line
        try:
            utterance = frontend.utterance(record.text)
        except TextError as error:
            problems.error("unspeakable", f"{record.where}: {error}", *place)
            continue
        utterances[record.utterance_id] = utterance
        if utterance.reports:
            problems.warning("characters", f"{record.where}: {'; '.join(utterance.reports)}", *place)
        guessed = sorted(_guessed(utterance))
        if guessed:
            problems.note("unknown-words", f"{record.where}: not in the lexicon: {', '.join(guessed)}", *place)
    return utterances


def _guessed(utterance: Utterance) -> set[str]:
    return {word.text.lower() for word in utterance.words if word.source in GUESSED_SOURCES}


def _report_audio(
    records: Sequence[Record], clips: Sequence[Clip], config: FeatureConfig, problems: ProblemList
) -> None:
    for record, clip in zip(records, clips, strict=True):
        place = record.utterance_id, record.line
        kept_s = clip.duration_s if config.trim_db is None else clip.speech_s
        if clip.failure:
            problems.error("unreadable", f"{record.where}: {clip.failure}", *place)
        elif clip.peak < SILENT_PEAK:
            problems.error("silent", f"{record.audio_where}: silent, no sample reaches {SILENT_PEAK}", *place)
        elif kept_s < config.min_duration_s:
            message = f"{record.audio_where}: {kept_s:.2f} s of sound, at least {config.min_duration_s} s needed"
            problems.error("too-short", message, *place)
        elif kept_s > config.max_duration_s:
            message = f"{record.audio_where}: {kept_s:.2f} s of sound, at most {config.max_duration_s} s allowed"
            problems.error("too-long", message, *place)
        if clip.clipped >= CLIPPED_SAMPLES:
            message = f"{record.audio_where}: clipped, {clip.clipped} samples in flat tops at {clip.peak:.3f}"
            problems.warning("clipped", message, *place)


def _report_sample_rates(records: Sequence[Record], clips: Sequence[Clip], problems: ProblemList) -> None:
    rates = Counter(clip.sample_rate for clip in clips if not clip.failure)
    if len(rates) < 2:
        return
    usual = rates.most_common(1)[0][0]
    for record, clip in zip(records, clips, strict=True):
        if not clip.failure and clip.sample_rate != usual:
            message = f"{record.audio_where}: {clip.sample_rate} Hz, most of the corpus has {usual} Hz"
            problems.warning("sample-rate", message, record.utterance_id, record.line)


def _report_same_audio(records: Sequence[Record], clips: Sequence[Clip], problems: ProblemList) -> None:
    first: dict[str, Record] = {}
    for record, clip in zip(records, clips, strict=True):
        if clip.failure:
            continue
        original = first.setdefault(clip.digest, record)
        if original is not record:
            text = "the same" if sentence_words(original.text) == sentence_words(record.text) else "another"
            message = f"{record.audio_where}: the same sound as {original.audio}, with {text} text"
            problems.warning("duplicate-audio", message, record.utterance_id, record.line)


def _report_takes(records: Sequence[Record], problems: ProblemList) -> None:
    takes: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        takes[record.speaker, sentence_words(record.text)].append(record)
    for group in takes.values():
        if len(group) > 1:
            ids = ", ".join(record.utterance_id for record in group)
            message = f"{group[0].where}: {len(group)} takes of one sentence, kept on one side of a split: {ids}"
            problems.note("takes", message, group[0].utterance_id, group[0].line)


def _rates(clips: Iterable[Clip], utterances: dict[str, Utterance], config: FeatureConfig) -> dict[str, float]:
    """Return phones a second (letters, where the front end writes letters) of the clips that are not too short."""
    rates = {}
    for clip in clips:
        utterance = utterances.get(clip.utterance_id)
        if utterance and clip.speech_s >= config.min_duration_s:
            spoken = sum(word.end - word.start for word in utterance.words)
            rates[clip.utterance_id] = spoken / clip.speech_s
    return rates


def _report_rates(records: Sequence[Record], rates: dict[str, float], problems: ProblemList) -> None:
    """Report rates that lie far from the median, in units of 1.4826 times the median absolute deviation."""
    if len(rates) < 3:
        return
    usual = median(rates.values())
    spread = max(1.4826 * median(abs(rate - usual) for rate in rates.values()), NARROWEST_SPREAD * usual)
    for record in records:
        rate = rates.get(record.utterance_id, usual)
        if abs(rate - usual) > RATE_OUTLIER * spread:
            message = f"{record.where}: {rate:.1f} phones a second, usual are {usual:.1f}; do text and sound agree?"
            problems.warning("speaking-rate", message, record.utterance_id, record.line)


def _report_frames(
    records: Sequence[Record],
    clips: Sequence[Clip],
    utterances: dict[str, Utterance],
    config: FeatureConfig,
    problems: ProblemList,
) -> None:
    """Report clips that have fewer mel frames than their text has symbols: no alignment can exist."""
    frames_per_s = config.mel.sample_rate / config.mel.hop_length
    for record, clip in zip(records, clips, strict=True):
        utterance = utterances.get(record.utterance_id)
        frames = int(clip.speech_s * frames_per_s)
        if utterance and config.min_duration_s <= clip.speech_s and frames < len(utterance.ids):
            message = f"{record.audio_where}: {frames} frames for {len(utterance.ids)} symbols"
            problems.error("too-few-frames", f"{message}; is the transcript longer?", record.utterance_id, record.line)


def _summary(
    records: Sequence[Record], clips: Sequence[Clip], utterances: dict[str, Utterance], rates: dict[str, float]
) -> Summary:
    lengths = [clip.duration_s for clip in clips if not clip.failure] or [0.0]
    loudness = [clip.loudness_lufs for clip in clips if np.isfinite(clip.loudness_lufs)]
    pitch = [value for clip in clips for value in clip.pitch_hz]
    guessed: set[str] = set().union(*(_guessed(utterance) for utterance in utterances.values()))
    return Summary(
        clips=len(records),
        sentences=len({sentence_words(record.text) for record in records}),
        speakers=len({record.speaker for record in records}),
        hours=sum(lengths) / 3600,
        shortest_s=min(lengths),
        median_s=median(lengths),
        longest_s=max(lengths),
        sample_rates=dict(Counter(clip.sample_rate for clip in clips if not clip.failure).most_common()),
        median_lufs=median(loudness) if loudness else None,
        median_pitch_hz=median(pitch) if pitch else None,
        median_rate=median(rates.values()) if rates else None,
        unknown_words=len(guessed),
    )
