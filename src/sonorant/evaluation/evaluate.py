"""The instrument: make each sound, judge it, keep what the page shows of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sonorant.audio import Audio, encode
from sonorant.config import MelConfig
from sonorant.evaluation.benchmark_machine import process_peak_bytes
from sonorant.evaluation.judge import Judge
from sonorant.evaluation.making import Made
from sonorant.evaluation.material import Item
from sonorant.evaluation.picture import spectrogram_png
from sonorant.evaluation.results import SentenceResult

FORMAT, MEDIA_TYPE = "mp3", "audio/mpeg"


@dataclass(frozen=True)
class Clip:
    """A sound as the page embeds it: encoded, and its spectrogram as a PNG."""

    sound: bytes
    picture: bytes
    duration_s: float


@dataclass(frozen=True)
class Judged:
    """One sentence: what was measured, and what can be heard."""

    result: SentenceResult
    clip: Clip
    recording: Clip | None


def warm_up(items: Sequence[Item], make: Callable[[Item], Made]) -> dict[str, float]:
    """Make the longest sentence once, so that no sentence pays for the start, and tell the memory held by then.

    To be called before anything of the instrument itself is loaded.
    """
    make(max(items, key=lambda item: len(item.text)))
    return {"peak_memory_mib": round(process_peak_bytes() / 2**20, 1)}


def evaluate(
    items: Sequence[Item],
    make: Callable[[Item], Made],
    judge: Judge,
    progress: Callable[[int, int], None],
) -> Iterator[Judged]:
    """Make and judge one sentence after the other; only what the page shows of a sound is kept.

    Args:
        items: The sentences.
        make: A `Speaker` or a `Copier`.
        judge: Measures.
        progress: Called with how many sentences are done and how many there are.
    """
    for done, item in enumerate(items, start=1):
        made = make(item)
        recording = item.recording() if item.recording else None
        result = judge.judge(item, made, recording)
        mel = judge.features.mel
        yield Judged(result, clip(made.sound, mel), clip(recording, mel) if recording else None)
        progress(done, len(items))


def clip(sound: Audio, mel: MelConfig) -> Clip:
    """Return what the page embeds of a sound."""
    return Clip(encode(sound, FORMAT), spectrogram_png(sound, mel), sound.duration_s)
