import pytest
import torch

from sonorant.audio.mel import mel_filterbank
from sonorant.config import (
    FastPitchRecipe,
    FeatureConfig,
    HifiganRecipe,
    SourceFilterRecipe,
    Tacotron2Recipe,
    WaveglowRecipe,
    list_recipes,
    load_recipe,
)
from sonorant.models.discriminators import Discriminators
from sonorant.models.fastpitch import FastPitch
from sonorant.models.hifigan import HifiganGenerator
from sonorant.models.source_filter import SourceFilterVocoder
from sonorant.models.tacotron2 import Tacotron2
from sonorant.models.waveglow import Waveglow
from sonorant.text.symbols import symbol_table
from sonorant.training.schedule import learning_rate_factor


def test_the_published_recipes_and_those_for_a_cpu_are_shipped() -> None:
    assert set(list_recipes()) >= {
        "fastpitch", "hifigan_v1", "hifigan_v2", "hifigan_v3", "istftnet",
        "fastpitch_cpu", "vocoder_cpu", "tiny_fastpitch", "tiny_hifigan",
        "tacotron2", "tacotron2_cpu", "tiny_tacotron2",
        "waveglow", "waveglow_256", "waveglow_cpu", "tiny_waveglow",
        "source_filter_cpu", "tiny_source_filter",
    }  # fmt: skip


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_loads_says_what_it_is_and_builds(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name and recipe.description.endswith(".")
    with torch.device("meta"):  # sizes without numbers: the largest is built in milliseconds
        if isinstance(recipe, FastPitchRecipe):
            FastPitch(recipe.model, len(symbol_table(recipe.features.frontend.symbols)))
        elif isinstance(recipe, Tacotron2Recipe):
            Tacotron2(recipe.model, len(symbol_table(recipe.features.frontend.symbols)))
        elif isinstance(recipe, WaveglowRecipe):
            Waveglow(recipe.model, recipe.features.mel.n_mels)
        else:
            if isinstance(recipe, SourceFilterRecipe):
                SourceFilterVocoder(recipe.model, mel_filterbank(recipe.features.mel))
            else:
                HifiganGenerator(recipe.model, recipe.features.mel.n_mels)
            Discriminators(recipe.discriminators)


@pytest.mark.parametrize("name", list_recipes())
def test_all_recipes_share_one_definition_of_features(name: str) -> None:
    assert load_recipe(name).features == FeatureConfig()  # features prepared once serve every recipe


def test_fastpitch_is_trained_as_published() -> None:
    recipe = load_recipe("fastpitch")
    assert isinstance(recipe, FastPitchRecipe)
    optimizer = recipe.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.betas) == ("lamb", 0.1, (0.9, 0.98))
    assert (optimizer.epsilon, optimizer.weight_decay, optimizer.clip_norm) == (1e-9, 1e-6, 1000)
    peak = optimizer.learning_rate * learning_rate_factor(recipe.schedule, 999, 48, recipe.run.steps)
    assert peak == pytest.approx(3.16e-3, rel=1e-3)
    assert recipe.batch.global_batch == 256
    assert recipe.run.steps == 1000 * (12_500 // 256)
    model = FastPitch(recipe.model, len(symbol_table("english_basic")))
    assert sum(parameter.numel() for parameter in model.parameters()) == 46_266_420


def test_tacotron2_is_trained_as_published() -> None:
    recipe = load_recipe("tacotron2")
    assert isinstance(recipe, Tacotron2Recipe)
    optimizer, loss = recipe.optimizer, recipe.loss
    assert (optimizer.kind, optimizer.learning_rate, optimizer.betas) == ("adam", 1e-3, (0.9, 0.999))
    assert (optimizer.epsilon, optimizer.weight_decay, optimizer.clip_norm) == (1e-8, 1e-6, 1.0)
    assert (loss.mel, loss.postnet, loss.stop) == (1, 1, 1)
    assert recipe.batch.global_batch == 128
    steps_per_epoch = 12_500 // 128
    assert recipe.run.steps == 1501 * steps_per_epoch
    rates = [
        optimizer.learning_rate * learning_rate_factor(recipe.schedule, epoch * steps_per_epoch, steps_per_epoch, 0)
        for epoch in (0, 499, 500, 1000, 1500)
    ]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5, 1e-6])
    with torch.device("meta"):
        model = Tacotron2(recipe.model, len(symbol_table("english_basic")))
    assert sum(parameter.numel() for parameter in model.parameters()) == 28_193_153


@pytest.mark.parametrize(("name", "parameters"), [
    ("hifigan_v1", 13_926_017), ("hifigan_v2", 925_985), ("hifigan_v3", 1_462_273),
])  # fmt: skip
def test_hifigan_is_trained_as_published(name: str, parameters: int) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, HifiganRecipe)
    optimizer, loss = recipe.optimizer, recipe.loss
    assert (optimizer.kind, optimizer.learning_rate, optimizer.betas) == ("adamw", 3e-4, (0.8, 0.99))
    assert (optimizer.epsilon, optimizer.weight_decay, optimizer.clip_norm) == (1e-8, 0.01, None)
    assert (loss.mel, loss.feature, loss.adversarial, loss.adversarial_start) == (45, 2, 1, 0)
    assert recipe.batch.global_batch == 128 and recipe.segment_frames * recipe.features.mel.hop_length == 8192
    steps_per_epoch = 12_500 // 128
    assert recipe.run.steps == 6500 * steps_per_epoch
    last = learning_rate_factor(recipe.schedule, recipe.run.steps - 1, steps_per_epoch, recipe.run.steps)
    assert optimizer.learning_rate * last == pytest.approx(8.2e-5, rel=0.01)
    generator = HifiganGenerator(recipe.model)
    generator.remove_weight_norm()
    assert sum(parameter.numel() for parameter in generator.parameters()) == parameters
    judges = Discriminators(recipe.discriminators)
    assert sum(parameter.numel() for parameter in judges.periods.parameters()) == 41_105_770
    assert sum(parameter.numel() for parameter in judges.scales.parameters()) == 29_618_821


def test_new_judges_of_a_source_filter_vocoder_are_those_that_a_cpu_can_train() -> None:
    recipes = [load_recipe(name) for name in ("finetune_source_filter", "source_filter_cpu")]
    finetuned, trained = (recipe.discriminators for recipe in recipes if isinstance(recipe, SourceFilterRecipe))
    assert finetuned == trained
    assert sum(parameter.numel() for parameter in Discriminators(finetuned).parameters()) < 3_000_000


@pytest.mark.parametrize("name", ["fastpitch_cpu", "tacotron2_cpu", "vocoder_cpu"])
def test_recipes_for_a_cpu_are_small(name: str) -> None:
    recipe = load_recipe(name)
    if isinstance(recipe, FastPitchRecipe):
        size = sum(parameter.numel() for parameter in FastPitch(recipe.model, 80).parameters())
        assert size < 7_000_000
    elif isinstance(recipe, Tacotron2Recipe):
        size = sum(parameter.numel() for parameter in Tacotron2(recipe.model, 80).parameters())
        assert size < 7_000_000
    else:
        assert isinstance(recipe, HifiganRecipe)
        size = sum(parameter.numel() for parameter in HifiganGenerator(recipe.model).parameters())
        assert size < 1_000_000
