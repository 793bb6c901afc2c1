"""Benchmarks of a voice: text to sound as `speak` does it, and its two models by themselves."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.evaluation.benchmark import Case, Stage, Work
from sonorant.evaluation.benchmark_onnx import count_weights
from sonorant.evaluation.benchmark_sentences import num_words
from sonorant.synthesis import Runtime, Synthesizer
from sonorant.synthesis.acoustic import make_acoustic
from sonorant.synthesis.style import choose_style
from sonorant.synthesis.vocoding import vocode
from sonorant.voice import Voice
from sonorant.voice.graphs import GRAPHS, STEP


def voice_cases(
    voice: Voice, runtime: Runtime, sentences: Iterable[str], batches: Sequence[int]
) -> Iterator[Callable[[], Case]]:
    """Yield what prepares each case: every sentence from its text to sound, to its first sound, and by each model.

    The first sound is that of one text: a stream speaks no more.
    """
    speaking = _Speaking(voice, runtime)
    for sentence in sentences:
        yield partial(speaking.first_sound, sentence)
        for batch in batches:
            for prepare in (speaking.speak, speaking.acoustic, speaking.vocoder):
                yield partial(prepare, sentence, batch)


class _Speaking:
    """Prepares the cases of one voice."""

    def __init__(self, voice: Voice, runtime: Runtime) -> None:
        self._manifest = voice.manifest
        self._runtime = runtime
        self._synthesizer = Synthesizer(voice.manifest, runtime)
        self._acoustic = make_acoustic(runtime, voice.manifest.acoustic)
        self._style = choose_style(voice.manifest, 1.0, 0.0, 0, None, 0.0, 1.0)
        self._kinds = voice.manifest.acoustic.kind, voice.manifest.vocoder.kind
        self._num_parameters = _num_parameters(voice)

    def first_sound(self, sentence: str) -> Case:
        def run() -> int:
            return len(next(self._synthesizer.stream(sentence)))

        return Case(self._work("first sound", sentence, 1, run()), run)

    def speak(self, sentence: str, batch: int) -> Case:
        """Speak one text, or several in a batch."""

        def run() -> int:
            if batch == 1:
                return len(self._synthesizer.speak(sentence).samples)
            return sum(len(speech.samples) for speech in self._synthesizer.speak_batch([sentence] * batch))

        return Case(self._work("speak", sentence, batch, run()), run)

    def acoustic(self, sentence: str, batch: int) -> Case:
        """Speak a batch as mels; a sentence that is too long for `speak` is not split."""
        symbols = [self._symbols(sentence)] * batch
        runtime = _CountingRuntime(self._runtime)
        spoken = make_acoustic(runtime, self._manifest.acoustic).speak(symbols, self._style)
        num_frames = sum(row.mel.shape[1] for row in spoken)
        counts = {"frames": float(num_frames)}
        if runtime.calls[STEP.file]:
            counts["decoder steps"] = float(runtime.calls[STEP.file])
        work = self._work("acoustic", sentence, batch, num_frames * self._manifest.acoustic.mel.hop_length, counts)
        return Case(work, lambda: self._acoustic.speak(symbols, self._style))

    def vocoder(self, sentence: str, batch: int) -> Case:
        """Vocode a batch row by row, as speaking does."""
        mel = self._acoustic.speak([self._symbols(sentence)], self._style)[0].mel

        def run() -> None:
            for _ in range(batch):
                for _ in vocode(self._runtime, self._manifest.vocoder, mel, self._style.seed):
                    pass

        num_samples = batch * mel.shape[1] * self._manifest.vocoder.mel.hop_length
        return Case(self._work("vocoder", sentence, batch, num_samples), run)

    def _symbols(self, sentence: str) -> NDArray[np.int64]:
        return np.array(self._synthesizer.frontend.utterance(sentence).ids, dtype=np.int64)

    def _work(
        self, stage: Stage, sentence: str, batch: int, num_samples: int, counts: dict[str, float] | None = None
    ) -> Work:
        kinds = {"acoustic": self._kinds[:1], "vocoder": self._kinds[1:]}.get(stage, self._kinds)
        return Work(
            model=" + ".join(kinds),
            stage=stage,
            words=num_words(sentence),
            batch=batch,
            parameters=sum(self._num_parameters[kind] for kind in kinds),
            audio_s=num_samples / self._manifest.sample_rate,
            counts=counts if counts is not None else {"samples": float(num_samples)},
        )


class _CountingRuntime:
    """Counts how often each graph is computed; a Tacotron 2 that misreads a sentence takes its steps again."""

    def __init__(self, runtime: Runtime) -> None:
        self.calls: Counter[str] = Counter()
        self._runtime = runtime

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """See `Runtime.run`."""
        self.calls[graph] += 1
        return self._runtime.run(graph, **inputs)


def _num_parameters(voice: Voice) -> dict[str, int]:
    """Count the weights of each kind of model of a voice; Griffin-Lim has none."""
    kinds = voice.manifest.acoustic.kind, voice.manifest.vocoder.kind
    return {kind: sum(count_weights(voice.read(graph.file)) for graph in GRAPHS.get(kind, ())) for kind in kinds}
