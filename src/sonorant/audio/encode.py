"""Encoding speech, whole or while it is being spoken.

A stream and a whole file take the same path through the same encoder, so they hold the same bytes; only wav differs, in
the lengths that its header can't know in a stream, and flac, which decoders refuse without its length.
"""

import io
import struct
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.sound import Audio, pcm16
from sonorant.errors import RequestError

FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "pcm")
"""The names and suffixes of the formats that are written; ogg holds Vorbis, pcm bare little-endian 16-bit samples."""

_STREAMED = ("wav", "mp3", "ogg", "opus", "pcm")
_CONTAINERS = {"mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}
_RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
_FALLBACK_RATE = 24000
_UNKNOWN_SIZE = 0xFFFFFFFF
_BLOCK = 8192  # samples; libsndfile's Vorbis encoder keeps a whole write on the stack
_SET_OGG_PAGE_LATENCY_MS = 0x1302  # sndfile.h: SFC_SET_OGG_PAGE_LATENCY_MS
_PAGE_LATENCY_MS = 100.0
_MP3_COMPRESSION = 0.7  # 56 kbit/s at 22,050 Hz


def encode(audio: Audio, format: str) -> bytes:
    """Return the bytes of a whole sound file.

    Raises:
        RequestError: There is no such format.
        ValueError: A sample is not a finite number.

    Example:
        >>> encode(Audio(np.zeros(2, dtype=np.float32), 22050), "pcm")
        b'\\x00\\x00\\x00\\x00'
    """
    if format == "wav":
        samples = _pcm(audio.samples)
        return _wav_header(audio.sample_rate, len(samples)) + samples
    if format == "flac":
        return _flac(audio)
    encoder = StreamEncoder(format, audio.sample_rate)
    return encoder.push(audio.samples) + encoder.close()


class StreamEncoder:
    """Encodes chunks of samples as they come; the bytes of all calls in order are one sound file.

    Opus and mp3 know few sample rates; others are resampled to 24 kHz on the way.

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
        if format not in _STREAMED:
            allowed = ", ".join(_STREAMED)
            problem = "cannot be streamed" if format in FORMATS else "no such format"
            raise RequestError(f"format {format!r}: {problem}, allowed are {allowed}; choose one of them")
        allowed_rates = _RATES.get(format, (sample_rate,))
        self.sample_rate = sample_rate if sample_rate in allowed_rates else _FALLBACK_RATE
        self._resampler = _resampler(sample_rate, self.sample_rate) if self.sample_rate != sample_rate else None
        self._codec = _Codec(format, self.sample_rate) if format in _CONTAINERS else None
        self._header = _wav_header(sample_rate, None) if format == "wav" else b""

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
        rest = self._encode(np.zeros(0, dtype=np.float32), last=True)
        return rest + self._codec.finish() if self._codec else rest

    def _encode(self, samples: NDArray[np.float32], last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples.astype(np.float32, copy=False), last=last)
        header, self._header = self._header, b""
        return header + (self._codec.write(samples) if self._codec else _pcm(samples))


class _Codec:
    """A soundfile encoder whose new bytes can be taken out after each write."""

    def __init__(self, format: str, sample_rate: int) -> None:
        import soundfile

        container, subtype = _CONTAINERS[format]
        # A variable rate would need a header that is only known at the end; players then show a wrong length.
        options = {"bitrate_mode": "CONSTANT", "compression_level": _MP3_COMPRESSION} if format == "mp3" else {}
        self._sink = io.BytesIO()
        self._taken = 0
        self._file = soundfile.SoundFile(
            self._sink, "w", sample_rate, channels=1, format=container, subtype=subtype, **options
        )
        if format == "opus":
            _shorten_pages(self._file)

    def write(self, samples: NDArray[np.float32]) -> bytes:
        clipped = np.clip(samples, -1.0, 1.0)
        for start in range(0, len(clipped), _BLOCK):
            self._file.write(clipped[start : start + _BLOCK])
        return self._take()

    def finish(self) -> bytes:
        self._file.close()
        return self._take()

    def _take(self) -> bytes:
        fresh = bytes(self._sink.getbuffer()[self._taken :])
        self._taken += len(fresh)
        return fresh


def _shorten_pages(file: Any) -> None:
    """Let Ogg pages leave after 0.1 s instead of 1 s.

    soundfile has no public name for this command; without it the stream is right, only later.
    """
    import soundfile

    with suppress(AttributeError):
        latency = soundfile._ffi.new("double*", _PAGE_LATENCY_MS)
        soundfile._snd.sf_command(file._file, _SET_OGG_PAGE_LATENCY_MS, latency, soundfile._ffi.sizeof("double"))


def _resampler(from_rate: int, to_rate: int) -> Any:
    import soxr

    return soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="VHQ")


def _flac(audio: Audio) -> bytes:
    import soundfile

    sink = io.BytesIO()
    soundfile.write(sink, pcm16(_finite(audio.samples)), audio.sample_rate, format="FLAC", subtype="PCM_16")
    return sink.getvalue()


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(samples).all():
        raise ValueError("cannot encode samples that are not finite numbers")
    return samples


def _pcm(samples: NDArray[np.float32]) -> bytes:
    return pcm16(_finite(samples)).astype("<i2").tobytes()


def _wav_header(sample_rate: int, num_bytes: int | None) -> bytes:
    """Return the header of a mono 16-bit wav file; None writes the sizes that stand for an unknown length."""
    riff_size, data_size = (_UNKNOWN_SIZE, _UNKNOWN_SIZE) if num_bytes is None else (num_bytes + 36, num_bytes)
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", riff_size) + b"WAVE"
        + b"fmt " + struct.pack("<I", len(form)) + form
        + b"data" + struct.pack("<I", data_size)
    )  # fmt: skip
