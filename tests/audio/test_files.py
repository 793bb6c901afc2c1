"""Recordings in, speech out, and every way in which a file can be bad."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonorant.audio.encode import FORMATS, StreamEncoder
from sonorant.audio.files import read_audio, write_audio
from sonorant.audio.sound import Audio
from sonorant.errors import CorpusError, RequestError


def _tone(seconds: float = 0.5, sample_rate: int = 22050, hz: float = 440.0) -> np.ndarray:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


@pytest.fixture
def audio() -> Audio:
    return Audio(_tone(), 22050)


def test_a_16_bit_file_comes_back_bit_for_bit(tmp_path: Path) -> None:
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    for suffix in ("wav", "flac"):
        first, second = tmp_path / f"first.{suffix}", tmp_path / f"second.{suffix}"
        soundfile.write(first, samples, 22050, subtype="PCM_16")
        write_audio(second, read_audio(first))
        np.testing.assert_array_equal(soundfile.read(second, dtype="int16")[0], samples)


@pytest.mark.parametrize("suffix", [name for name in FORMATS if name != "pcm"])
def test_every_format_sounds_the_same_again(tmp_path: Path, audio: Audio, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    write_audio(path, audio)
    back = read_audio(path, 22050)
    assert back.duration_s == pytest.approx(audio.duration_s, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(back.samples[2000:10000] * np.hanning(8000)))
    assert spectrum.argmax() * 22050 / 8000 == pytest.approx(440, abs=3)
    assert np.abs(back.samples[2000:10000]).max() == pytest.approx(0.5, abs=0.05)


def test_pcm_is_bare_little_endian_samples(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.pcm", Audio(np.array([0.0, 0.5, -1.0], dtype=np.float32), 22050))
    assert (tmp_path / "x.pcm").read_bytes() == b"\x00\x00\x00\x40\x00\x80"


def test_channels_are_mixed_and_the_rate_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([_tone(1.0, 48000), np.zeros(48000)], axis=1), 48000)
    assert read_audio(path).sample_rate == 48000
    recording = read_audio(path, 22050)
    assert recording.sample_rate == 22050 and recording.samples.dtype == np.float32
    np.testing.assert_allclose(recording.samples[2000:-2000], _tone(1.0)[2000:-2000] / 2, atol=1e-3)


def test_resampling_leaves_no_alias(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "high.wav", _tone(1.0, 48000, 15000.0), 48000)
    assert np.abs(read_audio(tmp_path / "high.wav", 22050).samples[500:-500]).max() < 1e-4


def test_overshoots_of_float_files_are_cut(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", 3 * _tone(), 22050, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "loud.wav").samples).max() == 1.0


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.flac", _tone(), 22050)
    for name in ("tone.wav", "tone.raw", "tone"):
        (tmp_path / "tone.flac").rename(tmp_path / name)
        assert len(read_audio(tmp_path / name).samples) == 11025
        (tmp_path / name).rename(tmp_path / "tone.flac")


@pytest.mark.parametrize("format", ["wav", "mp3", "ogg", "opus"])
def test_a_saved_stream_is_readable(tmp_path: Path, audio: Audio, format: str) -> None:
    encoder = StreamEncoder(format, audio.sample_rate)
    (tmp_path / "stream").write_bytes(encoder.push(audio.samples) + encoder.close())
    assert read_audio(tmp_path / "stream").duration_s == pytest.approx(audio.duration_s, abs=0.12)


def _assert_refused(path: Path, problem: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_audio(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and problem in message and "; " in message and "\n" not in message


def test_what_is_no_recording_is_refused_in_words(tmp_path: Path) -> None:
    _assert_refused(tmp_path / "missing.wav", "no such file")
    _assert_refused(tmp_path, "a directory")
    path = tmp_path / "bad.wav"
    path.write_bytes(b"")
    _assert_refused(path, "empty file of 0 bytes")
    for content in (b"R", b"once upon a time " * 100, bytes(5000), b"RIFF\xff\xff\xff\xffWAVE"):
        path.write_bytes(content)
        _assert_refused(path, "not a sound file")


@pytest.mark.parametrize(
    ("samples", "problem"),
    [
        (np.zeros(0), "without samples"),
        (np.array([0.0, 0.1, np.nan]), "sample 2 is not a finite number"),
        (np.array([0.0, -np.inf]), "sample 1 is not a finite number"),
        (np.array([0.0, 20000.0]), "samples reach 20000"),
    ],
)
def test_samples_that_are_no_sound_are_refused(tmp_path: Path, samples: np.ndarray, problem: str) -> None:
    soundfile.write(tmp_path / "bad.wav", samples.astype(np.float32), 22050, subtype="FLOAT")
    _assert_refused(tmp_path / "bad.wav", problem)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3"])
def test_a_file_cut_in_half_is_refused(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48000).astype(np.float32)
    path = tmp_path / f"cut.{suffix}"
    write_audio(path, Audio(noise, 24000))
    assert read_audio(path).duration_s == pytest.approx(2.0, abs=1e-3)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CorpusError, match=r"truncated|damaged"):
        read_audio(path)
    capfd.readouterr()  # the mp3 decoder speaks for itself


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    _assert_refused(tmp_path / "secret.wav", "cannot be read: Permission denied")


def test_bad_output_paths_are_refused_in_words(tmp_path: Path, audio: Audio) -> None:
    (tmp_path / "folder.wav").mkdir()
    for path, problem in (
        (tmp_path / "folder.wav", "this is a folder"),
        (tmp_path / "missing" / "x.wav", "does not exist; make it first"),
        (tmp_path / "x.aac", "unknown suffix '.aac', allowed are .wav .flac .mp3 .ogg .opus .pcm"),
        (tmp_path / "x", "unknown suffix ''"),
    ):
        with pytest.raises(RequestError) as caught:
            write_audio(path, audio)
        assert str(caught.value).startswith(f"{path}: ") and problem in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.wav"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_loses_nothing(tmp_path: Path, audio: Audio, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(b"what was there before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(RequestError, match="No space left on device"):
        write_audio(path, audio)
    assert path.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_samples_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    broken = Audio(np.array([0.0, np.nan], dtype=np.float32), 22050)
    for suffix in FORMATS:
        with pytest.raises(ValueError, match="not finite"):
            write_audio(tmp_path / f"x.{suffix}", broken)
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_any_new_file_or_stay(tmp_path: Path, audio: Audio) -> None:
    (tmp_path / "plain").touch()
    write_audio(tmp_path / "x.wav", audio)
    assert (tmp_path / "x.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "x.wav").chmod(0o600)
    write_audio(tmp_path / "x.wav", audio)
    assert (tmp_path / "x.wav").stat().st_mode & 0o777 == 0o600


def test_the_room_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'scipy', 'soundfile', 'soxr', 'onnxruntime', 'swift_f0'}"
    program = f"import sys, sonorant.audio; print(sorted({heavy} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
