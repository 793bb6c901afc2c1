"""Encoding speech, whole or while it is being spoken.

The two differ where a header tells the length, which a stream can't know when it begins: a streamed wav declares an
unknown length, a streamed mp3 has a constant bit rate and keeps the encoder's padding, and flac is not streamed, as
decoders refuse it without its length.
"""

import io
import struct
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.resample import resample, resample_stream
from sonorant.audio.sound import Audio, pcm16
from sonorant.errors import RequestError

FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "pcm")
"""The names and suffixes of the formats that are written; ogg holds Vorbis, pcm bare little-endian 16-bit samples."""

_STREAMED = ("wav", "mp3", "ogg", "opus", "pcm")
_CODECS = {  # soundfile's names of container and encoding
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
_RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
_FALLBACK_RATE = 24000
_UNKNOWN_SIZE = 0xFFFFFFFF
_BLOCK = 8192  # samples; libsndfile's Vorbis encoder keeps a whole write on the stack
_SET_OGG_PAGE_LATENCY_MS = 0x1302  # sndfile.h: SFC_SET_OGG_PAGE_LATENCY_MS
_PAGE_LATENCY_MS = 100.0
_MP3_STREAM = {"bitrate_mode": "CONSTANT", "compression_level": 0.7}  # 56 kbit/s at 22,050 Hz


def encode(audio: Audio, format: str) -> bytes:
    """Return the bytes of a whole sound file.

    Raises:
        RequestError: There is no such format.
        ValueError: A sample is not a finite number.

    Example:
        >>> encode(Audio(np.zeros(2, dtype=np.float32), 22050), "pcm")
        b'\\x00\\x00\\x00\\x00'
    """
    _check_format(format, FORMATS)
    samples = _finite(audio.samples)
    if format in _CODECS:
        rate = _written_rate(format, audio.sample_rate)
        codec = _Codec(format, rate)
        codec.write(resample(samples, audio.sample_rate, rate))
        return codec.close()
    content = _pcm(samples)
    return _wav_header(audio.sample_rate, len(content)) + content if format == "wav" else content


class StreamEncoder:
    """Encodes chunks of samples as they come; the bytes of all calls in order are one sound file.

    Opus and mp3 know few sample rates; others are resampled to 24 kHz on the way.

    Attributes:
        sample_rate: The rate that is written.

    Example:
        >>> encoder = StreamEncoder("wav", 22050)
        >>> chunks = [encoder.push(np.zeros(100, dtype=np.float32)), encoder.close()]
        >>> [len(chunk) for chunk in chunks]
        [244, 0]
    """

    def __init__(self, format: str, sample_rate: int) -> None:
        """Begin a stream.

        Raises:
            RequestError: There is no such format, or it can't be streamed.
        """
        _check_format(format, _STREAMED)
        self.sample_rate = _written_rate(format, sample_rate)
        self._resampler = resample_stream(sample_rate, self.sample_rate) if self.sample_rate != sample_rate else None
        options = _MP3_STREAM if format == "mp3" else {}
        self._codec = _Codec(format, self.sample_rate, **options) if format in _CODECS else None
        self._header = _wav_header(sample_rate, None) if format == "wav" else b""
        self._num_taken = 0

    def push(self, samples: NDArray[np.float32]) -> bytes:
        """Return what became ready with these samples; it may be nothing yet.

        Shape:
            samples: (N,) in [-1, 1]

        Raises:
            ValueError: A sample is not a finite number.
        """
        return self._encode(_finite(samples), last=False)

    def close(self) -> bytes:
        """Return the rest. Nothing can be pushed afterwards."""
        return self._encode(np.zeros(0, dtype=np.float32), last=True)

    def _encode(self, samples: NDArray[np.float32], last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples.astype(np.float32, copy=False), last=last)
        if self._codec is not None:
            return self._fresh(self._codec, samples, last)
        header, self._header = self._header, b""
        return header + _pcm(samples)

    def _fresh(self, codec: "_Codec", samples: NDArray[np.float32], last: bool) -> bytes:
        codec.write(samples)
        if last:
            codec.close()
        fresh = codec.content(self._num_taken)
        self._num_taken += len(fresh)
        return fresh


class _Codec:
    """A soundfile encoder that writes to memory: libsndfile's own sinks must seek."""

    def __init__(self, format: str, sample_rate: int, **options: Any) -> None:
        import soundfile

        container, subtype = _CODECS[format]
        self._sink = io.BytesIO()
        self._file = soundfile.SoundFile(
            self._sink, "w", sample_rate, channels=1, format=container, subtype=subtype, **options
        )
        if format == "opus":
            _shorten_pages(self._file)
        self._is_lossless = format == "flac"

    def write(self, samples: NDArray[np.float32]) -> None:
        ready = pcm16(samples) if self._is_lossless else np.clip(samples, -1.0, 1.0)
        for start in range(0, len(ready), _BLOCK):
            self._file.write(ready[start : start + _BLOCK])

    def content(self, start: int = 0) -> bytes:
        return bytes(self._sink.getbuffer()[start:])

    def close(self) -> bytes:
        self._file.close()
        return self.content()


def _shorten_pages(file: Any) -> None:
    """Let Ogg pages leave after 0.1 s instead of 1 s.

    soundfile has no public name for this command; without it the stream is right, only later.
    """
    import soundfile

    with suppress(AttributeError):
        latency = soundfile._ffi.new("double*", _PAGE_LATENCY_MS)
        soundfile._snd.sf_command(file._file, _SET_OGG_PAGE_LATENCY_MS, latency, soundfile._ffi.sizeof("double"))


def _check_format(format: str, allowed: tuple[str, ...]) -> None:
    if format not in allowed:
        problem = "cannot be streamed" if format in FORMATS else "no such format"
        raise RequestError(f"format {format!r}: {problem}, allowed are {', '.join(allowed)}; choose one of them")


def _written_rate(format: str, sample_rate: int) -> int:
    return sample_rate if sample_rate in _RATES.get(format, (sample_rate,)) else _FALLBACK_RATE


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(samples).all():
        raise ValueError("cannot encode samples that are not finite numbers")
    return samples


def _pcm(samples: NDArray[np.float32]) -> bytes:
    return pcm16(samples).astype("<i2").tobytes()


def _wav_header(sample_rate: int, num_bytes: int | None) -> bytes:
    """Return the header of a mono 16-bit wav file; None writes the sizes that stand for an unknown length."""
    riff_size, data_size = (_UNKNOWN_SIZE, _UNKNOWN_SIZE) if num_bytes is None else (num_bytes + 36, num_bytes)
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", riff_size) + b"WAVE"
        + b"fmt " + struct.pack("<I", len(form)) + form
        + b"data" + struct.pack("<I", data_size)
    )  # fmt: skip
