"""From a mel to a stream of sound: the trained vocoder in overlapping chunks, or Griffin-Lim."""

from collections.abc import Iterator

import numpy as np

from sonorant.audio.griffin_lim import griffin_lim
from sonorant.synthesis.runtime import Floats, Runtime
from sonorant.voice.graphs import VOCODER_NAME
from sonorant.voice.manifest import GriffinLimPart, VocoderPart, WaveglowPart

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


def vocode(runtime: Runtime, vocoder: VocoderPart, mel: Floats, seed: int) -> Iterator[Floats]:
    """Speak a mel chunk by chunk; the chunks in a row equal the whole spoken at once.

    Each chunk is computed with as many frames on either side as the vocoder can see, and these are cut off again.
    WaveGlow's noise is drawn for the whole and cut like the mel. Griffin-Lim sees everything, so it gives one chunk.

    Shape:
        mel: (n_mels, T) -> chunks (N,)
    """
    if isinstance(vocoder, GriffinLimPart):
        yield griffin_lim(mel, vocoder.mel, iterations=vocoder.iterations, seed=seed)
        return
    context, hop, num_frames = vocoder.receptive_field_frames, vocoder.mel.hop_length, mel.shape[1]
    noise = draw_noise(vocoder, num_frames, seed)
    for start, end in chunks(num_frames):
        first, last = max(0, start - context), min(num_frames, end + context)
        waveform = vocode_whole(runtime, mel[:, first:last], noise[:, first:last])
        yield waveform[(start - first) * hop : (end - first) * hop]


def vocode_whole(runtime: Runtime, mel: Floats, noise: Floats) -> Floats:
    """Speak a mel at once.

    Shape:
        mel: (n_mels, T), noise: as `draw_noise` gives it -> (T * hop_length,)
    """
    inputs = {"mel": mel[None]}
    if len(noise):
        inputs["noise"] = noise.reshape(1, len(noise), -1)
    (waveforms,) = runtime.run(VOCODER_NAME, **inputs)
    waveform: Floats = waveforms[0]
    return waveform


def draw_noise(vocoder: VocoderPart, num_frames: int, seed: int | None) -> Floats:
    """Draw the noise that a vocoder turns into sound; seed None: silence in its place.

    Shape:
        -> (channels, T, steps per frame); no channels for a vocoder that needs none
    """
    if not isinstance(vocoder, WaveglowPart):
        return np.zeros((0, num_frames, 0), dtype=np.float32)
    config = vocoder.config
    shape = (num_frames, config.hop_length // config.group_size, config.group_size)  # frames first: a longer text
    if seed is None:  # begins with the noise of a shorter one
        return np.zeros(shape, dtype=np.float32).transpose(2, 0, 1)
    noise = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return (np.float32(config.sigma) * noise).transpose(2, 0, 1)
