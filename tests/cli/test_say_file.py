"""`say` writes while it speaks, and its file is there whole or not at all."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import soundfile
from tests.cli.command import run

from sonorant.audio import read_audio, write_audio
from sonorant.audio.sound import pcm16
from sonorant.errors import VoiceError
from sonorant.synthesis import Speech, Synthesizer
from sonorant.synthesis.runtime import Floats

TEXT = "Hello there, world. How are you? Fine!"


@pytest.fixture(scope="module")
def speech(tiny_voice: Path) -> Speech:
    return Synthesizer.load(tiny_voice, threads=1).speak(TEXT)


@pytest.fixture
def arguments(tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.chdir(tmp_path)
    return ["say", TEXT, "--voice", tiny_voice, "--threads", 1]


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg", "opus", "wav"])
def test_the_file_holds_the_samples_of_speak_and_tells_their_number(
    arguments: list[object],
    speech: Speech,
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said, spoken = Path(f"said.{suffix}"), Path(f"spoken.{suffix}")
    assert run(monkeypatch, *arguments, "--output", said) == 0
    write_audio(spoken, speech)
    np.testing.assert_array_equal(read_audio(said).samples, read_audio(spoken).samples)
    assert soundfile.info(said).frames == len(speech.samples)
    assert capsys.readouterr().out == f"{said} ({speech.duration_s:.2f} s)\n"
    if suffix in ("flac", "wav"):
        np.testing.assert_array_equal(soundfile.read(said, dtype="int16")[0], pcm16(speech.samples))


def test_flac_on_stdout_is_the_file(
    arguments: list[object], monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    run(monkeypatch, *arguments, "--output", "said.flac")
    capsysbinary.readouterr()
    run(monkeypatch, *arguments, "--output", "-", "--format", "flac")
    assert capsysbinary.readouterr().out == Path("said.flac").read_bytes()


@pytest.mark.parametrize("suffix", ["mp3", "wav"])
def test_the_sound_reaches_the_disk_while_the_text_is_still_being_spoken(
    arguments: list[object], suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken, sizes = Synthesizer.stream, []
    arguments[1] = f"{TEXT} " * 5

    def watched(*given: Any, **settings: Any) -> Iterator[Floats]:
        for chunk in spoken(*given, **settings):
            yield chunk
            assert not Path(f"say.{suffix}").exists()
            sizes.append(sum(path.stat().st_size for path in Path().iterdir()))

    monkeypatch.setattr(Synthesizer, "stream", watched)
    assert run(monkeypatch, *arguments, "--format", suffix) == 0
    assert sizes == sorted(sizes) and len(set(sizes)) > 3
    assert [path.name for path in Path().iterdir()] == [f"say.{suffix}"]


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (VoiceError("the voice broke"), 2, "sonorant: the voice broke\n"),
        (OSError(28, "No space left on device"), 2, "say.flac: cannot be written: No space left on device"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_failure_in_the_middle_keeps_what_was_there_and_leaves_nothing_else(
    arguments: list[object],
    failure: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoken = Synthesizer.stream

    def broken(*given: Any, **settings: Any) -> Iterator[Floats]:
        yield next(spoken(*given, **settings))
        assert len(list(Path().iterdir())) == 2
        raise failure

    monkeypatch.setattr(Synthesizer, "stream", broken)
    Path("say.flac").write_bytes(b"before")
    assert run(monkeypatch, *arguments, "--format", "flac") == code
    assert [path.read_bytes() for path in Path().iterdir()] == [b"before"]
    written = capsys.readouterr()
    assert message in written.err and not written.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_keeps_what_was_there_and_leaves_nothing_else(
    tiny_voice: Path, number: signal.Signals, tmp_path: Path
) -> None:
    path = tmp_path / "said.wav"
    path.write_bytes(b"before")
    command = [sys.executable, "-m", "sonorant", "say", "--voice", tiny_voice, "--output", path, "--threads", "1"]
    heeded = partial(signal.signal, number, signal.SIG_DFL)  # also where the tests themselves run under nohup
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeded) as process:
        assert process.stdin and process.stderr
        process.stdin.write(f"{TEXT}\n".encode() * 20000)
        process.stdin.close()
        while process.poll() is None and len(list(tmp_path.iterdir())) == 1:
            time.sleep(0.01)
        process.send_signal(number)
        told = process.stderr.read()
    assert (process.returncode, told) == (128 + number, b"")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"before"]


def test_a_folder_that_refuses_is_told_before_anything_is_spoken(
    arguments: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    def stream(*_: object, **__: object) -> Iterator[Floats]:
        return (pytest.fail("spoke") for _ in "x")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(Synthesizer, "stream", stream)
    assert run(monkeypatch, *arguments) == 2
    assert "say.wav: cannot be written: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["-", "say.wav"])
def test_a_text_without_words_is_one_error_and_no_sound(
    tiny_voice: Path, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "say", "???\n\n!!!", "--voice", tiny_voice, "--output", output) == 2
    written = capsys.readouterr()
    assert written.err.startswith("sonorant: text: ") and written.err.count("\n") == 1
    assert not written.out


@pytest.mark.parametrize("output", ["-", "say.wav"])
def test_each_warning_is_told_once(
    arguments: list[object], output: str, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    def stream(*_: Any, warn: Callable[[str], object], **__: Any) -> Iterator[Floats]:
        for warning in ("too loud", "left out", "too loud"):
            warn(warning)
            yield np.zeros(100, dtype=np.float32)

    monkeypatch.setattr(Synthesizer, "stream", stream)
    assert run(monkeypatch, *arguments, "--output", output) == 0
    assert capsysbinary.readouterr().err == b"sonorant: warning: too loud\nsonorant: warning: left out\n"
