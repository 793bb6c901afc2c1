"""Reading recordings and writing speech."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.audio.encode import FORMATS, FileEncoder, encode_into
from sonorant.audio.resample import resample
from sonorant.audio.sound import Audio
from sonorant.audio.truncation import declares_length, is_cut_off
from sonorant.errors import CorpusError, RequestError
from sonorant.files import check_writable, write_file

__all__ = ["FORMATS", "Audio", "read_audio", "write_audio", "write_chunks"]

_LOUDEST = 4.0
"""Float files overshoot full scale a little; beyond this (12 dB) they hold something else than samples in [-1, 1]."""


def read_audio(path: str | os.PathLike[str], sample_rate: int | None = None) -> Audio:
    """Read a recording, mix its channels to mono and resample it.

    Samples that lie slightly out of range, in float files and after resampling, are cut to [-1, 1].

    Args:
        path: A file of any format that libsndfile decodes, recognised by its content.
        sample_rate: What to resample to; the file's own when None.

    Raises:
        CorpusError: The file is missing, empty, truncated, not audio, or its samples are no sound.
    """
    where = Path(path)
    samples, found_rate = _decode(_content(where), where)
    wanted_rate = sample_rate or found_rate
    return Audio(np.clip(resample(samples, found_rate, wanted_rate), -1.0, 1.0), wanted_rate)


def write_audio(path: str | os.PathLike[str], audio: Audio) -> None:
    """Write a sound file in the format that the path's suffix names.

    The file is written beside its place and then moved there, so that a failure leaves what was there before.

    Raises:
        RequestError: The suffix names no format, the path is a folder, its folder is missing, or the disk refuses.
    """
    write_chunks(path, [audio.samples], audio.sample_rate)


def write_chunks(path: str | os.PathLike[str], chunks: Iterable[NDArray[np.float32]], sample_rate: int) -> float:
    """Write a sound file as `write_audio` does, chunk by chunk as they are made; return its length in seconds.

    Raises:
        RequestError: As of `write_audio`; where it can be known, before the first chunk is asked for.
    """
    target = Path(path)
    check_writable(target)
    encoder = FileEncoder(format_of(target), sample_rate)
    write_file(target, lambda file: encode_into(file, chunks, encoder))
    return encoder.duration_s


def format_of(path: Path) -> str:
    """Return the format that a path's suffix names.

    Raises:
        RequestError: It names none.

    Example:
        >>> format_of(Path("speech.WAV"))
        'wav'
    """
    name = path.suffix[1:].lower()
    if name not in FORMATS:
        allowed = " ".join(f".{name}" for name in FORMATS)
        raise RequestError(f"{path}: unknown suffix {path.suffix!r}, allowed are {allowed}; rename the output")
    return name


def _content(where: Path) -> bytes:
    try:
        content = where.read_bytes()
    except FileNotFoundError:
        raise CorpusError(f"{where}: no such file; check the path") from None
    except IsADirectoryError:
        raise CorpusError(f"{where}: a directory, not a sound file; give the path of a recording") from None
    except OSError as error:
        raise CorpusError(f"{where}: cannot be read: {error.strerror or error}; check its permissions") from None
    if not content:
        raise CorpusError(f"{where}: an empty file of 0 bytes, not a sound file; record or copy it again")
    return content


def _decode(content: bytes, where: Path) -> tuple[NDArray[np.float32], int]:
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            declared, rate = file.frames, file.samplerate
            channels: NDArray[np.float32] = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise CorpusError(
            f"{where}: not a sound file or a damaged one, the decoder says {reason!r}; "
            "wav, flac, mp3, ogg and what else libsndfile reads are allowed; record or convert it again"
        ) from None
    if is_cut_off(content) or (len(channels) < declared and declares_length(content)):
        raise CorpusError(f"{where}: truncated, its end is missing after {len(channels) / rate:.2f} s; copy it again")
    _check_samples(channels, where)
    return channels.mean(axis=1, dtype=np.float32), rate


def _check_samples(channels: NDArray[np.floating[Any]], where: Path) -> None:
    if not channels.size:
        raise CorpusError(f"{where}: a sound file without samples; record or copy it again")
    if not np.isfinite(channels).all():
        bad = int(np.argmin(np.isfinite(channels).all(axis=1)))
        raise CorpusError(f"{where}: sample {bad} is not a finite number; export it again as 16-bit")
    peak = float(np.abs(channels).max())
    if peak > _LOUDEST:
        raise CorpusError(f"{where}: samples reach {peak:g}, allowed is [-1, 1]; export it again as 16-bit")
