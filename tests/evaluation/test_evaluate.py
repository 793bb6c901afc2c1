"""The instrument with a voice of random weights, from Python and from the command line."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.speechlike import waveform, write_corpus
from tests.tiny_voice import tiny_acoustic, tiny_vocoder
from typer.testing import CliRunner

from sonorant.audio import Audio
from sonorant.cli.app import app
from sonorant.config import FeatureConfig
from sonorant.errors import RequestError, VoiceError
from sonorant.evaluation import recognition
from sonorant.evaluation.closeness import copy_shares, speech_shares
from sonorant.evaluation.judge import Judge
from sonorant.evaluation.making import Copier, Made, Speaker
from sonorant.evaluation.material import Item
from sonorant.evaluation.metrics import METRICS
from sonorant.synthesis import SpokenWord, Synthesizer

RATE = 22050
COPY_ONLY = {"log_mel_error", "stft_distance", "pesq", "stoi"}


class Parrot:
    """A recogniser that hears the same words whatever it hears."""

    def __init__(self, words: str = "one river") -> None:
        self.words = words

    def hear(self, samples: np.ndarray, sample_rate: int) -> str:
        return self.words


@pytest.fixture(scope="module")
def recording() -> Audio:
    return Audio(waveform(1.2), RATE)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sonorant.features.prepare import prepare

    home = tmp_path_factory.mktemp("evaluate")
    prepare(write_corpus(home / "corpus", 3), home / "features", FeatureConfig(validation_share=0.0, test_share=0.99))
    return home / "features"


def value(shares: dict, metric: str) -> float:
    return shares[metric].part / shares[metric].whole


def test_the_recording_itself_is_perfect(recording: Audio) -> None:
    shares = copy_shares(recording, recording, FeatureConfig())
    assert {name: round(value(shares, name), 3) for name in sorted(shares)} == {
        "f0_rmse": 0.0, "log_mel_error": 0.0, "log_spectral_distance": 0.0, "mcd": 0.0, "pesq": 4.644,
        "stft_distance": 0.0, "stoi": 1.0, "voicing_error": 0.0,
    }  # fmt: skip


def test_speech_of_another_tempo_is_matched_before_it_is_compared(recording: Audio) -> None:
    slow = Audio(np.interp(np.arange(0, len(recording.samples) - 1, 0.8), np.arange(len(recording.samples)),
                           recording.samples).astype(np.float32), RATE)  # fmt: skip
    warped, rigid = (compare(recording, slow, FeatureConfig()) for compare in (speech_shares, copy_shares))
    assert value(warped, "duration_error") == pytest.approx(0.25, abs=0.02)
    assert warped["mcd"] < rigid["mcd"] and not COPY_ONLY & set(warped)


def test_silence_at_the_ends_is_no_duration_error(recording: Audio) -> None:
    silence = np.zeros(RATE // 2, dtype=np.float32)
    padded = Audio(np.concatenate([silence, recording.samples, silence]), RATE)
    assert value(speech_shares(recording, padded, FeatureConfig()), "duration_error") < 0.05


def test_a_sound_too_short_for_a_frame_is_not_compared(recording: Audio) -> None:
    short = Audio(recording.samples[:100], RATE)
    assert speech_shares(recording, short, FeatureConfig()) == copy_shares(recording, short, FeatureConfig()) == {}


def test_a_text_without_a_recording_is_judged_by_what_needs_none(recording: Audio) -> None:
    judge = Judge("speech", FeatureConfig(), Parrot("one ridge"))
    made = Made(recording, compute_s=0.3, num_words=2, skipped=("river",), warnings=("left out: x",))
    found = judge.judge(Item("001", "One river."), made, None)
    assert set(found.shares) == {"wer", "cer", "repeated_words", "skipped_words", "real_time_factor"}
    assert value(found.shares, "wer") == value(found.shares, "skipped_words") == 0.5
    assert value(found.shares, "real_time_factor") == pytest.approx(0.25)
    assert found.notes == ("left out: x", "skipped: river") and not found.recording_shares


def test_a_word_without_a_frame_is_skipped(tiny_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = Synthesizer.load(tiny_voice, threads=1)
    speech = synthesizer.speak("One river.")
    skipping = replace(speech, words=(speech.words[0], SpokenWord("river", 0.5, 0.5)))
    monkeypatch.setattr(synthesizer, "speak", lambda *_, **__: skipping)
    made = Speaker(synthesizer, "ada")(Item("001", "One river."))
    assert made.skipped == ("river",) and made.num_words == 2


def test_a_sentence_is_spoken_by_whoever_recorded_it_unless_told_otherwise(tiny_voice: Path) -> None:
    item = Item("001", "One river.", speaker="bob")
    of_item, bob, ada = (
        Speaker.load(str(tiny_voice), name, threads=1)(item).sound.samples for name in (None, "bob", "ada")
    )
    assert np.array_equal(of_item, bob) and not np.array_equal(bob[: len(ada)], ada[: len(bob)])
    with pytest.raises(RequestError, match="has no 'eve'"):
        Speaker.load(str(tiny_voice), threads=1)(Item("001", "One.", speaker="eve"))


def test_a_voice_and_its_trained_vocoder_copy_alike(tiny_voice: Path, tmp_path: Path, recording: Audio) -> None:
    item = Item("001", "One river.", recording=lambda: recording)
    tiny_vocoder().save(tmp_path / "vocoder.safetensors")
    packed, trained = (
        Copier.load(str(path), threads=1)(item).sound for path in (tiny_voice, tmp_path / "vocoder.safetensors")
    )
    assert packed.sample_rate == 8000 and len(packed.samples) == pytest.approx(1.2 * 8000, abs=16)
    assert np.abs(packed.samples - trained.samples).max() < 1e-4


def test_an_acoustic_model_cannot_copy(tmp_path: Path) -> None:
    tiny_acoustic().save(tmp_path / "acoustic.safetensors")
    with pytest.raises(VoiceError, match="a fastpitch, which makes no sound"):
        Copier.load(str(tmp_path / "acoustic.safetensors"))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recognition, "Recogniser", Parrot)
    return CliRunner()


def run(command: CliRunner, *arguments: object) -> str:
    done = command.invoke(app, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_voice_is_measured_against_recordings(command: CliRunner, tiny_voice: Path, features: Path) -> None:
    printed = run(command, tiny_voice, "--features", features, "--speaker", "bob", "--out", "out")
    report = json.loads(Path("out/report.json").read_text())
    everywhere = {name for name in METRICS if not name.startswith("dnsmos")} - COPY_ONLY
    assert everywhere - {"f0_rmse"} <= set(report["figures"]) <= everywhere
    assert all(METRICS[name].title in printed for name in report["figures"])
    assert len(report["sentences"]) == 3 and report["facts"]["peak_memory_mib"] > 10
    assert Path("out/report.html").read_text().count("<audio") == 6


def test_a_vocoder_is_measured_alone(command: CliRunner, tiny_voice: Path, features: Path) -> None:
    run(command, tiny_voice, "--vocoder-only", "--features", features, "--limit", 2)
    report = json.loads(Path("evaluation/report.json").read_text())
    assert report["kind"] == "copy" and len(report["sentences"]) == 2
    assert {"log_mel_error", "stft_distance", "mcd"} <= set(report["figures"])


def test_two_reports_are_compared_and_none_is_overwritten(command: CliRunner, tiny_voice: Path) -> None:
    Path("texts.txt").write_text("greeting\tOne river.\nOne yellow river.\n")
    for out in ("a", "b"):
        run(command, tiny_voice, "--texts", "texts.txt", "--out", out)
    compared = run(command, "--compare", "a", "b/report.json")
    assert re.search(r"word error rate +20.0 % +20.0 % +\+0.0 % \(\+0.0 to \+0.0\)$", compared, re.MULTILINE)
    with pytest.raises(RequestError, match="holds a report already"):
        run(command, tiny_voice, "--out", "a")
    run(command, tiny_voice, "--texts", "texts.txt", "--out", "a", "--replace")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no voice"),
        (("ada", "--compare", "a", "b"), "no voice; leave one of them out"),
        (("--compare", "a", "b", "--limit", "3"), "measures nothing anew"),
        (("--compare", "a", "b", "--out", "c"), "measures nothing anew"),
        (("ada", "--split", "train"), "--split is of --features"),
        (("ada", "--vocoder-only"), "give --features"),
        (("ada", "--features", "f", "--texts", "t"), "both given"),
        (("--compare", "a", "b"), "a: cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused(command: CliRunner, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        run(command, *arguments)
    assert not list(Path.cwd().iterdir())
