"""Encoding speech into a file or a stream while it is being spoken.

The two differ where a header tells the length, which is known last. A file's header is corrected in the end; a streamed
wav declares an unknown length, a streamed mp3 has a constant bit rate and keeps the encoder's padding, and flac is not
streamed, as decoders refuse it without its length.
"""

import io
import os
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.resample import resample_stream
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
    file = io.BytesIO()
    encode_into(file, [audio.samples], FileEncoder(format, audio.sample_rate))
    return file.getvalue()


def encode_into(file: BinaryIO, chunks: Iterable[NDArray[np.float32]], encoder: "Encoder") -> None:
    """Write a sound into an empty file while it is being made, a chunk at a time.

    For a FileEncoder the file must be able to seek.

    Raises:
        ValueError: A sample is not a finite number.
        OSError: The file cannot be written.
    """
    for chunk in chunks:
        file.write(encoder.push(chunk))
        file.flush()
    file.write(encoder.close())
    for position, content in encoder.corrections:
        file.seek(position)
        file.write(content)


class Encoder:
    """Encodes chunks of samples as they come.

    Opus and mp3 know few sample rates; others are resampled to 24 kHz on the way.

    Attributes:
        sample_rate: The rate that is written.
        corrections: What is to be written over earlier bytes after `close`, and where: the length in the header.
    """

    corrections: Sequence[tuple[int, bytes]] = ()

    def __init__(self, format: str, sample_rate: int, allowed: tuple[str, ...], **options: Any) -> None:
        _check_format(format, allowed)
        self._given_rate = sample_rate
        self._num_given = 0
        self.sample_rate = _written_rate(format, sample_rate)
        self._resampler = resample_stream(sample_rate, self.sample_rate) if self.sample_rate != sample_rate else None
        self._sink = _Sink()
        codec = _Codec if format in _CODECS else _Bare
        self._codec = codec(self._sink, format, self.sample_rate, **options)

    def push(self, samples: NDArray[np.float32]) -> bytes:
        """Return what became ready with these samples; it may be nothing yet.

        Shape:
            samples: (N,) in [-1, 1]

        Raises:
            ValueError: A sample is not a finite number.
        """
        self._write(_finite(samples), last=False)
        self._num_given += len(samples)
        return self._sink.take()

    def close(self) -> bytes:
        """Return the rest. Nothing can be pushed afterwards."""
        self._write(np.zeros(0, dtype=np.float32), last=True)
        self._codec.close()
        return self._sink.take()

    @property
    def duration_s(self) -> float:
        """The seconds of sound that were pushed."""
        return self._num_given / self._given_rate

    def _write(self, samples: NDArray[np.float32], last: bool) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples.astype(np.float32, copy=False), last=last)
        self._codec.write(samples)


class StreamEncoder(Encoder):
    """Encodes for a reader who is there already; the bytes of all calls in order are one sound file.

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
        super().__init__(format, sample_rate, _STREAMED, **(_MP3_STREAM if format == "mp3" else {}))


class FileEncoder(Encoder):
    """Encodes for a file; the bytes of all calls in order, then corrected, are one that tells its length.

    The sizes of the chunks make no difference: Vorbis chooses its blocks by what it has been given so far.
    """

    def __init__(self, format: str, sample_rate: int) -> None:
        """Begin a file.

        Raises:
            RequestError: There is no such format.
        """
        super().__init__(format, sample_rate, FORMATS)
        self.corrections = self._sink.corrections
        self._pending = np.zeros(0, dtype=np.float32)

    def push(self, samples: NDArray[np.float32]) -> bytes:
        """Return what became ready with these samples and those of earlier calls, as of `Encoder`."""
        samples = np.concatenate([self._pending, samples])
        num_ready = len(samples) - len(samples) % _BLOCK
        self._pending = samples[num_ready:]
        return super().push(samples[:num_ready])

    def close(self) -> bytes:
        """Return the rest. Nothing can be pushed afterwards."""
        return super().push(self._pending) + super().close()


class _Sink:
    """A file in memory that is emptied as it grows.

    An exception of a real file, such as that of a full disk, would be lost in libsndfile, which writes from C.

    Attributes:
        corrections: What was written over earlier bytes, and where.
    """

    def __init__(self) -> None:
        self.corrections: list[tuple[int, bytes]] = []
        self._fresh = bytearray()
        self._position = self._end = 0

    def write(self, content: bytes) -> int:
        if self._position == self._end:
            self._fresh += content
            self._end += len(content)
        else:
            assert self._position + len(content) <= self._end
            self.corrections.append((self._position, bytes(content)))
        self._position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """Return what was appended since the last call."""
        fresh, self._fresh = bytes(self._fresh), bytearray()
        return fresh


class _Bare:
    """Bare 16-bit samples, in wav behind a header."""

    def __init__(self, sink: _Sink, format: str, sample_rate: int) -> None:
        self._sink = sink
        self._header_rate = sample_rate if format == "wav" else None
        self._num_bytes = 0
        self._write_header(None)

    def write(self, samples: NDArray[np.float32]) -> None:
        self._num_bytes += self._sink.write(pcm16(samples).astype("<i2").tobytes())

    def close(self) -> None:
        self._sink.seek(0)
        self._write_header(self._num_bytes)

    def _write_header(self, num_bytes: int | None) -> None:
        if self._header_rate is not None:
            self._sink.write(_wav_header(self._header_rate, num_bytes))


class _Codec:
    """A soundfile encoder, whose own sinks must seek."""

    def __init__(self, sink: _Sink, format: str, sample_rate: int, **options: Any) -> None:
        import soundfile

        container, subtype = _CODECS[format]
        self._file = soundfile.SoundFile(
            sink, "w", sample_rate, channels=1, format=container, subtype=subtype, **options
        )
        if format == "opus":
            _shorten_pages(self._file)
        self._is_lossless = format == "flac"

    def write(self, samples: NDArray[np.float32]) -> None:
        ready = pcm16(samples) if self._is_lossless else np.clip(samples, -1.0, 1.0)
        for start in range(0, len(ready), _BLOCK):
            self._file.write(ready[start : start + _BLOCK])

    def close(self) -> None:
        self._file.close()


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


def _wav_header(sample_rate: int, num_bytes: int | None) -> bytes:
    """Return the header of a mono 16-bit wav file; None, and what 4 GiB do not hold, becomes an unknown length."""
    riff_size = data_size = _UNKNOWN_SIZE
    if num_bytes is not None and num_bytes + 36 < _UNKNOWN_SIZE:
        riff_size, data_size = num_bytes + 36, num_bytes
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", riff_size) + b"WAVE"
        + b"fmt " + struct.pack("<I", len(form)) + form
        + b"data" + struct.pack("<I", data_size)
    )  # fmt: skip
