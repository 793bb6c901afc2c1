"""Speaking with Tacotron 2: its encoder, the loop of decoder steps, its postnet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonorant.config import Tacotron2Config
from sonorant.synthesis.acoustic import SpokenMel, pad_symbols
from sonorant.synthesis.reading import Faults, Limits, StopRule, durations_of, find_faults, positions_of
from sonorant.synthesis.regulation import change_speed
from sonorant.synthesis.runtime import Floats, Runtime
from sonorant.synthesis.speech import Failed
from sonorant.synthesis.style import Style
from sonorant.voice.graphs import MEMORY, POSTNET, STEP

TRIES = 4
"""A reading with faults is tried again, each time with other dropout; the last time the attention is led."""

BEHIND, AHEAD = 1, 3
"""A led attention sees so many symbols on either side of the furthest that it has reached."""


@dataclass(frozen=True, eq=False)
class DecoderState:
    """What one step hands to the next, by the names of the step's graph.

    Shape:
        frame: (B, n_mels), the last that was said
        attention_hidden, attention_cell, decoder_hidden, decoder_cell: (B, H)
        context: (B, C), alignment: (B, S), cumulative: (B, S)
    """

    frame: Floats
    attention_hidden: Floats
    attention_cell: Floats
    decoder_hidden: Floats
    decoder_cell: Floats
    context: Floats
    alignment: Floats
    cumulative: Floats

    @classmethod
    def initial(cls, config: Tacotron2Config, n_mels: int, batch: int, num_symbols: int) -> "DecoderState":
        """Return the state before the first step.

        A dynamic convolution attention only ever moves on from where it is, and begins on the first symbol.
        """
        attention, decoder = config.attention_rnn_channels, config.decoder_rnn_channels
        sizes = (n_mels, attention, attention, decoder, decoder, config.encoder_channels, num_symbols, num_symbols)
        state = cls(*(np.zeros((batch, size), dtype=np.float32) for size in sizes))
        if config.attention.kind == "dynamic_convolution":
            state.alignment[:, 0] = 1.0
        return state

    def keep(self, rows: NDArray[np.bool_]) -> "DecoderState":
        """Return the state of some rows."""
        return DecoderState(**{name: value[rows] for name, value in vars(self).items()})


@dataclass(frozen=True, eq=False)
class _Texts:
    """Encoded texts: memory (B, S, C), processed_memory (B, S, A), lengths (B,)."""

    memory: Floats
    processed_memory: Floats
    lengths: NDArray[np.int64]

    def keep(self, rows: NDArray[np.bool_]) -> "_Texts":
        return _Texts(self.memory[rows], self.processed_memory[rows], self.lengths[rows])

    def window(self, furthest: NDArray[np.int64] | None) -> NDArray[np.bool_]:
        """Tell which symbols may get attention: all, or those around the `furthest` (B,) reached: -> (B, S)."""
        symbols = np.arange(self.memory.shape[1])
        valid = symbols < self.lengths[:, None]
        if furthest is not None:
            distance = symbols - furthest[:, None]
            valid &= (distance >= -BEHIND) & (distance <= AHEAD)
        return valid


@dataclass(frozen=True, eq=False)
class _Reading:
    """One try at one text: mel (n_mels, T) before the postnet, alignment (steps, S), and what is wrong with it."""

    mel: Floats
    alignment: Floats
    faults: Faults


class Tacotron2Model:
    """Drives Tacotron 2's graphs; see `AcousticModel`.

    The model has no durations that could be scaled: to change the speed, its mel is stretched in time.
    """

    def __init__(self, runtime: Runtime, config: Tacotron2Config, n_mels: int) -> None:
        self._runtime, self._config, self._n_mels = runtime, config, n_mels
        self._limits = Limits.of(config)

    def speak(self, batch: Sequence[NDArray[np.int64]], style: Style) -> list[SpokenMel]:
        """See `AcousticModel.speak`; where even the best reading has faults, they are told as a `Failed` warning."""
        symbols, lengths = pad_symbols(batch)
        speaker_ids = np.full(len(batch), style.speaker_id, dtype=np.int64)
        encoded = self._runtime.run(MEMORY.file, symbols=symbols, symbol_lengths=lengths, speaker_ids=speaker_ids)
        readings = self._best_readings(_Texts(encoded[0], encoded[1], lengths), style.seed)
        mels = self._refine([reading.mel for reading in readings])
        return [self._spoken(mel, reading, style.speed) for mel, reading in zip(mels, readings, strict=True)]

    def _best_readings(self, texts: _Texts, seed: int) -> list[_Reading]:
        """Read each text until a try has no fault, or keep the best of all."""
        best = self._read(texts, (seed, 0), led=False)
        for attempt in range(1, TRIES):
            failed = np.array([bool(reading.faults) for reading in best])
            if not failed.any():
                break
            again = self._read(texts.keep(failed), (seed, attempt), led=attempt == TRIES - 1)
            for row, reading in zip(np.flatnonzero(failed), again, strict=True):
                best[row] = min(best[row], reading, key=lambda one: one.faults.badness)
        return best

    def _read(self, texts: _Texts, seed: tuple[int, int], led: bool) -> list[_Reading]:
        """Read each text once; the dropout is the same for all rows, so that none depends on the others."""
        random, config = np.random.default_rng(seed), self._config
        num_rows, num_symbols = texts.memory.shape[:2]
        state = DecoderState.initial(config, self._n_mels, num_rows, num_symbols)
        rule = StopRule(texts.lengths, self._limits, config.stop_threshold)
        said: list[list[tuple[Floats, Floats]]] = [[] for _ in range(num_rows)]
        rows, furthest = np.arange(num_rows), np.zeros(num_rows, dtype=np.int64)
        lengths = texts.lengths
        while len(rows):
            valid = texts.window(furthest if led else None)
            frames, stop_logits, state = self._step(texts, valid, self._draw_masks(random), state)
            for row, step in zip(rows, zip(frames, state.alignment, strict=True), strict=True):
                said[row].append(step)
            positions = positions_of(state.alignment)
            furthest = np.maximum(furthest, positions)
            going = ~rule.over(positions, stop_logits)
            if not going.all():
                rows, furthest, state, texts = rows[going], furthest[going], state.keep(going), texts.keep(going)
                rule.keep(going)
        return [self._reading(steps, length) for steps, length in zip(said, lengths, strict=True)]

    def _draw_masks(self, random: np.random.Generator) -> Floats:
        """Draw the prenet's dropout of one step: (sum of prenet channels,)."""
        dropout = self._config.prenet_dropout
        kept = random.random(sum(self._config.prenet_channels), dtype=np.float32) >= dropout
        return np.where(kept, np.float32(1.0 / (1.0 - dropout)), np.float32(0.0))

    def _step(
        self, texts: _Texts, valid: NDArray[np.bool_], masks: Floats, state: DecoderState
    ) -> tuple[Floats, Floats, DecoderState]:
        """Say the next frames: (B, n_mels, r), and the stop logits: (B,)."""
        frames, stop_logits, *after = self._runtime.run(
            STEP.file,
            memory=texts.memory,
            processed_memory=texts.processed_memory,
            valid=valid,
            prenet_masks=np.tile(masks, (len(valid), 1)),
            **vars(state),
        )
        return frames, stop_logits, DecoderState(np.ascontiguousarray(frames[:, :, -1]), *after)

    def _reading(self, steps: list[tuple[Floats, Floats]], num_symbols: int) -> _Reading:
        mel = np.concatenate([frames for frames, _ in steps], axis=1)
        alignment = np.stack([weights[:num_symbols] for _, weights in steps])
        return _Reading(mel, alignment, find_faults(alignment, self._limits))

    def _refine(self, mels: Sequence[Floats]) -> list[Floats]:
        """Put mels (n_mels, T) through the postnet."""
        lengths = np.array([mel.shape[1] for mel in mels], dtype=np.int64)
        padded = np.zeros((len(mels), self._n_mels, lengths.max()), dtype=np.float32)
        for row, mel in zip(padded, mels, strict=True):
            row[:, : mel.shape[1]] = mel
        (refined,) = self._runtime.run(POSTNET.file, mel=padded, mel_lengths=lengths)
        return [row[:, :length] for row, length in zip(refined, lengths, strict=True)]

    def _spoken(self, mel: Floats, reading: _Reading, speed: float) -> SpokenMel:
        reduction_factor = self._config.reduction_factor
        mel, durations = change_speed(mel, durations_of(reading.alignment, reduction_factor), speed)
        faults = reading.faults
        return SpokenMel(mel, durations, (Failed(faults.describe(reduction_factor)),) if faults else ())
