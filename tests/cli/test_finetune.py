"""`sonorant finetune` and `sonorant mels`: a voice goes on with other recordings, its vocoder with its own mels."""

import json
from pathlib import Path

import pytest
import torch
from tests.cli.command import run
from tests.tiny_voice import MEL
from tests.training.conftest import write_store

from sonorant.config import FeatureConfig
from sonorant.features.store import FeatureStore
from sonorant.training.checkpoint import load_trained
from sonorant.training.source import read_source

SHORT = ("run.steps=2", "run.sample_every=9", "batch.global_batch=4", "run.threads=1")


def test_a_voice_is_fine_tuned_half_by_half(
    tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_store(tmp_path / "data", FeatureConfig(mel=MEL))
    assert run(monkeypatch, "finetune", tiny_voice, data, tmp_path / "acoustic", *SHORT, "--acoustic") == 0
    told = capsys.readouterr().err
    assert "speaker someone: new, begins as the mean of ada, bob" in told
    assert "step 0, epoch 0, validation:" in told and "done: step 2" in told

    assert run(monkeypatch, "mels", tmp_path / "acoustic", data, tmp_path / "mels") == 0
    assert FeatureStore(tmp_path / "mels").signature() in capsys.readouterr().out

    vocoder = tmp_path / "vocoder"
    judges = ("discriminators.scales=0", "discriminators.periods=[2]", "discriminators.width=0.03",
              "loss.discriminators_alone=1", "segment_frames=64")  # fmt: skip
    assert run(monkeypatch, "finetune", tiny_voice, tmp_path / "mels", vocoder, *SHORT, *judges, "--vocoder",
               "--begin-only") == 0  # fmt: skip
    assert "has none; new ones learn alone for 1 steps" in capsys.readouterr().err
    assert run(monkeypatch, "resume", vocoder, tmp_path / "mels") == 0
    origin = json.loads((vocoder / "run.json").read_text())["started_from"]
    assert origin["kind"] == "hifigan" and origin["facts"]["licence"] == "Apache-2.0"
    assert load_trained(vocoder).facts["licence"] == "Apache-2.0"


def test_the_mels_of_a_voice_are_sharpened_and_nothing_else_of_it_moves(
    tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = write_store(tmp_path / "data", FeatureConfig(mel=MEL)), tmp_path / "sharp"
    judges = ("discriminators.patch_channels=2", "discriminators.band_channels=4", "loss.adversarial_start=1")
    assert run(monkeypatch, "finetune", tiny_voice, data, out, *SHORT, *judges, "--recipe", "sharpen_fastpitch") == 0
    before = read_source(str(tiny_voice), "acoustic").model.weights
    after = load_trained(out / "step_00000002.pt").weights
    moved = {name.split(".")[0] for name, weight in after.items() if not torch.equal(weight, before[name])}
    # The speakers are the corpus's, as in any fine-tuning.
    assert moved == {"decoder", "projection", "speaker_embedding"}
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert next(line["step"] for line in lines if "variance" in line) == 0
    assert {"discriminator", "adversarial", "feature"} < set(lines[-1])


def test_a_launcher_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "0")
    assert run(monkeypatch, "finetune", "voice", tmp_path, tmp_path / "run") == 2
    assert "run it once with --begin-only, then launch sonorant resume" in capsys.readouterr().err


def test_both_halves_at_once_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "finetune", "voice", tmp_path, tmp_path / "run", "--acoustic", "--vocoder") == 2
    assert "one at a time" in capsys.readouterr().err
