"""Whatever is wrong with the input is told in one line, and nothing that was there before is lost."""

import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
from tests.speechlike import write_corpus

from sonorant.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


class Command:
    """Runs the command line in this process, in an empty folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Done:
        self._monkeypatch.setattr("sys.argv", ["sonorant", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        written = self._capsys.readouterr()
        assert isinstance(code, int) and "Traceback" not in written.err
        return Done(code, written.out, written.err)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capsys)


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("text", ["", " \n ", "😀", "你好", "\x07\x1b", "...", "<speak/>"])
def test_a_text_that_cannot_be_spoken_is_refused(command: Command, tiny_voice: Path, text: str) -> None:
    done = command("say", "--text", text, "--voice", tiny_voice)
    assert done.code == 2 and done.err.startswith("sonorant: text: ")
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("Hello 😀.", "U+1F600"),
        ("Hello 你.", "U+4F60"),
        ("Hello \x07.", "U+0007"),
        ("<speak>Hello.</speak>", "removed the tag <speak>"),
        ("Hello. 😀!", "left out"),
    ],
)
def test_what_cannot_be_spoken_beside_words_is_a_warning(
    command: Command, tiny_voice: Path, text: str, warning: str
) -> None:
    done = command("say", "--text", text, "--voice", tiny_voice)
    assert done.code == 0 and warning in done.err
    assert len(soundfile.read("say.wav")[0]) > 100


def test_what_cannot_be_spoken_is_a_warning_in_a_stream_too(
    command: Command, tiny_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(sound, write_through=True))
        done = command("say", "Hello. 😀!", "--voice", tiny_voice, "--output", "-")
        assert sound.getvalue().startswith(b"RIFF") and len(sound.getvalue()) > 300
    assert done.code == 0 and "warning: left out" in done.err


@pytest.mark.parametrize("unit", [".", "word", "{HH AH0} "])
def test_a_hundred_thousand_characters_are_explained(command: Command, tiny_voice: Path, unit: str) -> None:
    Path("long.txt").write_text((unit * 100_000)[:100_000])
    done = command("say", "--file", "long.txt", "--voice", tiny_voice, "--explain")
    assert done.code == 0 and done.out.startswith("text     ")


def test_an_explanation_goes_on_behind_what_cannot_be_spoken(command: Command, tiny_voice: Path) -> None:
    done = command("say", "One. 😀. Two.", "--voice", tiny_voice, "--explain")
    assert done.code == 0 and "left out" in done.out and "-> T UW1" in done.out
    assert command("say", "--text", "", "--voice", tiny_voice, "--explain").code == 2


def test_a_text_file_in_another_encoding_is_refused(command: Command, tiny_voice: Path) -> None:
    Path("text.txt").write_bytes("Café".encode("latin-1"))
    done = command("say", "--file", "text.txt", "--voice", tiny_voice)
    assert done.code == 2 and "text.txt: not UTF-8 (byte 3)" in done.err


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("folder", "this is a folder"),
        ("missing/x.wav", "does not exist; make it first"),
        ("x.txt", "unknown suffix '.txt'"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_voice_is_opened(
    command: Command, output: str, message: str
) -> None:
    Path("folder").mkdir()
    done = command("say", "Hello.", "--voice", "no such voice", "--output", output)
    assert done.code == 2 and message in done.err


def test_the_format_names_the_file_and_must_agree_with_its_suffix(command: Command, tiny_voice: Path) -> None:
    assert command("say", "Hello.", "--voice", tiny_voice, "--format", "flac").out.startswith("say.flac")
    done = command("say", "Hello.", "--voice", tiny_voice, "--format", "flac", "--output", "x.wav")
    assert done.code == 2 and "its suffix is not of --format flac" in done.err


@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_a_full_disk_keeps_the_sound_that_was_there(
    command: Command, tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    Path("say.wav").write_bytes(b"before")
    monkeypatch.setattr(step, full_disk)
    done = command("say", "Hello.", "--voice", tiny_voice)
    assert done.code == 2 and "No space left on device" in done.err
    assert [path.read_bytes() for path in Path().iterdir()] == [b"before"]


def test_a_voice_with_a_wrong_hash_is_refused(command: Command, tiny_voice: Path) -> None:
    voice = shutil.copytree(tiny_voice, Path("voice"))
    graph = voice / "vocoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    for arguments in (("say", "Hello.", "--voice", voice), ("voices", voice)):
        done = command(*arguments)
        assert done.code == 2 and "vocoder.onnx does not have the hash" in done.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"format_version": 1', '"format_version": 9', "voice format 9, this version reads 1 to 1; upgrade sonorant"),
        ('"vocoder.onnx": {', '"../vocoder.onnx": {', "../vocoder.onnx"),
    ],
)
def test_a_voice_of_another_format_or_that_climbs_out_is_refused(
    command: Command, tiny_voice: Path, old: str, new: str, message: str
) -> None:
    manifest = shutil.copytree(tiny_voice, Path("voice")) / "voice.json"
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new), encoding="utf-8")
    done = command("say", "Hello.", "--voice", "voice")
    assert done.code == 2 and message in done.err


def test_damaged_recordings_and_transcripts_are_all_told_at_once(command: Command, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    wavs = sorted(corpus.rglob("*.wav"))
    wavs[0].write_bytes(b"")
    wavs[1].write_bytes(wavs[1].read_bytes()[:2000])
    wavs[2].write_bytes(b"not a sound file at all, only words")
    os.remove(wavs[3])
    wavs[4].with_suffix(".txt").write_bytes("One caf\u00e9.".encode("latin-1"))
    wavs[5].with_suffix(".txt").write_bytes(b"")
    done = command("check", corpus, "--workers", "1")
    assert done.code == 1
    for part in (
        "an empty file", "truncated", "not a sound file", "no recording", "byte 0xe9 at position 8 is not UTF-8",
        "the transcript is empty",
    ):  # fmt: skip
        assert part in done.out, part


def test_prepare_takes_settings_of_features_only(command: Command) -> None:
    done = command("prepare", "corpus", "features", "run.steps=3")
    assert done.code == 2 and "run.steps=3: prepare takes features.key=value only" in done.err


def test_a_generator_without_its_config_is_refused(command: Command) -> None:
    Path("generator").write_bytes(b"not a checkpoint")
    done = command("import", "generator", "out.safetensors")
    assert done.code == 2 and "generator: damaged, or not a checkpoint" in done.err
    assert not Path("out.safetensors").exists()
