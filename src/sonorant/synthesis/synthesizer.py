"""Text to sound with one voice: pieces -> symbols -> mel -> waveform."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sonorant.errors import TextError
from sonorant.synthesis.denoiser import Denoiser, vocoder_bias
from sonorant.synthesis.pieces import Piece, split_pieces
from sonorant.synthesis.regulation import durations_from_log, repeat_by_duration
from sonorant.synthesis.runtime import Floats, Runtime, load_runtime
from sonorant.synthesis.speech import Speech, SpokenWord, spoken_words
from sonorant.synthesis.style import Style, choose_style
from sonorant.synthesis.vocoding import vocode
from sonorant.text.frontend import Frontend, Utterance
from sonorant.voice.load import Voice, load_voice

DEFAULT_VOICE = "kathleen"


@dataclass(frozen=True, eq=False)
class _Chunk:
    """A stretch of sound; the first one of an utterance carries its words and warnings."""

    samples: Floats
    words: tuple[SpokenWord, ...] = ()
    warnings: tuple[str, ...] = ()


class Synthesizer:
    """Speaks with one voice; the same voice, text and settings always give the same samples.

    Attributes:
        voice: The voice.
        frontend: What turns text into the voice's symbols.
    """

    def __init__(self, voice: Voice, runtime: Runtime, lexicon_files: Sequence[Path] = ()) -> None:
        self.voice = voice
        self.frontend: Frontend = voice.frontend(lexicon_files)
        self._runtime = runtime

    @classmethod
    def load(
        cls,
        voice: str | Path = DEFAULT_VOICE,
        runtime: str = "onnx",
        threads: int | None = None,
        device: str = "cpu",
        lexicon_files: Sequence[Path] = (),
    ) -> "Synthesizer":
        """Open a voice by name or path; `runtime` is onnx, or torch with any `device` of it.

        A lexicon file holds a word and its phones a line, `sonorant  S AA1 N ER0 AH0 N T`; a later file wins.

        Raises:
            VoiceError: The voice is missing, damaged or of another version.
            RequestError: The runtime is not available.
            TextError: A lexicon file is wrong; every wrong line is named.
        """
        opened = load_voice(voice, verify=False)
        return cls(opened, load_runtime(runtime, opened, threads, device), lexicon_files)

    @property
    def sample_rate(self) -> int:
        """Samples per second of what is spoken."""
        return self.voice.manifest.sample_rate

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
            pitch: Semitones up or down, at most 12.
            seed: Seeds what is random: the first phases of Griffin-Lim.
            speaker: One of the voice's speakers; None is its first.
            denoise: How many times the vocoder's bias is subtracted, 0 to 1; 0 leaves the sound untouched.
            pitch_range: Stretches the pitch's movement around the speaker's mean, 0 to 3; 0 is monotone.

        Raises:
            TextError: No piece of the text can be spoken; where others can, such a piece is left out with a warning.
            RequestError: A setting is out of its range, or the voice has no such speaker.
        """
        style = choose_style(self.voice.manifest, speed, pitch, seed, speaker, denoise, pitch_range)
        spoken = list(self._speak(text, style))
        return Speech(
            samples=np.concatenate([chunk.samples for chunk in spoken]),
            sample_rate=self.sample_rate,
            words=tuple(word for chunk in spoken for word in chunk.words),
            warnings=tuple(dict.fromkeys(warning for chunk in spoken for warning in chunk.warnings)),
        )

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
        style = choose_style(self.voice.manifest, speed, pitch, seed, speaker, denoise, pitch_range)
        return self._stream(text, style, warn or (lambda warning: None))

    def _stream(self, text: str, style: Style, warn: Callable[[str], object]) -> Iterator[Floats]:
        for chunk in self._speak(text, style):
            for warning in chunk.warnings:
                warn(warning)
            if len(chunk.samples):
                yield chunk.samples

    def _speak(self, text: str, style: Style) -> Iterator[_Chunk]:
        """Speak piece by piece; one without words is left out with a warning unless there is no other."""
        position = 0
        unspeakable = TextError("text: it is empty; give at least one word")
        for piece in split_pieces(text):
            try:
                utterance = self.frontend.utterance(piece.text)
            except TextError as error:
                unspeakable = error
                yield _Chunk(np.zeros(0, dtype=np.float32), warnings=(f"left out: {error}",))
                continue
            for chunk in self._speak_piece(piece, utterance, style, position):
                position += len(chunk.samples)
                yield chunk
        if position == 0:
            raise unspeakable

    def _speak_piece(self, piece: Piece, utterance: Utterance, style: Style, position: int) -> Iterator[_Chunk]:
        """Speak one piece that begins `position` samples into the speech, and the pause behind it."""
        mel, durations = self._mel(utterance, style)
        words = spoken_words(utterance, durations, self.voice.manifest.vocoder.mel, position)
        yield _Chunk(np.zeros(0, dtype=np.float32), words, utterance.reports)
        for samples in self._sound(mel, style):
            clipped = np.clip(samples, -1.0, 1.0)
            num_clipped = int(np.count_nonzero(clipped != samples))
            yield _Chunk(clipped, warnings=(f"clipped: {piece.text!r} is too loud",) if num_clipped else ())
        yield _Chunk(np.zeros(round(piece.pause_s / style.speed * self.sample_rate), dtype=np.float32))

    def _mel(self, utterance: Utterance, style: Style) -> tuple[Floats, NDArray[np.int64]]:
        """Predict the mel and the frames of each symbol; every utterance gets at least one frame."""
        ids = np.array(utterance.ids, dtype=np.int64)
        encodings, log_durations = self._runtime.encode(ids, style.speaker_id, style.pitch_scale, style.pitch_offset)
        longest = self.voice.manifest.acoustic.config.max_duration_frames
        durations = durations_from_log(log_durations, style.speed, longest)
        if not durations.any():
            durations[-1] = 1
        return self._runtime.decode(repeat_by_duration(encodings, durations)), durations

    def _sound(self, mel: Floats, style: Style) -> Iterator[Floats]:
        sound = vocode(self._runtime, self.voice.manifest.vocoder, mel, style.seed)
        if not style.denoise:
            yield from sound
            return
        denoiser = Denoiser(self._bias, style.denoise)
        yield from map(denoiser.push, sound)
        yield denoiser.close()

    @cached_property
    def _bias(self) -> Floats:
        return vocoder_bias(self._runtime, self.voice.manifest.vocoder.mel)
