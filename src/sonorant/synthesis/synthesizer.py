"""Text to sound with one voice: pieces -> symbols -> mel -> waveform."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sonorant.audio.level import limit_peaks
from sonorant.errors import TextError
from sonorant.synthesis.acoustic import SpokenMel, make_acoustic
from sonorant.synthesis.denoiser import Denoiser, vocoder_bias
from sonorant.synthesis.pieces import Piece, ReadPiece, read_pieces
from sonorant.synthesis.runtime import Floats, Runtime, load_runtime
from sonorant.synthesis.speech import Speech, SpokenWord, spoken_words
from sonorant.synthesis.style import Style, choose_style
from sonorant.synthesis.vocoding import vocode
from sonorant.text.frontend import Frontend, Utterance
from sonorant.voice.load import load_voice
from sonorant.voice.manifest import VoiceManifest

DEFAULT_VOICE = "kathleen"
BATCH_SIZE = 16
"""Sentences that `speak_batch` gives to the acoustic model at once."""
TOO_LOUD = 1.4
"""Peaks up to here, 3 dB above full scale, are bent back unheard; beyond, it is told."""
_NO_SOUND = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Chunk:
    """A stretch of sound; the first one of an utterance carries its words and warnings."""

    samples: Floats
    words: tuple[SpokenWord, ...] = ()
    warnings: tuple[str, ...] = ()


class Synthesizer:
    """Speaks with one voice; the same voice, text and settings always give the same samples.

    Attributes:
        manifest: What the voice says about itself.
        frontend: What turns text into the voice's symbols.
    """

    def __init__(self, manifest: VoiceManifest, runtime: Runtime, lexicon_files: Sequence[Path] = ()) -> None:
        self.manifest = manifest
        self.frontend = Frontend(manifest.frontend, lexicon_files)
        self._runtime = runtime
        self._acoustic = make_acoustic(runtime, manifest.acoustic)

    @classmethod
    def load(
        cls,
        voice: str | Path = DEFAULT_VOICE,
        runtime: str = "onnx",
        threads: int | None = None,
        device: str = "cpu",
        lexicon_files: Sequence[Path] = (),
        precision: str | None = None,
    ) -> "Synthesizer":
        """Open a voice by name or path; `runtime` is onnx, or torch with any `device` of it.

        `precision` is torch's alone, fp32 (as None), tf32, bf16 or fp16: in onnx a voice speaks as it was packed.

        A lexicon file holds a word and its phones a line, `sonorant  S AA1 N ER0 AH0 N T`; a later file wins.

        Raises:
            VoiceError: The voice is missing, damaged or of another version.
            RequestError: The runtime is not available, or does not go with the device or the precision.
            TextError: A lexicon file is wrong; every wrong line is named.
        """
        opened = load_voice(voice, verify=False)
        return cls(opened.manifest, load_runtime(runtime, opened, threads, device, precision), lexicon_files)

    @property
    def sample_rate(self) -> int:
        """Samples per second of what is spoken."""
        return self.manifest.sample_rate

    def speak(
        self,
        text: str,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        denoise: float = 0.0,
        pitch_range: float = 1.0,
    ) -> Speech:
        """Speak a text of any length; the samples are those of `stream` in a row.

        Args:
            text: Plain text; phones may stand in braces, as in "{HH AH0 L OW1}".
            speed: Speaking rate, 0.25 to 4; 2 takes half the time.
            pitch: Semitones up or down, at most 12; a Tacotron 2 has no pitch to change.
            seed: Seeds what is random: Tacotron 2's prenet, WaveGlow's noise, the first phases of Griffin-Lim.
            speaker: One of the voice's speakers; None is its first.
            denoise: How many times the vocoder's bias is subtracted, 0 to 1; 0 leaves the sound untouched.
            pitch_range: Stretches the pitch's movement around the speaker's mean, 0 to 3; 0 is monotone.

        Raises:
            TextError: No piece of the text can be spoken; where others can, such a piece is left out with a warning.
            RequestError: A setting is out of its range, or the voice has no such speaker.
        """
        style = choose_style(self.manifest, speed, pitch, seed, speaker, denoise, pitch_range)
        return self._collect(self._speak(read_pieces(self.frontend, text), style))

    def speak_batch(
        self,
        texts: Sequence[str],
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        denoise: float = 0.0,
        pitch_range: float = 1.0,
    ) -> list[Speech]:
        """Speak several texts, the acoustic model taking up to BATCH_SIZE sentences at once; see `speak`.

        The order is that of the texts, and each speech is what `speak` gives for its text.
        """
        style = choose_style(self.manifest, speed, pitch, seed, speaker, denoise, pitch_range)
        parts = [list(read_pieces(self.frontend, text)) for text in texts]
        mels = self._mels([part.utterance for text in parts for part in text if part.utterance], style)
        return [self._collect(self._speak(text, style, mels)) for text in parts]

    def stream(
        self,
        text: str,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        denoise: float = 0.0,
        pitch_range: float = 1.0,
        warn: Callable[[str], object] | None = None,
    ) -> Iterator[Floats]:
        """Yield the sound as it is made, holding no more than one piece of the text; see `speak`.

        Settings are checked before the first chunk is asked for, the text as it is reached. `warn` is called with what
        `speak` returns as warnings, each time one arises.
        """
        style = choose_style(self.manifest, speed, pitch, seed, speaker, denoise, pitch_range)
        return self._stream(text, style, warn or (lambda warning: None))

    def _stream(self, text: str, style: Style, warn: Callable[[str], object]) -> Iterator[Floats]:
        for chunk in self._speak(read_pieces(self.frontend, text), style):
            for warning in chunk.warnings:
                warn(warning)
            if len(chunk.samples):
                yield chunk.samples

    def _collect(self, chunks: Iterable[_Chunk]) -> Speech:
        spoken = list(chunks)
        return Speech(
            samples=np.concatenate([chunk.samples for chunk in spoken]),
            sample_rate=self.sample_rate,
            words=tuple(word for chunk in spoken for word in chunk.words),
            warnings=tuple(dict.fromkeys(warning for chunk in spoken for warning in chunk.warnings)),
        )

    def _mels(self, utterances: Sequence[Utterance], style: Style) -> Iterator[SpokenMel]:
        """Speak utterances as mels, as many at once as BATCH_SIZE allows."""
        for start in range(0, len(utterances), BATCH_SIZE):
            batch = [np.array(utterance.ids, dtype=np.int64) for utterance in utterances[start : start + BATCH_SIZE]]
            yield from self._acoustic.speak(batch, style)

    def _speak(
        self, parts: Iterable[ReadPiece], style: Style, mels: Iterator[SpokenMel] | None = None
    ) -> Iterator[_Chunk]:
        """Speak piece by piece; one without words is left out, with a warning once there is another.

        `mels` are those of the parts that have words, where they are made already.
        """
        position = 0
        unspeakable = TextError("text: it is empty; give at least one word")
        left_out: list[str] = []
        for part in parts:
            if part.utterance is None:
                unspeakable = part.error or unspeakable
                left_out.append(f"left out: {unspeakable}")
                continue
            yield _Chunk(_NO_SOUND, warnings=tuple(left_out))
            left_out.clear()
            spoken = next(mels or self._mels([part.utterance], style))
            for chunk in self._speak_part(part.piece, part.utterance, spoken, style, position):
                position += len(chunk.samples)
                yield chunk
        if position == 0:
            raise unspeakable
        yield _Chunk(_NO_SOUND, warnings=tuple(left_out))

    def _speak_part(
        self, piece: Piece, utterance: Utterance, spoken: SpokenMel, style: Style, position: int
    ) -> Iterator[_Chunk]:
        """Speak one piece that begins `position` samples into the speech, and the pause behind it."""
        words = spoken_words(utterance, spoken.durations, self.manifest.vocoder.mel, position)
        warnings = tuple(type(warning)(f"{warning}: {piece.text!r}") for warning in spoken.warnings)
        yield _Chunk(_NO_SOUND, words, (*utterance.reports, *warnings))
        for samples in self._sound(spoken.mel, style):
            too_loud = np.abs(samples).max(initial=0.0) > TOO_LOUD
            yield _Chunk(limit_peaks(samples), warnings=(f"clipped: {piece.text!r} is too loud",) if too_loud else ())
        yield _Chunk(np.zeros(round(piece.pause_s / style.speed * self.sample_rate), dtype=np.float32))

    def _sound(self, mel: Floats, style: Style) -> Iterator[Floats]:
        sound = vocode(self._runtime, self.manifest.vocoder, mel, style.seed)
        if not style.denoise:
            yield from sound
            return
        denoiser = Denoiser(self._bias, style.denoise)
        yield from map(denoiser.push, sound)
        yield denoiser.close()

    @cached_property
    def _bias(self) -> Floats:
        return vocoder_bias(self._runtime, self.manifest.vocoder)
