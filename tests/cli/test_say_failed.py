"""What `say` does where a voice does not find the end of a sentence."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

WARNING = "frames without an end"


@pytest.fixture
def hasty_voice(tiny_flow_voice: Path, tmp_path: Path) -> Path:
    """A Tacotron 2 that is made to give up before any sentence can be read."""
    folder = Path(shutil.copytree(tiny_flow_voice, tmp_path / "voice"))
    manifest = json.loads((folder / "voice.json").read_text(encoding="utf-8"))
    manifest["acoustic"]["config"]["max_frames_per_symbol"] = 0.5
    (folder / "voice.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def say(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from sonorant.cli import main; main()", "say", "Hello there, world. Fine!"]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, timeout=100)


def test_a_failed_sentence_is_written_told_and_exit_code_1(hasty_voice: Path, tmp_path: Path) -> None:
    output = tmp_path / "hello.wav"
    done = say("--voice", hasty_voice, "--output", output)
    error = done.stderr.decode()
    assert done.returncode == 1 and "Traceback" not in error
    assert error.count(WARNING) == 2 and "'Hello there, world.'" in error and "'Fine!'" in error
    assert done.stdout.decode().startswith(str(output))
    assert len(soundfile.read(output)[0]) > 100


@pytest.mark.parametrize("audio_format", ["pcm", "flac"])
def test_a_stream_with_a_failed_sentence_is_whole_and_ends_with_exit_code_1(
    hasty_voice: Path, audio_format: str
) -> None:
    done = say("--voice", hasty_voice, "--output", "-", "--format", audio_format)
    assert done.returncode == 1 and WARNING in done.stderr.decode()
    assert len(done.stdout) > 200


def test_other_warnings_leave_exit_code_0(tiny_flow_voice: Path, tmp_path: Path) -> None:
    done = say("--voice", tiny_flow_voice, "--output", tmp_path / "hello.wav")
    assert done.returncode == 0, done.stderr.decode()
