"""Speaking with FastPitch: its encoder, the repetition by durations, its decoder."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sonorant.config import FastPitchConfig, MelConfig
from sonorant.synthesis.acoustic import SpokenMel, pad_symbols
from sonorant.synthesis.regulation import durations_from_log, repeat_by_duration
from sonorant.synthesis.runtime import Runtime
from sonorant.synthesis.style import Style
from sonorant.voice.graphs import DECODER, ENCODER

LEAST_S = 0.3
"""An utterance takes no less at normal speed: who has read only sentences swallows sounds that stand alone."""


class FastPitchModel:
    """Drives FastPitch's graphs; see `AcousticModel`."""

    def __init__(self, runtime: Runtime, config: FastPitchConfig, mel: MelConfig) -> None:
        self._runtime = runtime
        self._longest = config.max_duration_frames
        self._least = round(LEAST_S * mel.sample_rate / mel.hop_length)

    def speak(self, batch: Sequence[NDArray[np.int64]], style: Style) -> list[SpokenMel]:
        """See `AcousticModel.speak`; every utterance gets at least one frame."""
        symbols, lengths = pad_symbols(batch)
        encodings, log_durations = self._runtime.run(
            ENCODER.file,
            symbols=symbols,
            symbol_lengths=lengths,
            speaker_ids=np.full(len(batch), style.speaker_id, dtype=np.int64),
            pitch_scale=np.full(len(batch), style.pitch_scale, dtype=np.float32),
            pitch_offset=np.full(len(batch), style.pitch_offset, dtype=np.float32),
        )
        predicted = zip(log_durations, lengths, strict=True)
        durations = [self._durations(row[:length], style.speed) for row, length in predicted]
        rows = [repeat_by_duration(row[: len(own)], own) for row, own in zip(encodings, durations, strict=True)]
        mel_lengths = np.array([len(row) for row in rows], dtype=np.int64)
        frames = np.zeros((len(rows), mel_lengths.max(), encodings.shape[2]), dtype=np.float32)
        for row, own in zip(frames, rows, strict=True):
            row[: len(own)] = own
        (mels,) = self._runtime.run(DECODER.file, frames=frames, mel_lengths=mel_lengths)
        return [SpokenMel(mel[:, :length], own) for mel, length, own in zip(mels, mel_lengths, durations, strict=True)]

    def _durations(self, log_durations: NDArray[np.float32], speed: float) -> NDArray[np.int64]:
        share = durations_from_log(log_durations, 1.0, self._longest).sum() / self._least
        durations = durations_from_log(log_durations, speed * share if 0 < share < 1 else speed, self._longest)
        if not durations.any():
            durations[-1] = 1
        return durations
