"""`sonorant import` finds out what a published checkpoint holds, and writes a model that speaks."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.published import (
    FASTPITCH_CONFIG,
    FASTPITCH_SETUP,
    fastpitch_shapes,
    random_tensors,
    tacotron2_shapes,
    waveglow_shapes,
)

from sonorant.cli import main
from sonorant.text.symbols import symbol_table
from sonorant.voice.trained import TrainedModel, load_trained_file

TACOTRON2 = random_tensors(tacotron2_shapes(symbols=148, n_mels=80), scale=0.3)
WAVEGLOW = random_tensors(waveglow_shapes(n_mels=80), scale=0.3)
FASTPITCH = {
    "state_dict": random_tensors(fastpitch_shapes(), scale=0.3) | {"pitch_mean": torch.tensor([200.0])},
    "config": FASTPITCH_CONFIG,
    "train_setup": FASTPITCH_SETUP,
}
FASTPITCH["state_dict"]["pitch_std"] = torch.tensor([50.0])
SPEAKERS = {**FASTPITCH, "state_dict": FASTPITCH["state_dict"] | {"speaker_emb.weight": torch.zeros(2, 8)}}


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, content: Any, *options: str) -> int:
    """Import a checkpoint of that content; return the exit code."""
    torch.save(content, "published.pt")
    monkeypatch.setattr("sys.argv", ["sonorant", "import", "published.pt", "ours.safetensors", *options])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def imported(monkeypatch: pytest.MonkeyPatch, content: Any, *options: str) -> TrainedModel:
    assert run(monkeypatch, content, *options) == 0
    return load_trained_file(Path("ours.safetensors"))


def test_tacotron2_becomes_an_acoustic_model_that_reads_letters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(monkeypatch, {"state_dict": TACOTRON2, "iteration": 1}, "--licence", "BSD-3-Clause")
    assert capsys.readouterr().out.startswith("ours.safetensors: tacotron2, ")
    assert model.frontend is not None and model.frontend.grapheme_words == "all"
    assert model.symbols == symbol_table("english_basic").symbols
    assert (model.speakers, model.pitch) == (("ljspeech",), ((214.72203, 65.72038),))
    assert model.facts == {"imported_from": "published.pt", "licence": "BSD-3-Clause"}
    network = model.network().state_dict()
    torch.testing.assert_close(network["encoder.convs.1.norm.running_mean"],
                               TACOTRON2["encoder.convolutions.1.1.running_mean"])


def test_waveglow_becomes_a_vocoder_of_the_same_mel(monkeypatch: pytest.MonkeyPatch) -> None:
    acoustic = imported(monkeypatch, {"state_dict": TACOTRON2})
    vocoder = imported(monkeypatch, {"model": WAVEGLOW})
    assert (vocoder.kind, vocoder.frontend, vocoder.speakers) == ("waveglow", None, ())
    assert vocoder.mel == acoustic.mel
    assert not any("parametrizations" in name for name in vocoder.network().state_dict())


def test_fastpitch_keeps_its_own_pitch_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    model = imported(monkeypatch, FASTPITCH)
    assert (model.kind, model.pitch) == ("fastpitch", ((200.0, 50.0),))
    assert model.frontend is not None and model.frontend.grapheme_words == "heteronyms"
    model.network()
    assert imported(monkeypatch, FASTPITCH, "--pitch", "120", "30").pitch == ((120.0, 30.0),)


def test_every_speaker_is_named_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(monkeypatch, SPEAKERS, "--speaker", "ada", "--speaker", "bob")
    assert model.speakers == ("ada", "bob") and len(model.pitch) == 2
    model.network()
    assert run(monkeypatch, SPEAKERS) == 2
    assert "published.pt has 2 speaker(s), 1 named" in capsys.readouterr().err


def test_a_generator_of_hifigan_still_takes_the_config_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, {"generator": {}}) == 2
    assert "holds no settings" in capsys.readouterr().err
    Path("config.json").write_text(json.dumps({}))
    assert run(monkeypatch, {"generator": {}}) == 2
    assert "config.json: settings are missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ({"state_dict": WAVEGLOW}, ("--speaker", "ada"), "published.pt is a waveglow, which has neither"),
        ({"state_dict": WAVEGLOW}, ("--pitch", "120", "30"), "published.pt is a waveglow, which has neither"),
        ({"state_dict": TACOTRON2}, ("--pitch", "120", "-3"), "--pitch: a mean and a standard deviation in Hz"),
        ({"state_dict": TACOTRON2}, ("--config", "config.json"), "whose settings are in the file"),
        (random_tensors(tacotron2_shapes(), scale=0.3), (), "a table of 20 symbols; only NVIDIA's english_basic"),
        ({"state_dict": {"conv.weight": torch.zeros(2)}}, (), "no network that can be imported; it holds conv.weight"),
        ({"mpd": {}, "msd": {}}, (), "give the generator's file, not the discriminators'"),
        ({"model": torch.nn.Linear(1, 1)}, (), "save the network's state_dict() alone with torch.save"),
        ([1, 2], (), "found a list instead of a mapping"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(
    content: Any,
    options: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, content, *options) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.count("\n") == 1
    assert not Path("ours.safetensors").exists()
