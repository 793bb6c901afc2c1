"""A stream and a whole file hold the same sound."""

import io
import itertools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonorant.audio.encode import FORMATS, FileEncoder, StreamEncoder, encode, encode_into
from sonorant.audio.sound import Audio
from sonorant.errors import RequestError

STREAMED = ["wav", "mp3", "ogg", "opus", "pcm"]


@pytest.fixture(scope="module")
def speech() -> Audio:
    """Two seconds of a swelling chord over noise."""
    time = np.arange(44100) / 22050
    chord = np.sum([0.1 * np.sin(2 * np.pi * hz * time) for hz in (200, 410, 1250)], axis=0)
    noise = np.random.default_rng(0).normal(0, 0.01, len(time))
    return Audio(((chord + noise) * np.hanning(len(time))).astype(np.float32), 22050)


def _stream(audio: Audio, format: str, sizes: list[int]) -> list[bytes]:
    encoder = StreamEncoder(format, audio.sample_rate)
    chunks = np.split(audio.samples, np.cumsum(sizes))
    return [*(encoder.push(chunk) for chunk in chunks), encoder.close()]


def _decode(content: bytes) -> tuple[np.ndarray, int]:
    samples, sample_rate = soundfile.read(io.BytesIO(content), dtype="float32")
    return samples, sample_rate


@pytest.mark.parametrize("format", ["wav", "ogg", "opus"])
def test_a_stream_decodes_to_the_samples_of_the_whole_file(speech: Audio, format: str) -> None:
    whole, rate = _decode(encode(speech, format))
    streamed, streamed_rate = _decode(b"".join(_stream(speech, format, [1, 0, 5000, 9999, 20000])))
    assert rate == streamed_rate
    assert len(whole) == len(streamed)
    np.testing.assert_allclose(streamed, whole, atol=1e-4)  # opus: resampled in other blocks


def test_a_streamed_mp3_holds_the_whole_sound_behind_the_encoders_delay(speech: Audio) -> None:
    samples, _ = _decode(b"".join(_stream(speech, "mp3", [333] * 100)))
    assert len(speech.samples) < len(samples) < len(speech.samples) + 4 * 576
    delays = range(len(samples) - len(speech.samples))
    errors = [np.abs(samples[delay : delay + len(speech.samples)] - speech.samples).mean() for delay in delays]
    assert min(errors) < 0.1 * np.abs(speech.samples).mean()


@pytest.mark.parametrize("format", ["mp3", "pcm", "wav"])
def test_the_sizes_of_the_chunks_do_not_show_in_the_stream(speech: Audio, format: str) -> None:
    assert b"".join(_stream(speech, format, [333] * 100)) == b"".join(_stream(speech, format, [20000, 1]))


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3", "opus"])
def test_a_file_is_exactly_as_long_as_its_sound(speech: Audio, format: str) -> None:
    samples, rate = _decode(encode(speech, format))
    assert len(samples) == round(speech.duration_s * rate)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg", "opus"])
def test_the_sizes_of_the_chunks_do_not_show_in_a_file(speech: Audio, format: str) -> None:
    file, encoder = io.BytesIO(), FileEncoder(format, 22050)
    encode_into(file, np.split(speech.samples, [0, 1, 5000, 5333, 30000]), encoder)
    assert encoder.duration_s == speech.duration_s
    np.testing.assert_array_equal(_decode(file.getvalue())[0], _decode(encode(speech, format))[0])


@pytest.mark.parametrize("format", ["flac", "mp3", "ogg"])
def test_a_file_is_what_soundfile_writes(speech: Audio, format: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, speech.samples, speech.sample_rate, format=format)
    expected, _ = _decode(file.getvalue())
    np.testing.assert_allclose(_decode(encode(speech, format))[0], expected, atol=1.01 / 32768)


