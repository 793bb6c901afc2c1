"""A mel spectrogram as a picture of a few kilobytes, without a drawing library."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import Audio, log_mel, resample
from sonorant.config import MelConfig

_QUIETEST, _LOUDEST = -9.0, 1.0
"""Logarithms of mel magnitudes that are drawn white and black, the same in every picture."""


def spectrogram_png(sound: Audio, config: MelConfig) -> bytes:
    """Draw a log-mel spectrogram: one pixel a frame and a bin, the lowest bin below, the louder the darker.

    A sound too short for a frame is drawn as one white pixel.
    """
    samples = resample(sound.samples, sound.sample_rate, config.sample_rate)
    try:
        mel = log_mel(samples, config)
    except ValueError:
        return png(np.full((1, 1), 255, dtype=np.uint8))
    darkness = np.clip((mel[::-1] - _QUIETEST) / (_LOUDEST - _QUIETEST), 0.0, 1.0)
    return png(np.round(255 * (1 - darkness)).astype(np.uint8))


def png(grey: NDArray[np.uint8]) -> bytes:
    """Return a greyscale picture as a PNG file (RFC 2083).

    Shape:
        grey: (height, width), 0 is black
    """
    height, width = grey.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), grey], axis=1)  # filter 0 before each row
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
