"""The whole way through the command line: a folder of recordings to a spoken sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from tests.speechlike import write_corpus


def run(*arguments: object, code: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command as a user does, in a fresh process, and check its exit code."""
    command = [sys.executable, "-c", "from sonorant.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, input=stdin, timeout=300)
    assert done.returncode == code, done.stderr.decode()
    return done


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("smoke") / "corpus")


@pytest.fixture(scope="module")
def voice(corpus: Path) -> Path:
    """A voice trained for a moment by the very commands of the README."""
    home = corpus.parent
    features = home / "features"
    run("prepare", corpus, features, "--workers", 1, "features.validation_share=0.2", "features.test_share=0.1")
    run("train", "tiny_fastpitch", features, home / "acoustic")
    run("train", "tiny_hifigan", features, home / "vocoder")
    run("pack", home / "voice", "--acoustic", home / "acoustic", "--vocoder", home / "vocoder",
        "--name", "smoke", "--data-licence", "CC0-1.0", "--weights-licence", "CC0-1.0")  # fmt: skip
    return home / "voice"


@pytest.mark.slow
def test_a_folder_of_recordings_becomes_a_voice_that_speaks(voice: Path, tmp_path: Path) -> None:
    output = tmp_path / "hello.wav"
    done = run("say", "Hello there.", "--voice", voice, "--output", output)
    assert done.stdout.decode().startswith(str(output))
    samples, rate = soundfile.read(output)
    assert rate == 22050 and len(samples) > 1000


@pytest.mark.slow
def test_stdout_takes_the_sound_in_any_format(voice: Path) -> None:
    wav = run("say", "-", "--voice", voice, "--output", "-", stdin=b"One two.").stdout
    assert wav[:4] == b"RIFF" and len(wav) > 1000
    pcm = run("say", "One two.", "--voice", voice, "--output", "-", "--format", "pcm").stdout
    assert wav.endswith(pcm) and len(wav) - len(pcm) < 100
    mp3 = run("say", "One two.", "--voice", voice, "--output", "-", "--format", "mp3").stdout
    assert len(mp3) > 500


@pytest.mark.slow
def test_a_voice_is_inspected(voice: Path) -> None:
    assert b"all hashes verified" in run("voices", voice).stdout
    assert json.loads(run("voices", voice, "--json").stdout)["name"] == "smoke"


@pytest.mark.slow
def test_speech_is_explained(voice: Path) -> None:
    text = run("say", "Dr. Smith paid $5.", "--voice", voice, "--explain").stdout.decode()
    assert "doctor" in text.lower() and "five dollars" in text and "S M IH1 TH" in text


@pytest.mark.slow
def test_training_goes_on_where_it_stopped_and_not_over_what_is_there(voice: Path) -> None:
    home = voice.parent
    done = run("train", "tiny_fastpitch", home / "features", home / "acoustic", code=2)
    assert b"resume" in done.stderr and b"Traceback" not in done.stderr
    run("resume", home / "acoustic", home / "features", "run.steps=8")


def test_the_doctor_looks_at_a_corpus(corpus: Path, tmp_path: Path) -> None:
    report, picture = tmp_path / "report.json", tmp_path / "report.png"
    done = run("check", corpus, "--workers", 1, "--json", report, "--picture", picture)
    assert b"16" in done.stdout
    assert json.loads(report.read_text())
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("say", "Hello", "--voice", "nobody"), "nobody"),
        (("say", "", "--output", "x.wav"), "it is empty"),
        (("say", "Hello", "--file", "a.txt"), "more than once"),
        (("say", "--file", "missing.txt"), "missing.txt: cannot be read"),
        (("check", "missing"), "missing"),
        (("prepare", "missing", "out"), "missing"),
        (("train", "fastpich", "data", "run"), "did you mean fastpitch?"),
        (("train", "tiny_fastpitch", "missing", "run"), "missing"),
        (("import", "missing.pt", "out.bin"), "a model is a .safetensors file"),
        (("resume", "missing", "data"), "missing: there is no run to resume"),
        (("recipe", "fastpitch", "optimizer.learning_rte=1"), "did you mean learning_rate?"),
        (("recipe", "fastpitch", "optimizer"), "section.key=value"),
        (("import", "missing.pt", "out.safetensors"), "missing.pt"),
        (("voices", "missing"), "missing"),
        (("pack", "out", "--acoustic", "missing", "--name", "x", "--data-licence", "a", "--weights-licence", "b"),
         "missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_mistake_is_told_in_one_line_without_a_traceback(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = run(*arguments, code=2).stderr.decode()
    assert message in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    error = run("say", "Hello", "--output", tmp_path, code=2).stderr.decode()
    assert "folder" in error or "directory" in error


def test_recipes_are_listed_and_shown_with_every_default() -> None:
    assert b"fastpitch" in run("recipe").stdout
    shown = run("recipe", "hifigan_v1", "run.seed=7").stdout.decode()
    assert "seed: 7" in shown and "f_max: 8000.0" in shown
