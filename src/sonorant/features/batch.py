"""Features to the tensors of one micro-batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sonorant.audio.excitation import make_excitation
from sonorant.config import MelConfig, SourceFilterRecipe, VocoderRecipe
from sonorant.features.order import crop_start, draw
from sonorant.features.store import Entry, Features, FeatureStore, PitchStatistics


class _Batch:
    """Tensors and names that travel together."""

    def to(self, device: torch.device | str) -> Self:
        """Return the batch with every tensor on `device`; who copies pinned memory to a GPU does not wait for it."""
        aside = torch.device(device).type == "cuda"
        return self._with_each(lambda tensor: tensor.to(device, non_blocking=aside))

    def pin_memory(self) -> Self:
        """Return the batch in memory that a GPU copies from by itself; torch's DataLoader calls it by this name."""
        return self._with_each(Tensor.pin_memory)

    def _with_each(self, change: Callable[[Tensor], Tensor]) -> Self:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return type(self)(
            **{name: change(value) if isinstance(value, Tensor) else value for name, value in values.items()}
        )


@dataclass(frozen=True, eq=False)
class AcousticBatch(_Batch):
    """Whole utterances, padded on the right.

    Attributes:
        symbols: (B, S) int64, 0 beyond an utterance's end.
        symbol_lengths: (B,) int64.
        mel: (B, n_mels, T), 0 beyond the end.
        mel_lengths: (B,) int64.
        pitch: (B, T) in standard deviations from the speaker's mean; 0 where unvoiced and beyond the end.
        voiced: (B, T) bool.
        energy: (B, T), 0 beyond the end.
        speaker_ids: (B,) int64.
        utterance_ids: Whose rows they are.
    """

    symbols: Tensor
    symbol_lengths: Tensor
    mel: Tensor
    mel_lengths: Tensor
    pitch: Tensor
    voiced: Tensor
    energy: Tensor
    speaker_ids: Tensor
    utterance_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class VocoderBatch(_Batch):
    """One segment of each utterance.

    Attributes:
        mel: (B, n_mels, segment_frames).
        waveform: (B, segment_frames * hop_length) in [-1, 1].
        utterance_ids: Whose rows they are.
    """

    mel: Tensor
    waveform: Tensor
    utterance_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SourceFilterBatch(VocoderBatch):
    """Segments with what a source-filter vocoder turns into their sound.

    Attributes:
        pitch_hz: (B, segment_frames), 0 where unvoiced.
        excitation: (B, 2, segment_frames * hop_length): pulses at that pitch, and noise.
    """

    pitch_hz: Tensor
    excitation: Tensor


def acoustic_batch(store: FeatureStore, entries: Sequence[Entry]) -> AcousticBatch:
    """Read whole utterances into one padded batch."""
    features = [store.read(entry) for entry in entries]
    voiced = [torch.from_numpy(item.pitch_hz > 0) for item in features]
    pitch = [
        torch.from_numpy(normalize_pitch(item, store.pitch[entry.speaker_id]))
        for item, entry in zip(features, entries, strict=True)
    ]
    return AcousticBatch(
        symbols=pad_sequence([torch.from_numpy(item.ids).long() for item in features], batch_first=True),
        symbol_lengths=torch.tensor([len(item.ids) for item in features]),
        mel=pad_sequence([torch.from_numpy(item.mel.T) for item in features], batch_first=True)
        .transpose(1, 2)
        .contiguous(),
        mel_lengths=torch.tensor([item.mel.shape[1] for item in features]),
        pitch=pad_sequence(pitch, batch_first=True),
        voiced=pad_sequence(voiced, batch_first=True),
        energy=pad_sequence([torch.from_numpy(item.energy) for item in features], batch_first=True),
        speaker_ids=torch.tensor([entry.speaker_id for entry in entries]),
        utterance_ids=tuple(entry.utterance_id for entry in entries),
    )


def normalize_pitch(features: Features, statistics: PitchStatistics) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Express pitch in standard deviations from the speaker's mean, with 0 where unvoiced.

    Shape:
        -> (T,)
    """
    normal = (features.pitch_hz - statistics.mean_hz) / statistics.std_hz
    return np.where(features.pitch_hz > 0, normal, 0.0).astype(np.float32)


def vocoder_batch(
    recipe: VocoderRecipe, store: FeatureStore, entries: Sequence[Entry], seed: int, epoch: int
) -> VocoderBatch:
    """Read one segment of each utterance, cut at a frame where the seed, the epoch and the id say.

    An utterance that is shorter than the segment is followed by silence.
    """
    config, num_frames = store.config.mel, recipe.segment_frames
    mel = torch.full((len(entries), config.n_mels, num_frames), float(np.log(config.floor)))
    waveform = torch.zeros(len(entries), num_frames * config.hop_length)
    starts = [crop_start(seed, epoch, entry.utterance_id, entry.num_frames, num_frames) for entry in entries]
    for row, (entry, start) in enumerate(zip(entries, starts, strict=True)):
        frames = torch.from_numpy(store.read_mel(entry, start, num_frames))
        samples = torch.from_numpy(store.read_waveform(entry, start, num_frames))
        mel[row, :, : frames.shape[1]] = frames
        waveform[row, : len(samples)] = samples / 32768.0
    ids = tuple(entry.utterance_id for entry in entries)
    if not isinstance(recipe, SourceFilterRecipe):
        return VocoderBatch(mel, waveform, ids)
    pitch_hz = _pitch_courses(store, entries, starts, num_frames)
    drawn = [_excitation(row, config, seed, epoch, name) for row, name in zip(pitch_hz, ids, strict=True)]
    return SourceFilterBatch(mel, waveform, ids, torch.from_numpy(pitch_hz), torch.from_numpy(np.stack(drawn)))


def _pitch_courses(
    store: FeatureStore, entries: Sequence[Entry], starts: Sequence[int], num_frames: int
) -> NDArray[np.float32]:
    """Read the pitch of each segment, 0 beyond an utterance's end: (B, num_frames)."""
    pitch_hz = np.zeros((len(entries), num_frames), dtype=np.float32)
    for row, entry, start in zip(pitch_hz, entries, starts, strict=True):
        course = store.read_pitch(entry, start, num_frames)
        row[: len(course)] = course
    return pitch_hz


def _excitation(
    pitch_hz: NDArray[np.float32], config: MelConfig, seed: int, epoch: int, utterance_id: str
) -> NDArray[np.float32]:
    """Draw the noise, and where the first pulse is, from the same things as the crop."""
    random = np.random.default_rng(draw(seed, epoch, "excitation", utterance_id))
    return make_excitation(pitch_hz, config, random, random.random())
