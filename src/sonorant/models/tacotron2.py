"""Tacotron 2: text to mel spectrogram by a decoder that attends to the symbols (Shen et al. 2018).

As NVIDIA builds it, with dropout in place of zoneout. Symbols are encoded once; the decoder reads them step by step,
says mel frames and when to stop; the postnet refines the whole mel.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config.models import Tacotron2Config
from sonorant.models.lengths import valid_positions
from sonorant.models.tacotron2_convs import Postnet
from sonorant.models.tacotron2_decoder import Decoder, DecoderState
from sonorant.models.tacotron2_encoder import Encoder, make_embedding


@dataclass(frozen=True)
class Tacotron2Output:
    """What a teacher-forced pass predicts, zero in the padding.

    Shape:
        mel: (B, n_mels, T), before the postnet; mel_postnet: (B, n_mels, T)
        stop_logits: (B, steps), of this step being the last
        alignment: (B, steps, S), each valid step's attention sums to 1
        steps: (B,) int64, decoder steps of each row
    """

    mel: Tensor
    mel_postnet: Tensor
    stop_logits: Tensor
    alignment: Tensor
    steps: Tensor


class Tacotron2(nn.Module):
    """The acoustic model.

    Speaking runs `encode` once, `step` until the stop logit says so, and `postnet` over the frames; each of the three
    exports to ONNX. With a reduction factor r, a step says r frames and is fed the last of the r before.

    Args:
        config: The sizes.
        num_symbols: Size of the symbol table.
        num_speakers: More than 1 adds an embedding of the speaker to every encoded symbol.
        n_mels: Mel bins.

    Example:
        >>> import torch
        >>> model = Tacotron2(Tacotron2Config(encoder_channels=8, attention_rnn_channels=8), num_symbols=10)
        >>> lengths = torch.tensor([3]), torch.tensor([5])
        >>> output = model(torch.tensor([[3, 1, 4]]), lengths[0], torch.zeros(1, 80, 5), lengths[1], torch.tensor([0]))
        >>> output.mel_postnet.shape, output.alignment.shape
        (torch.Size([1, 80, 5]), torch.Size([1, 5, 3]))
    """

    def __init__(self, config: Tacotron2Config, num_symbols: int, num_speakers: int = 1, n_mels: int = 80) -> None:
        super().__init__()
        self.reduction_factor = config.reduction_factor
        self.n_mels = n_mels
        self.embedding = make_embedding(num_symbols, config.embedding_channels)
        embeds = num_speakers > 1 or config.embed_single_speaker
        self.speaker_embedding = make_embedding(num_speakers, config.encoder_channels) if embeds else None
        self.encoder = Encoder(config)
        self.decoder = Decoder(config, n_mels)
        self.postnet = Postnet(
            n_mels, config.postnet_channels, config.postnet_kernel, config.postnet_layers, config.postnet_dropout
        )

    def forward(
        self, symbols: Tensor, symbol_lengths: Tensor, mel: Tensor, mel_lengths: Tensor, speaker_ids: Tensor
    ) -> Tacotron2Output:
        """Predict every frame of recordings from the frames before it.

        Shape:
            symbols: (B, S) int64, symbol_lengths: (B,), mel: (B, n_mels, T), mel_lengths: (B,), speaker_ids: (B,)
        """
        memory, keys = self.encode(symbols, symbol_lengths, speaker_ids)
        frames = self._frames_before(mel, mel_lengths)
        valid_symbols = valid_positions(symbol_lengths, symbols.shape[1])
        masks = self.decoder.draw_masks(*frames.shape[:2])
        predicted = self.decoder(memory, keys, valid_symbols, frames, masks)
        steps = (mel_lengths + self.reduction_factor - 1) // self.reduction_factor
        valid_steps = valid_positions(steps, len(frames))
        valid_frames = valid_positions(mel_lengths, mel.shape[2]).unsqueeze(1)
        grouped = predicted.frames.view(*frames.shape[:2], self.reduction_factor, self.n_mels)
        coarse = grouped.permute(1, 3, 0, 2).flatten(2)[:, :, : mel.shape[2]] * valid_frames
        return Tacotron2Output(
            mel=coarse,
            mel_postnet=self.postnet(coarse, mel_lengths),
            stop_logits=predicted.stop_logits.T * valid_steps,
            alignment=predicted.alignment.transpose(0, 1) * valid_steps.unsqueeze(2),
            steps=steps,
        )

    def encode(self, symbols: Tensor, symbol_lengths: Tensor, speaker_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Encode symbols: what the decoder reads, and what its attention compares itself with.

        Shape:
            symbols: (B, S) int64, symbol_lengths, speaker_ids: (B,) -> (B, S, C), zero in the padding; (B, S, A)
        """
        valid = valid_positions(symbol_lengths, symbols.shape[1])
        memory: Tensor = self.encoder(self.embedding(symbols), valid)
        if self.speaker_embedding is not None:
            memory = memory + self.speaker_embedding(speaker_ids).unsqueeze(1) * valid.unsqueeze(2)
        return memory, self.decoder.attention.keys(memory)

    def initial_state(self, memory: Tensor) -> DecoderState:
        """Return the state before the first step: (B, S, C) -> the state of B rows."""
        return DecoderState.initial(self.decoder, memory)

    def step(
        self,
        memory: Tensor,
        processed_memory: Tensor,
        valid: Tensor,
        frame: Tensor,
        prenet_masks: Tensor,
        attention_hidden: Tensor,
        attention_cell: Tensor,
        decoder_hidden: Tensor,
        decoder_cell: Tensor,
        context: Tensor,
        alignment: Tensor,
        cumulative: Tensor,
    ) -> tuple[Tensor, ...]:
        """Say the next r frames, without the LSTMs' dropout.

        The state comes and goes as tensors, in the order of `DecoderState`; `initial_state` makes the first.

        Args:
            memory: From `encode`.
            processed_memory: From `encode`.
            valid: True at the symbols that may get attention.
            frame: The last frame said; zeros before the first step.
            prenet_masks: Dropout of the prenet's layers, side by side: each value is 0, or 1 / (1 - p).
            attention_hidden: Of the LSTM that steers the attention.
            attention_cell: Of the same.
            decoder_hidden: Of the LSTM that says the frames.
            decoder_cell: Of the same.
            context: What the step before read from the memory.
            alignment: Where it read.
            cumulative: The sum of all alignments so far.

        Returns:
            The frames (B, n_mels, r), the stop logit (B,) and the seven tensors of the state.

        Shape:
            memory: (B, S, C), processed_memory: (B, S, A), valid: (B, S) bool, frame: (B, n_mels), prenet_masks: (B,
            sum of prenet channels), the state as in `DecoderState`
        """
        state = DecoderState(
            attention_hidden, attention_cell, decoder_hidden, decoder_cell, context, alignment, cumulative
        )
        frames, stop_logits, state = self.decoder.step(memory, processed_memory, valid, frame, prenet_masks, state)
        return frames.reshape(-1, self.reduction_factor, self.n_mels).transpose(1, 2), stop_logits, *state

    def _frames_before(self, mel: Tensor, mel_lengths: Tensor) -> Tensor:
        """Return what each step is fed: zeros, then the last frame of each step but the last.

        Shape:
            mel: (B, n_mels, T), mel_lengths: (B,) -> (steps, B, n_mels)
        """
        mel = mel.masked_fill(~valid_positions(mel_lengths, mel.shape[2]).unsqueeze(1), 0.0)
        mel = F.pad(mel, (0, -mel.shape[2] % self.reduction_factor))
        last = mel[:, :, self.reduction_factor - 1 :: self.reduction_factor]
        return F.pad(last, (1, -1)).permute(2, 0, 1)
