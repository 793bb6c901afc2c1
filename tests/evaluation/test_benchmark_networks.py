"""A recipe's benchmark does the work that it counts."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sonorant.config import AcousticRecipe, list_recipes, load_recipe
from sonorant.evaluation import benchmark_networks
from sonorant.evaluation.benchmark_networks import FRAMES_PER_SYMBOL, INFERENCES, Inference, Load, network_cases

CPU = torch.device("cpu")
TINY = [name for name in list_recipes() if name.startswith("tiny_")]


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_has_a_benchmark(name: str) -> None:
    assert load_recipe(name).task in INFERENCES


@pytest.mark.parametrize("name", TINY)
def test_a_network_makes_as_much_as_is_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[Tensor] = []
    recipe = load_recipe(name)
    inference = INFERENCES[recipe.task]

    def speak(network: Any, config: Any, load: Load) -> Tensor:
        outputs.append(inference.speak(network, config, load))
        return outputs[-1]

    monkeypatch.setitem(INFERENCES, recipe.task, Inference(inference.build, speak, inference.count))
    (case,) = (prepare() for prepare in network_cases(recipe, CPU, ["Hello there."], [2]))
    case.run()
    (output,) = outputs
    mel = recipe.features.mel
    frames = output.shape[2] if isinstance(recipe, AcousticRecipe) else output.shape[1] // mel.hop_length
    assert frames % FRAMES_PER_SYMBOL == 0 and frames > 10
    assert case.work.audio_s == pytest.approx(2 * frames * mel.hop_length / mel.sample_rate)
    assert case.work.words == 2 and case.work.batch == 2
    assert not output.requires_grad
    if isinstance(recipe, AcousticRecipe):
        assert output.shape == (2, mel.n_mels, frames) and case.work.counts["frames"] == 2 * frames
    else:
        assert case.work.counts == {"samples": output.numel()}


def test_the_decoder_steps_of_tacotron_2_are_counted_per_batch_not_per_row() -> None:
    recipe = load_recipe("tiny_tacotron2", ["model.reduction_factor=4"])
    prepared = [prepare().work for prepare in network_cases(recipe, CPU, ["Hello there."], [1, 2])]
    frames = prepared[0].counts["frames"]
    assert [work.counts["decoder steps"] for work in prepared] == [-(-frames // 4)] * 2


def test_a_batch_is_one_sentence_several_times_over() -> None:
    recipe = load_recipe("tiny_fastpitch")
    load = benchmark_networks._load(recipe, [5, 6, 7], 3, CPU)
    assert load.symbols.tolist() == [[5, 6, 7]] * 3
    assert load.symbol_lengths.tolist() == [3, 3, 3] and load.speaker_ids.tolist() == [0, 0, 0]
    assert load.mel.shape == (3, recipe.features.mel.n_mels, 3 * FRAMES_PER_SYMBOL)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_network_speaks_in_the_precision_of_the_recipe_and_keeps_no_graph(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, seen = load_recipe("tiny_hifigan", [f"run.precision={precision}"]), []

    def speak(network: Any, config: Any, load: Load) -> Tensor:
        seen.append((torch.is_autocast_enabled("cpu"), torch.is_inference_mode_enabled()))
        return load.mel

    monkeypatch.setitem(INFERENCES, "hifigan", Inference(INFERENCES["hifigan"].build, speak))
    (case,) = (prepare() for prepare in network_cases(recipe, CPU, ["Hello."], [1]))
    case.run()
    assert seen == [(precision == "bf16", True)]


@pytest.mark.parametrize("name", TINY)
def test_every_kind_of_network_speaks_in_bf16(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, said = load_recipe(name, ["run.precision=bf16"]), []
    inference = INFERENCES[recipe.task]
    heard = replace(inference, speak=lambda *given: said.append(inference.speak(*given)) or said[-1])
    monkeypatch.setitem(INFERENCES, recipe.task, heard)
    (speaking,) = (prepare() for prepare in network_cases(recipe, CPU, ["Hello."], [1]))
    speaking.run()
    assert said[0].numel() > 0 and said[0].isfinite().all()


def test_published_sizes_are_counted() -> None:
    # FastPitch 1.1 with NVIDIA's 148 symbols, as its README says; HiFi-GAN V2 as its paper says, weight norm folded.
    fastpitch = load_recipe("fastpitch", ["features.frontend.symbols=english_basic"])
    counted = [
        prepare().work.parameters
        for recipe in (fastpitch, load_recipe("hifigan_v2"))
        for prepare in network_cases(recipe, CPU, ["Hi."], [1])
    ]
    assert counted == [46_266_420, 925_985]