@pytest.mark.parametrize("encoder", [StreamEncoder, FileEncoder])
@pytest.mark.parametrize("format", ["wav", "mp3", "ogg"])
def test_a_long_sound_is_encoded_within_bounded_memory(
    speech: Audio, tmp_path: Path, encoder: type[StreamEncoder | FileEncoder], format: str
) -> None:
    encode(speech, format)  # what is imported is not counted
    with (tmp_path / "long").open("wb") as file:
        tracemalloc.start()
        encode_into(file, itertools.repeat(speech.samples[10000:14000], 200), encoder(format, 22050))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 0.5 * (tmp_path / "long").stat().st_size


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_is_not_lost_in_the_encoder(speech: Audio, format: str) -> None:
    class Full(io.BytesIO):
        def write(self, content: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        encode_into(Full(), [speech.samples], FileEncoder(format, 22050))


@pytest.mark.parametrize("format", STREAMED)
def test_bytes_leave_while_the_sound_is_still_being_made(speech: Audio, format: str) -> None:
    parts = _stream(speech, format, [4410] * 9)
    early = sum(len(part) for part in parts[: len(parts) // 2])
    assert early > 0.05 * sum(map(len, parts))


def test_opus_pages_leave_every_tenth_of_a_second(speech: Audio) -> None:
    parts = _stream(speech, "opus", [2205] * 19)
    assert sum(map(bool, parts)) >= 15


@pytest.mark.parametrize(
    ("format", "given", "written"),
    [
        ("opus", 22050, 24000),
        ("opus", 44100, 24000),
        ("opus", 16000, 16000),
        ("mp3", 22050, 22050),
        ("mp3", 20000, 24000),
        ("ogg", 22050, 22050),
        ("wav", 11111, 11111),
    ],
)
def test_only_rates_that_a_format_lacks_are_resampled(format: str, given: int, written: int) -> None:
    tone = (0.3 * np.sin(2 * np.pi * 500 * np.arange(given) / given)).astype(np.float32)
    samples, rate = _decode(encode(Audio(tone, given), format))
    assert rate == written == StreamEncoder(format, given).sample_rate
    spectrum = np.abs(np.fft.rfft(samples[:written] * np.hanning(written)))
    assert spectrum.argmax() == 500


def test_a_streamed_wav_declares_no_length_and_a_whole_one_does(speech: Audio) -> None:
    streamed, whole = b"".join(_stream(speech, "wav", [])), encode(speech, "wav")
    assert struct.unpack("<I", streamed[4:8]) == struct.unpack("<I", streamed[40:44]) == (0xFFFFFFFF,)
    assert struct.unpack("<I", whole[4:8]) == (len(whole) - 8,)
    assert struct.unpack("<I", whole[40:44]) == (2 * len(speech.samples),)
    assert streamed[44:] == whole[44:] == encode(speech, "pcm")


def test_a_wav_of_more_than_its_header_can_tell_declares_no_length(
    speech: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(encode.__globals__, "_UNKNOWN_SIZE", 2 * len(speech.samples))
    header = encode(speech, "wav")[:44]
    assert struct.unpack("<I", header[4:8]) == struct.unpack("<I", header[40:44]) == (2 * len(speech.samples),)


def test_a_stream_of_nothing_is_a_valid_file() -> None:
    encoder = StreamEncoder("wav", 22050)
    assert len(encoder.close()) == 44
    assert StreamEncoder("pcm", 22050).close() == b""


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg", "opus"])
def test_loud_samples_are_cut_not_wrapped(format: str) -> None:
    loud = Audio((3 * np.sin(np.arange(22050) / 20)).astype(np.float32), 22050)
    samples, _ = _decode(encode(loud, format))
    middle = samples[5000:15000]
    share_near_the_top = (np.abs(middle) > 0.8).mean()
    assert share_near_the_top > 0.75  # a sine of amplitude 3 spends 0.83 of its time beyond 0.8


def test_what_cannot_be_streamed_is_refused_in_words() -> None:
    with pytest.raises(RequestError, match="format 'flac': cannot be streamed, allowed are wav, mp3, ogg, opus, pcm"):
        StreamEncoder("flac", 22050)
    with pytest.raises(RequestError, match="format 'aac': no such format"):
        StreamEncoder("aac", 22050)
    with pytest.raises(RequestError, match="format 'aac': no such format"):
        encode(Audio(np.zeros(10, dtype=np.float32), 22050), "aac")


@pytest.mark.parametrize("format", FORMATS)
def test_samples_that_are_not_finite_are_refused(format: str) -> None:
    with pytest.raises(ValueError, match="not finite"):
        encode(Audio(np.array([0.0, np.nan], dtype=np.float32), 22050), format)
