"""`--precision`, wherever torch computes; where it does not, it is refused and never ignored."""

import json
from pathlib import Path

import pytest
import soundfile
from tests.cli.command import run
from tests.tiny_voice import tiny_acoustic, tiny_vocoder


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_acoustic().save(tmp_path / "acoustic.safetensors")
    tiny_vocoder().save(tmp_path / "vocoder.safetensors")


def test_say_speaks_with_trained_models_in_a_precision(tiny_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = "--acoustic", "acoustic.safetensors", "--vocoder", "vocoder.safetensors"
    sounds = []
    for number, chosen in enumerate([(), ("--precision", "fp32"), ("--precision", "bf16")]):
        assert run(monkeypatch, "say", "Hello.", *halves, *chosen, "-o", f"{number}.wav") == 0
        sounds.append(soundfile.read(f"{number}.wav")[0])
    assert (sounds[0] == sounds[1]).all() and not (sounds[0] == sounds[2]).all()
    mixed = "--voice", tiny_voice, "--vocoder", "vocoder.safetensors", "--precision", "bf16"
    assert run(monkeypatch, "say", "Hello.", *mixed, "-o", "mixed.wav") == 0


def test_bench_measures_a_voice_in_a_precision_with_torch(tiny_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = "--voice", tiny_voice, "--runtime", "torch", "--precision", "bf16", "--threads", 1
    assert run(monkeypatch, "bench", *chosen, "--max-words", 1, "--repeats", 1, "--json", "bench.json") == 0
    assert [product["precision"] for product in json.loads(Path("bench.json").read_text())["matrix_products"]] == [
        "bf16"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("say", "Hello."), "say: --precision is of trained models (--acoustic, --vocoder)"),
        (("say", "Hello.", "--acoustic", "VOICE", "--vocoder", "VOICE"), "bf16 is for trained models"),
        (("bench", "--voice", "VOICE"), "--precision goes with --recipe or --runtime torch"),
        (("evaluate", "VOICE"), "evaluate: --precision is of a trained vocoder (--vocoder-only)"),
        (("evaluate", "--compare", "a", "b"), "measures nothing anew"),
    ],
)
def test_where_torch_does_not_compute_it_is_refused(
    arguments: tuple[str, ...], message: str, tiny_voice: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = [str(tiny_voice) if argument == "VOICE" else argument for argument in arguments]
    assert run(monkeypatch, *given, "--precision", "bf16") == 2
    assert message in capsys.readouterr().err
