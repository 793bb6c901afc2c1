"""Tacotron 2's decoder: mel frames one step at a time, each from the one before (Shen et al. 2018, section 2.2).

Speaking runs `Decoder.step`. Training knows every frame beforehand (teacher forcing), and `Decoder.forward` computes
the same in another order: what depends on known frames alone runs first, for all steps at once; then the loop over
the attention and its LSTM; then the decoder's LSTM, which the attention never sees, as a loop of its own; and what
depends on their states runs last, again for all steps at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config.models import Tacotron2Config
from sonorant.models.attention import Attention, make_attention
from sonorant.models.precision import in_float32, without_autocast
from sonorant.models.tacotron2_loop import LoopProduct, input_terms, update


@dataclass(frozen=True)
class DecoderState:
    """What one step hands to the next; iterating yields the fields in order, as `step` takes and returns them.

    Shape:
        attention_hidden, attention_cell: (B, attention_rnn_channels)
        decoder_hidden, decoder_cell: (B, decoder_rnn_channels)
        context: (B, C), what the last step read from the memory
        alignment: (B, S), where it read; cumulative: (B, S), the sum of all alignments
    """

    attention_hidden: Tensor
    attention_cell: Tensor
    decoder_hidden: Tensor
    decoder_cell: Tensor
    context: Tensor
    alignment: Tensor
    cumulative: Tensor

    @classmethod
    def initial(cls, decoder: "Decoder", memory: Tensor) -> "DecoderState":
        """Return the state before the first step: zeros, and the attention's own beginning."""
        alignment = decoder.attention.initial_alignment(memory)
        attention, decoding = (
            torch.zeros(len(memory), cell.hidden_size, device=memory.device)
            for cell in (decoder.attention_rnn, decoder.decoder_rnn)
        )
        context = torch.zeros(len(memory), memory.shape[2], device=memory.device)
        return cls(attention, attention, decoding, decoding, context, alignment, torch.zeros_like(alignment))

    def __iter__(self) -> Iterator[Tensor]:
        return (getattr(self, field.name) for field in fields(self))


class DecoderMasks(NamedTuple):
    """The dropout of a teacher-forced pass: each value is 0, or 1 / (1 - p); None: no dropout.

    Shape:
        prenet: (T, B, sum of prenet channels); attention_hidden, decoder_hidden: (T, B, H)
    """

    prenet: Tensor
    attention_hidden: Tensor | None
    decoder_hidden: Tensor | None


class DecoderOutput(NamedTuple):
    """What a teacher-forced pass of T steps predicts.

    Shape:
        frames: (T, B, r n_mels), stop_logits: (T, B), alignment: (T, B, S)
    """

    frames: Tensor
    stop_logits: Tensor
    alignment: Tensor


class Prenet(nn.Module):
    """Linear layers with ReLU and a dropout that never ends: it keeps the decoder from copying the frame before.

    Shape:
        frames: (..., n_mels), masks: (..., sum of channels) -> (..., last channels)
    """

    def __init__(self, n_mels: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = channels
        widths = (n_mels, *channels)
        self.layers = nn.ModuleList(nn.Linear(before, after, bias=False) for before, after in pairwise(widths))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight)  # type: ignore[arg-type]

    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """Squeeze frames; the masks of all layers stand side by side."""
        for layer, mask in zip(self.layers, torch.split(masks, list(self.channels), dim=-1), strict=True):
            frames = F.relu(layer(frames)) * mask
        return frames


