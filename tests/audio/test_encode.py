"""A stream and a whole file hold the same sound."""

import io
import struct

import numpy as np
import pytest
import soundfile

from sonorant.audio.encode import FORMATS, StreamEncoder, encode
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
