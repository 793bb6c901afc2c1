"""What the doctor measures on one recording."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.files import read_audio
from sonorant.audio.level import loudness_lufs, trim_silence
from sonorant.audio.pitch import estimate_pitch
from sonorant.audio.resample import resample
from sonorant.audio.sound import Audio
from sonorant.config import FeatureConfig
from sonorant.corpus.records import Record
from sonorant.errors import CorpusError

SILENT_PEAK = 1e-3
"""A recording whose samples all lie below this (-60 dB) holds no speech."""

FLAT_TOP = 3
"""Samples in a row at the very peak that show clipping: a wave's own peak is not flat."""

_TRIM_DB = 40.0  # where the config trims nothing, speech is still told from silence to measure its rate


@dataclass(frozen=True)
class Clip:
    """Facts of one recording.

    Attributes:
        utterance_id: Whose recording it is.
        failure: Why it cannot be read; the other fields then hold nothing.
        sample_rate: Of the file.
        duration_s: Of the file.
        speech_s: Without the silence at its ends.
        peak: Largest magnitude.
        loudness_lufs: Integrated loudness.
        clipped: Samples that lie in flat tops.
        digest: Equal for two recordings with the same samples.
        pitch_hz: Voiced frames, where they were asked for.
    """

    utterance_id: str
    failure: str | None = None
    sample_rate: int = 0
    duration_s: float = 0.0
    speech_s: float = 0.0
    peak: float = 0.0
    loudness_lufs: float = -np.inf
    clipped: int = 0
    digest: str = ""
    pitch_hz: tuple[float, ...] = ()


@dataclass(frozen=True)
class Examine:
    """Measures a record; picklable, to be handed to worker processes.

    Args:
        config: Says what silence is and where pitch is looked for.
        pitched: Ids whose pitch is estimated as well, which takes longer than everything else.
    """

    config: FeatureConfig
    pitched: frozenset[str]

    def __call__(self, record: Record) -> Clip:
        """Return the facts of one recording."""
        try:
            audio = read_audio(record.audio)
        except CorpusError as error:
            return Clip(record.utterance_id, failure=str(error))
        samples, rate = audio.samples, audio.sample_rate
        threshold_db = self.config.trim_db or _TRIM_DB
        start, stop = trim_silence(samples, rate, threshold_db, self.config.trim_margin_ms)
        return Clip(
            utterance_id=record.utterance_id,
            sample_rate=rate,
            duration_s=audio.duration_s,
            speech_s=(stop - start) / rate,
            peak=float(np.abs(samples).max(initial=0.0)),
            loudness_lufs=loudness_lufs(samples, rate),
            clipped=clipped_samples(samples),
            digest=hashlib.sha256(samples.tobytes()).hexdigest(),
            pitch_hz=self._pitch(audio) if record.utterance_id in self.pitched else (),
        )

    def _pitch(self, audio: Audio) -> tuple[float, ...]:
        mel = self.config.mel
        samples = resample(audio.samples, audio.sample_rate, mel.sample_rate)
        num_frames = mel.num_frames(len(samples))
        if not num_frames:
            return ()
        pitch = estimate_pitch(samples, mel, num_frames, self.config.pitch_floor_hz, self.config.pitch_ceiling_hz)
        return tuple(float(value) for value in pitch[pitch > 0])


def clipped_samples(samples: NDArray[np.float32]) -> int:
    """Count the samples that lie in flat tops: at least three in a row at the recording's largest magnitude.

    Example:
        >>> tone = np.sin(np.arange(2000) * 0.05).astype(np.float32)
        >>> clipped_samples(tone), clipped_samples(np.clip(tone, -0.9, 0.9)) > 500
        (0, True)
    """
    magnitude = np.abs(samples)
    top = magnitude >= max(magnitude.max(initial=0.0) - 1.5 / 32768, 0.1)  # a step of 16 bits below the peak
    edges = np.flatnonzero(np.diff(np.concatenate([[False], top, [False]]).astype(np.int8)))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= FLAT_TOP].sum())
