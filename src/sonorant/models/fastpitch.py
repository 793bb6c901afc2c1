"""FastPitch 1.1: text to mel spectrogram in parallel, steered by pitch and energy (Łańcucki 2021).

Symbols are encoded; duration, pitch and energy are predicted per symbol; pitch and energy are embedded and added;
each encoding is repeated for its duration; the frames are decoded to a mel spectrogram. In training a learned aligner
(Badlani et al. 2021) finds the durations, and the recording's pitch and energy take the predictions' place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config.models import FastPitchConfig
from sonorant.models.aligner import ConvAttention, PausePenalty
from sonorant.models.lengths import (
    average_by_duration,
    repeat_by_duration,
    round_durations,
    symbol_of_frame,
    valid_positions,
)
from sonorant.models.monotonic import monotonic_durations
from sonorant.models.precision import in_float32
from sonorant.models.transformer import FeedForwardTransformer, Predictor, SequenceConv


@dataclass(frozen=True)
class FastPitchOutput:
    """What a training pass predicts, and the targets that the aligner found.

    Shape:
        mel: (B, n_mels, T), zero in the padding
        log_durations, pitch, energy: (B, S), predictions, zero in the padding; the first is log(1 + frames)
        durations: (B, S) int64, of the hard alignment; they sum to the frames of each row
        pitch_target, energy_target: (B, S), averages over the frames of each symbol; the second is log(1 + energy)
        attention_logprob: (B, T, S), the aligner's, up to a constant per frame; -inf at symbols in the padding
    """

    mel: Tensor
    log_durations: Tensor
    pitch: Tensor
    energy: Tensor | None
    durations: Tensor
    pitch_target: Tensor
    energy_target: Tensor | None
    attention_logprob: Tensor

    @property
    def attention(self) -> Tensor:
        """The soft alignment: (B, T, S), each frame's probabilities sum to 1."""
        return self.attention_logprob.softmax(dim=2)

    @property
    def hard_alignment(self) -> Tensor:
        """The hard alignment: (B, T, S) bool, one symbol per frame and none in the padding."""
        _, num_frames, num_symbols = self.attention_logprob.shape
        return F.one_hot(symbol_of_frame(self.durations, num_frames), num_symbols + 1)[:, :, :num_symbols].bool()


class Spoken(NamedTuple):
    """What `FastPitch.infer` makes.

    Shape:
        mel: (B, n_mels, T), zero in the padding; mel_lengths: (B,) int64; durations: (B, S) int64
    """

    mel: Tensor
    mel_lengths: Tensor
    durations: Tensor


