"""How sounds to judge are made: a voice speaks a sentence, or a vocoder copies its recording."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonorant.audio import Audio, log_mel, resample
from sonorant.errors import RequestError, VoiceError
from sonorant.evaluation.material import Item
from sonorant.evaluation.results import Kind
from sonorant.synthesis import Runtime, Synthesizer, load_runtime
from sonorant.synthesis.vocoding import vocode
from sonorant.voice import is_voice, load_voice
from sonorant.voice.manifest import VocoderPart

AS_PACKED = "as packed"
"""The precision of a voice in ONNX Runtime."""


@dataclass(frozen=True, eq=False)
class Made:
    """A sound to judge.

    Attributes:
        sound: What was made.
        compute_s: Wall clock that making it took.
        num_words: Words that the voice spoke; 0 in copy synthesis.
        skipped: Those of them that were given no frame.
        warnings: What the voice warned of.
    """

    sound: Audio
    compute_s: float
    num_words: int = 0
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Speaker:
    """Speaks sentences with a voice.

    Where the voice has several speakers, a sentence is spoken by `speaker`, or else by whoever recorded it.

    Attributes:
        kind: What is judged.
        precision: In which the networks compute.
        mel: The mel that the vocoder reads.
    """

    kind: Kind = "speech"
    precision = AS_PACKED

    def __init__(self, synthesizer: Synthesizer, speaker: str | None = None) -> None:
        self._synthesizer = synthesizer
        self._speaker = speaker
        self.mel = synthesizer.manifest.vocoder.mel

    @classmethod
    def load(cls, voice: str, speaker: str | None = None, threads: int | None = None) -> "Speaker":
        """Open a voice.

        Raises:
            VoiceError: There is no such voice, or it is damaged.
        """
        return cls(Synthesizer.load(voice, threads=threads), speaker)

    def __call__(self, item: Item) -> Made:
        """Speak a sentence.

        Raises:
            RequestError: The voice has no such speaker.
            TextError: Nothing of the sentence can be spoken.
        """
        begin = time.perf_counter()
        speech = self._synthesizer.speak(item.text, speaker=self._chosen(item))
        return Made(
            sound=speech,
            compute_s=time.perf_counter() - begin,
            num_words=len(speech.words),
            skipped=tuple(word.text for word in speech.words if word.end_s <= word.start_s),
            warnings=speech.warnings,
        )

    def _chosen(self, item: Item) -> str | None:
        several = len(self._synthesizer.manifest.speakers) > 1
        return self._speaker or (item.speaker if several else None)


class Copier:
    """Copies recordings with a vocoder: recording -> mel -> sound.

    Attributes:
        kind: What is judged.
        precision: In which the network computes.
        mel: The mel that it reads.
    """

    kind: Kind = "copy"

    def __init__(self, runtime: Runtime, vocoder: VocoderPart, precision: str = AS_PACKED) -> None:
        self.precision = precision
        self._runtime = runtime
        self._vocoder = vocoder
        self.mel = vocoder.mel

    @classmethod
    def load(cls, subject: str, threads: int | None = None, precision: str | None = None) -> "Copier":
        """Copy with the vocoder of a voice, or with a trained one that is in no voice yet; `precision` is the latter's.

        Raises:
            VoiceError: There is no such voice or model, it is damaged, or it is no vocoder.
            RequestError: A voice's vocoder is asked for a precision.
        """
        path = Path(subject)
        is_model = path.exists() and not is_voice(subject)
        if is_model:
            return cls.of_model(path, threads, precision or "fp32")
        if precision is not None:
            raise RequestError(f"precision: {precision} is of trained vocoders; {subject} is a voice, leave it out")
        return cls.of_voice(subject, threads)

    @classmethod
    def of_voice(cls, name: str, threads: int | None = None) -> "Copier":
        """Copy with the vocoder of a voice.

        Raises:
            VoiceError: There is no such voice, or it is damaged.
        """
        voice = load_voice(name, verify=False)
        return cls(load_runtime("onnx", voice, threads), voice.manifest.vocoder)

    @classmethod
    def of_model(cls, path: Path, threads: int | None = None, precision: str = "fp32") -> "Copier":
        """Copy with a trained vocoder: a run folder, a checkpoint or a .safetensors file.

        Raises:
            VoiceError: There is no such model, or it is no vocoder.
        """
        from sonorant.synthesis.torch_runtime import TorchRuntime
        from sonorant.training.checkpoint import load_trained
        from sonorant.voice.pack import vocoder_part
        from sonorant.voice.trained import VocoderConfig

        model = load_trained(path)
        if not isinstance(model.config, VocoderConfig):
            raise VoiceError(f"{path}: a {model.kind}, which makes no sound; give a vocoder, or pack a voice")
        return cls(TorchRuntime.of_models(model, threads=threads, precision=precision), vocoder_part(model), precision)

    def __call__(self, item: Item) -> Made:
        """Copy the recording of a sentence; the copy is as long as the recording, or a part of a hop shorter."""
        assert item.recording is not None, "only recordings are copied"
        recording = item.recording()
        samples = resample(recording.samples, recording.sample_rate, self.mel.sample_rate)
        frames = log_mel(samples, self.mel)
        begin = time.perf_counter()
        copy = np.concatenate(list(vocode(self._runtime, self._vocoder, frames, seed=0)))[: len(samples)]
        return Made(Audio(np.clip(copy, -1.0, 1.0), self.mel.sample_rate), time.perf_counter() - begin)
