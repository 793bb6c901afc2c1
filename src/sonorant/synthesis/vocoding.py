"""From a mel to a stream of sound: the trained vocoder in overlapping chunks, or Griffin-Lim."""

from collections.abc import Iterator

from sonorant.audio.griffin_lim import griffin_lim
from sonorant.synthesis.runtime import Floats, Runtime
from sonorant.voice.manifest import GriffinLimPart, HifiganPart

FIRST_CHUNK_FRAMES = 32
LARGEST_CHUNK_FRAMES = 256


def chunks(num_frames: int) -> Iterator[tuple[int, int]]:
    """Cut frames into ranges: a small one, for an early first sound, then each twice as long up to a limit.

    Example:
        >>> list(chunks(300))
        [(0, 32), (32, 96), (96, 224), (224, 300)]
    """
    start, length = 0, FIRST_CHUNK_FRAMES
    while start < num_frames:
        end = min(start + length, num_frames)
        yield start, end
        start, length = end, min(2 * length, LARGEST_CHUNK_FRAMES)


def vocode(runtime: Runtime, vocoder: HifiganPart | GriffinLimPart, mel: Floats, seed: int) -> Iterator[Floats]:
    """Speak a mel chunk by chunk; the chunks in a row equal the whole spoken at once.

    Each chunk is computed with as many frames on either side as the vocoder can see, and these are cut off again.
    Griffin-Lim sees everything, so it gives one chunk.

    Shape:
        mel: (n_mels, T) -> chunks (N,)
    """
    if isinstance(vocoder, GriffinLimPart):
        yield griffin_lim(mel, vocoder.mel, iterations=vocoder.iterations, seed=seed)
        return
    context, hop, num_frames = vocoder.receptive_field_frames, vocoder.mel.hop_length, mel.shape[1]
    for start, end in chunks(num_frames):
        seen = max(0, start - context)
        waveform = runtime.vocode(mel[:, seen : min(num_frames, end + context)])
        yield waveform[(start - seen) * hop : (end - seen) * hop]
