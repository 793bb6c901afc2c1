"""One recording and its symbols to features."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.files import read_audio
from sonorant.audio.level import to_loudness, trim_silence
from sonorant.audio.mel import log_mel
from sonorant.audio.pitch import estimate_pitch
from sonorant.audio.sound import pcm16
from sonorant.config import FeatureConfig, MelConfig
from sonorant.corpus.clip import SILENT_PEAK
from sonorant.corpus.records import Record
from sonorant.errors import CorpusError
from sonorant.features.store import Features

EXTRACTION_VERSION = 1
"""Raised whenever `extract` gives other features for the same recording, text and config."""

UnusableKind = Literal["silent", "too-short", "too-long", "too-few-frames"]


class UnusableClip(CorpusError):
    """A clip that can be read but not learned from."""

    def __init__(self, kind: UnusableKind, message: str) -> None:
        super().__init__(message)
        self.kind: UnusableKind = kind


def extract(record: Record, ids: Sequence[int], config: FeatureConfig, apply_loudness: bool) -> Features:
    """Compute the features of one recording, whose text has become the symbols `ids`.

    The samples are resampled, trimmed, brought to `config.target_lufs` if `apply_loudness`, cut to a whole number of
    frames and rounded to 16 bits; everything else is computed from just those samples.

    Raises:
        CorpusError: The recording cannot be read.
        UnusableClip: It is silent, too short, too long, or shorter in frames than its text in symbols.
    """
    waveform = pcm16(_speech(record, config, apply_loudness))
    samples = waveform.astype(np.float32) / 32768.0
    num_frames = len(waveform) // config.mel.hop_length
    if num_frames < len(ids):
        message = f"{record.audio}: {num_frames} frames for {len(ids)} symbols; is the transcript longer?"
        raise UnusableClip("too-few-frames", message)
    mel = _mel(samples, config.mel, num_frames)
    pitch = estimate_pitch(samples, config.mel, num_frames, config.pitch_floor_hz, config.pitch_ceiling_hz)
    return Features(
        mel=mel,
        pitch_hz=pitch,
        energy=np.linalg.norm(mel, axis=0).astype(np.float32),
        ids=np.array(ids, dtype=np.int32),
        waveform=waveform,
    )


def _speech(record: Record, config: FeatureConfig, apply_loudness: bool) -> NDArray[np.float32]:
    """Read, trim, level, and cut to whole frames."""
    audio = read_audio(record.audio, config.mel.sample_rate)
    samples = audio.samples
    if np.abs(samples).max(initial=0.0) < SILENT_PEAK:
        raise UnusableClip("silent", f"{record.audio}: silent, no sample reaches {SILENT_PEAK}; record it again")
    if config.trim_db is not None:
        start, stop = trim_silence(samples, audio.sample_rate, config.trim_db, config.trim_margin_ms)
        samples = samples[start:stop]
    duration_s = len(samples) / audio.sample_rate
    if duration_s < config.min_duration_s:
        message = f"{record.audio}: {duration_s:.2f} s without its silence, at least {config.min_duration_s} s needed"
        raise UnusableClip("too-short", message)
    if duration_s > config.max_duration_s:
        message = f"{record.audio}: {duration_s:.2f} s without its silence, at most {config.max_duration_s} s allowed"
        raise UnusableClip("too-long", message)
    if apply_loudness:
        samples = to_loudness(samples, audio.sample_rate, config.target_lufs)
    return samples[: len(samples) // config.mel.hop_length * config.mel.hop_length]


def _mel(samples: NDArray[np.float32], config: MelConfig, num_frames: int) -> NDArray[np.float32]:
    """Keep one frame per hop; the "centered" convention has one more, over what follows the last sample."""
    return np.ascontiguousarray(log_mel(samples, config)[:, :num_frames])