class Decoder(nn.Module):
    """Reads encoded symbols and says mel frames, `reduction_factor` of them at each step."""

    def __init__(self, config: Tacotron2Config, n_mels: int) -> None:
        super().__init__()
        memory_channels, attention_channels = config.encoder_channels, config.attention_rnn_channels
        spoken_channels = config.decoder_rnn_channels + memory_channels
        self.prenet_dropout = config.prenet_dropout
        self.rnn_dropout = config.rnn_dropout
        self.prenet = Prenet(n_mels, config.prenet_channels)
        self.attention_rnn = nn.LSTMCell(config.prenet_channels[-1] + memory_channels, attention_channels)
        self.attention: Attention = make_attention(config.attention, attention_channels, memory_channels)
        self.decoder_rnn = nn.LSTMCell(attention_channels + memory_channels, config.decoder_rnn_channels)
        self.mel_projection = nn.Linear(spoken_channels, n_mels * config.reduction_factor)
        self.stop_projection = nn.Linear(spoken_channels, 1)
        for projection in (self.mel_projection, self.stop_projection):
            nn.init.xavier_uniform_(projection.weight)

    def draw_masks(self, steps: int, batch: int) -> DecoderMasks:
        """Draw the dropout of a teacher-forced pass from torch's generator; the prenet's is on in evaluation too."""
        dropout = self.rnn_dropout if self.training else 0.0
        attention, decoding = (
            self._draw((steps, batch, cell.hidden_size), dropout) if dropout else None
            for cell in (self.attention_rnn, self.decoder_rnn)
        )
        prenet = self._draw((steps, batch, sum(self.prenet.channels)), self.prenet_dropout)
        return DecoderMasks(prenet, attention, decoding)

    def _draw(self, shape: tuple[int, ...], dropout: float) -> Tensor:
        return F.dropout(torch.ones(shape, device=self.mel_projection.weight.device), dropout)

    def forward(
        self, memory: Tensor, keys: Tensor, valid: Tensor, frames: Tensor, masks: DecoderMasks
    ) -> DecoderOutput:
        """Predict every step from the frame before it.

        Args:
            memory: Encoded symbols.
            keys: The memory as the attention sees it.
            valid: True at the symbols.
            frames: The frame before each step: zeros, then the last of each step's frames.
            masks: Dropout, from `draw_masks`.

        Shape:
            memory: (B, S, C), keys: (B, S, A), valid: (B, S) bool, frames: (T, B, n_mels)
        """
        squeezed = self.prenet(frames, masks.prenet)
        hiddens, contexts, alignment = self._attend(memory, keys, valid, squeezed, masks.attention_hidden)
        decoded = self._decode(torch.cat([hiddens, contexts], 2), masks.decoder_hidden)
        spoken = torch.cat([decoded, contexts], 2)
        return DecoderOutput(self.mel_projection(spoken), self.stop_projection(spoken).squeeze(2), alignment)

    def _attend(
        self, memory: Tensor, keys: Tensor, valid: Tensor, squeezed: Tensor, masks: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the attention and its LSTM over all steps; return its hidden states, contexts and alignments."""
        known_terms = input_terms(self.attention_rnn, squeezed)
        state = DecoderState.initial(self, memory)
        hidden, cell, context = state.attention_hidden, state.attention_cell, state.context
        alignment, cumulative = state.alignment, state.cumulative
        history: list[tuple[Tensor, Tensor, Tensor]] = []
        with without_autocast(memory.device):
            gates = LoopProduct(_recurrent_weight(self.attention_rnn, squeezed.shape[2]), known_terms)
            project = LoopProduct(self.attention.query.weight.T, self._query_terms(squeezed))
            read = LoopProduct(memory.float(), context.expand(len(squeezed), -1, -1))
            for mask in _steps(masks, len(squeezed)):
                hidden, cell = update(gates(torch.cat([context, hidden], 1)), cell, mask)
                alignment = self.attention(project(hidden), keys, valid, alignment, cumulative)
                cumulative = cumulative + alignment
                context = read(alignment)
                history.append((hidden, context, alignment))
        hiddens, contexts, alignments = (torch.stack(values) for values in zip(*history, strict=True))
        return hiddens, contexts, alignments

    def _query_terms(self, squeezed: Tensor) -> Tensor:
        """Return what the query's projection adds at every step: its bias, if any."""
        query = self.attention.query
        bias = query.weight.new_zeros(query.out_features) if query.bias is None else query.bias
        return bias.expand(*squeezed.shape[:2], -1)

    def _decode(self, inputs: Tensor, masks: Tensor | None) -> Tensor:
        """Run the decoder's LSTM over all steps: (T, B, I) -> (T, B, H).

        Its dropout falls on the hidden state that it hands to itself, so that no `nn.LSTM` can take its place.
        """
        known_terms = input_terms(self.decoder_rnn, inputs)
        hidden = cell = inputs.new_zeros(inputs.shape[1], self.decoder_rnn.hidden_size)
        hiddens = []
        with without_autocast(inputs.device):
            gates = LoopProduct(_recurrent_weight(self.decoder_rnn, inputs.shape[2]), known_terms)
            for mask in _steps(masks, len(inputs)):
                hidden, cell = update(gates(hidden), cell, mask)
                hiddens.append(hidden)
        return torch.stack(hiddens)

    @in_float32
    def step(
        self, memory: Tensor, keys: Tensor, valid: Tensor, frame: Tensor, prenet_masks: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Say the next frames, given the last; as in evaluation, without the LSTMs' dropout.

        All of it is in float32: a state that is rounded at every step drifts, and the time goes into reading weights.

        Shape:
            memory: (B, S, C), keys: (B, S, A), valid: (B, S) bool, frame: (B, n_mels), prenet_masks: (B, sum of prenet
            channels) -> (B, r n_mels), (B,)
        """
        squeezed = self.prenet(frame, prenet_masks)
        attention_hidden, attention_cell = self.attention_rnn(
            torch.cat([squeezed, state.context], 1), (state.attention_hidden, state.attention_cell)
        )
        query = self.attention.query(attention_hidden)
        alignment = self.attention(query, keys, valid, state.alignment, state.cumulative)
        context = (alignment.unsqueeze(1) @ memory).squeeze(1)
        decoder_hidden, decoder_cell = self.decoder_rnn(
            torch.cat([attention_hidden, context], 1), (state.decoder_hidden, state.decoder_cell)
        )
        spoken = torch.cat([decoder_hidden, context], 1)
        state = DecoderState(
            attention_hidden, attention_cell, decoder_hidden, decoder_cell, context, alignment,
            state.cumulative + alignment,
        )  # fmt: skip
        return self.mel_projection(spoken), self.stop_projection(spoken).squeeze(1), state


def _recurrent_weight(cell: nn.LSTMCell, known_channels: int) -> Tensor:
    """Return the weight of those inputs that a step before makes, and of the hidden state: (I, 4 H)."""
    return torch.cat([cell.weight_ih[:, known_channels:], cell.weight_hh], 1).T


def _steps(masks: Tensor | None, steps: int) -> Iterable[Tensor | None]:
    return [None] * steps if masks is None else masks.unbind(0)