class FastPitch(nn.Module):
    """The acoustic model.

    Args:
        config: The sizes; `energy_predictor` None leaves energy out.
        num_symbols: Size of the symbol table; symbol 0 is the padding.
        num_speakers: More than 1 adds an embedding of the speaker to every symbol.
        n_mels: Mel bins.
        marks, spaces: Ids of the punctuation marks and of what stands between words; see `PausePenalty`.

    Example:
        >>> sizes = {"num_layers": 1, "conv_channels": 16}
        >>> model = FastPitch(FastPitchConfig(channels=8, encoder=sizes, decoder=sizes), num_symbols=10).eval()
        >>> model.infer(torch.tensor([[3, 1, 4]]), torch.tensor([3])).mel.shape[:2]
        torch.Size([1, 80])
    """

    def __init__(
        self,
        config: FastPitchConfig,
        num_symbols: int,
        num_speakers: int = 1,
        n_mels: int = 80,
        marks: Sequence[int] = (),
        spaces: Sequence[int] = (),
    ) -> None:
        super().__init__()
        channels = config.channels
        self.max_duration_frames = config.max_duration_frames
        self.embedding = nn.Embedding(num_symbols, channels, padding_idx=0)
        embeds = num_speakers > 1 or config.embed_single_speaker
        self.speaker_embedding = nn.Embedding(num_speakers, channels) if embeds else None
        self.encoder = FeedForwardTransformer(channels, config.encoder)
        self.duration_predictor = Predictor(channels, config.duration_predictor)
        self.pitch_predictor = Predictor(channels, config.pitch_predictor)
        self.pitch_embedding = SequenceConv(1, channels, config.pitch_kernel)
        self.energy_predictor: Predictor | None = None
        self.energy_embedding: SequenceConv | None = None
        if config.energy_predictor is not None:
            self.energy_predictor = Predictor(channels, config.energy_predictor)
            self.energy_embedding = SequenceConv(1, channels, config.energy_kernel)
        self.decoder = FeedForwardTransformer(channels, config.decoder)
        self.projection = nn.Linear(channels, n_mels)
        self.aligner = ConvAttention(channels, n_mels, config.aligner_channels, config.aligner_temperature)
        self.pause_penalty = PausePenalty(config.mark_penalty, num_symbols, marks, spaces)

    def forward(
        self,
        symbols: Tensor,
        symbol_lengths: Tensor,
        mel: Tensor,
        mel_lengths: Tensor,
        pitch: Tensor,
        voiced: Tensor,
        energy: Tensor,
        speaker_ids: Tensor,
    ) -> FastPitchOutput:
        """Align the recordings, and predict their mels from the recordings' durations, pitch and energy.

        Raises:
            ValueError: A row has fewer frames than symbols.

        Shape:
            symbols: (B, S) int64, symbol_lengths: (B,), mel: (B, n_mels, T), mel_lengths: (B,), pitch: (B, T),
            voiced: (B, T) bool, energy: (B, T), speaker_ids: (B,)
        """
        valid = valid_positions(symbol_lengths, symbols.shape[1])
        embeddings: Tensor = self.embedding(symbols)
        attention_logprob = self.aligner(embeddings, symbol_lengths, mel, mel_lengths)
        attention_logprob = attention_logprob - self.pause_penalty(symbols, voiced)
        durations = monotonic_durations(attention_logprob, symbol_lengths, mel_lengths)
        encodings = self._encode_symbols(embeddings, valid, speaker_ids)
        log_durations = self.duration_predictor(encodings, valid)
        predicted_pitch = self.pitch_predictor(encodings, valid)
        pitch_target = average_by_duration(pitch, voiced, durations)
        encodings = _add_embedded(encodings, self.pitch_embedding, pitch_target, valid)
        predicted_energy = energy_target = None
        if self.energy_predictor is not None and self.energy_embedding is not None:
            predicted_energy = self.energy_predictor(encodings, valid)
            energy_target = average_by_duration(energy, torch.ones_like(voiced), durations).log1p()
            encodings = _add_embedded(encodings, self.energy_embedding, energy_target, valid)
        frames, _ = repeat_by_duration(encodings, durations, mel.shape[2])
        return FastPitchOutput(
            mel=self.decode(frames, mel_lengths),
            log_durations=log_durations,
            pitch=predicted_pitch,
            energy=predicted_energy,
            durations=durations,
            pitch_target=pitch_target,
            energy_target=energy_target,
            attention_logprob=attention_logprob,
        )

    def encode(
        self,
        symbols: Tensor,
        symbol_lengths: Tensor,
        speaker_ids: Tensor,
        pitch_scale: Tensor,
        pitch_offset: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Encode symbols with their predicted pitch and energy, and predict log(1 + duration).

        The predicted pitch p, in standard deviations from the speaker's mean, becomes p · scale + offset.

        Shape:
            symbols: (B, S) int64; the others: (B,) -> (B, S, C), (B, S), both zero in the padding
        """
        valid = valid_positions(symbol_lengths, symbols.shape[1])
        encodings = self._encode_symbols(self.embedding(symbols), valid, speaker_ids)
        log_durations = self.duration_predictor(encodings, valid)
        pitch = self.pitch_predictor(encodings, valid) * pitch_scale.unsqueeze(1) + pitch_offset.unsqueeze(1)
        encodings = _add_embedded(encodings, self.pitch_embedding, pitch, valid)
        if self.energy_predictor is not None and self.energy_embedding is not None:
            energy = self.energy_predictor(encodings, valid)
            encodings = _add_embedded(encodings, self.energy_embedding, energy, valid)
        return encodings, log_durations

    def decode(self, frames: Tensor, mel_lengths: Tensor) -> Tensor:
        """Decode repeated encodings to a mel spectrogram.

        Shape:
            frames: (B, T, C), mel_lengths: (B,) -> (B, n_mels, T), zero in the padding
        """
        valid = valid_positions(mel_lengths, frames.shape[1])
        mel = self._project(self.decoder(frames, valid)) * valid.unsqueeze(2)
        return mel.transpose(1, 2)

    @torch.no_grad()
    def infer(
        self,
        symbols: Tensor,
        symbol_lengths: Tensor,
        speaker_ids: Tensor | None = None,
        speed: float = 1.0,
        pitch_scale: float = 1.0,
        pitch_offset: float = 0.0,
    ) -> Spoken:
        """Speak symbols; a row whose durations all round to 0 frames has no mel.

        Args:
            symbols: Symbol ids, 0 in the padding.
            symbol_lengths: Symbols per row.
            speaker_ids: None: the first speaker.
            speed: 2 halves every duration.
            pitch_scale: Stretches the pitch around the speaker's mean; 0 flattens it, -1 mirrors it.
            pitch_offset: Added to the pitch, in standard deviations of the speaker's.

        Raises:
            ValueError: `speed` is not positive.

        Shape:
            symbols: (B, S) int64, symbol_lengths: (B,), speaker_ids: (B,)
        """
        if not speed > 0:
            raise ValueError(f"speed must be positive, found {speed}")
        if speaker_ids is None:
            speaker_ids = torch.zeros_like(symbol_lengths)
        scale, offset = (
            torch.full(symbol_lengths.shape, value, device=symbols.device) for value in (pitch_scale, pitch_offset)
        )
        encodings, log_durations = self.encode(symbols, symbol_lengths, speaker_ids, scale, offset)
        durations = round_durations(log_durations.float().expm1() / speed, symbol_lengths, self.max_duration_frames)
        mel_lengths = durations.sum(1)
        longest = int(mel_lengths.max())
        # The decoder's convolutions need a frame, also when there is none to keep.
        frames, _ = repeat_by_duration(encodings, durations, max(longest, 1))
        return Spoken(self.decode(frames, mel_lengths)[:, :, :longest], mel_lengths, durations)

    @in_float32
    def _project(self, hidden: Tensor) -> Tensor:
        """Make mels in float32, (B, T, C) -> (B, T, n_mels): a bfloat16 keeps 0.03 of a logarithm, which is heard."""
        mel: Tensor = self.projection(hidden)
        return mel

    def _encode_symbols(self, embeddings: Tensor, valid: Tensor, speaker_ids: Tensor) -> Tensor:
        if self.speaker_embedding is not None:
            embeddings = embeddings + self.speaker_embedding(speaker_ids).unsqueeze(1)
        encodings: Tensor = self.encoder(embeddings, valid)
        return encodings


def _add_embedded(encodings: Tensor, embedding: SequenceConv, values: Tensor, valid: Tensor) -> Tensor:
    """Add the embedding of one value per symbol; padding neither gives nor takes."""
    inside = valid.unsqueeze(2)
    embedded: Tensor = embedding(values.unsqueeze(2) * inside)
    return encodings + embedded * inside
