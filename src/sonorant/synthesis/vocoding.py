"""From a mel to a stream of sound: the trained vocoder in overlapping chunks, or Griffin-Lim."""

from collections.abc import Iterator, Mapping

import numpy as np

from sonorant.audio.excitation import make_excitation
from sonorant.audio.griffin_lim import griffin_lim
from sonorant.synthesis.runtime import Floats, Runtime
from sonorant.voice.graphs import PITCH_NAME, VOCODER_NAME
from sonorant.voice.manifest import GriffinLimPart, SourceFilterPart, VocoderPart, WaveglowPart

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

    Each chunk is computed with as many frames on either side as the vocoder can see, and these are cut off again. What
    it reads beside the mel is made for the whole and cut like it. Griffin-Lim sees everything, so it gives one chunk.

    Shape:
        mel: (n_mels, T) -> chunks (N,)
    """
    if isinstance(vocoder, GriffinLimPart):
        yield griffin_lim(mel, vocoder.mel, iterations=vocoder.iterations, seed=seed)
        return
    context, hop, num_frames = vocoder.receptive_field_frames, vocoder.mel.hop_length, mel.shape[1]
    others = other_inputs(runtime, vocoder, mel, seed)
    for start, end in chunks(num_frames):
        first, last = max(0, start - context), min(num_frames, end + context)
        cut = {name: values[..., first:last, :] for name, values in others.items()}
        waveform = vocode_whole(runtime, mel[:, first:last], cut)
        yield waveform[(start - first) * hop : (end - first) * hop]


def vocode_whole(runtime: Runtime, mel: Floats, others: Mapping[str, Floats]) -> Floats:
    """Speak a mel at once.

    Shape:
        mel: (n_mels, T), others: as `other_inputs` gives them -> (T * hop_length,)
    """
    inputs = {name: values.reshape(1, *values.shape[:-2], -1) for name, values in others.items()}
    (waveforms,) = runtime.run(VOCODER_NAME, mel=mel[None], **inputs)
    waveform: Floats = waveforms[0]
    return waveform


def other_inputs(runtime: Runtime, vocoder: VocoderPart, mel: Floats, seed: int | None) -> dict[str, Floats]:
    """Make what a vocoder reads beside the mel: WaveGlow's noise, or the pitch, the pulses and the noise of filters.

    Args:
        runtime: Estimates the pitch.
        vocoder: Whose inputs.
        mel: (n_mels, T).
        seed: Of the noise; None, for a WaveGlow alone: silence in its place.

    Returns:
        By the names of the graph's inputs, (..., T, steps per frame) each.
    """
    num_frames = mel.shape[1]
    match vocoder:
        case WaveglowPart(config=config):
            shape = (num_frames, config.hop_length // config.group_size, config.group_size)  # frames first: a longer
            noise = np.zeros(shape, dtype=np.float32)  # text begins with the noise of a shorter one
            if seed is not None:
                noise = np.float32(config.sigma) * np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
            return {"noise": noise.transpose(2, 0, 1)}
        case SourceFilterPart():
            assert seed is not None
            (pitch_hz,) = runtime.run(PITCH_NAME, mel=mel[None])
            excitation = make_excitation(pitch_hz[0], vocoder.mel, np.random.default_rng(seed))
            return {"pitch_hz": pitch_hz[0, :, None], "excitation": excitation.reshape(2, num_frames, -1)}
        case _:
            return {}
