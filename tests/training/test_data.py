import time
from pathlib import Path

import pytest

from sonorant.config import FastPitchRecipe, FeatureConfig, HifiganRecipe, MelConfig
from sonorant.errors import CorpusError
from sonorant.features.store import FeatureStore, PitchStatistics
from sonorant.training.data import TimedIterator, open_store


def test_features_that_fit_are_opened(
    fastpitch_recipe: FastPitchRecipe, hifigan_recipe: HifiganRecipe, store_path: Path, store: FeatureStore
) -> None:
    for recipe in (fastpitch_recipe, hifigan_recipe):
        assert open_store(store_path, recipe).signature() == store.signature()


def test_every_field_of_the_mel_counts(hifigan_recipe: HifiganRecipe, store_path: Path) -> None:
    mel = MelConfig(f_min=20.0, power_epsilon=0.0)
    recipe = hifigan_recipe.model_copy(update={"features": FeatureConfig(mel=mel)})
    with pytest.raises(CorpusError, match=r"mel f_min: 0.0 in the features, 20.0 in the recipe") as caught:
        open_store(store_path, recipe)
    assert "power_epsilon" in str(caught.value)


def test_a_vocoder_takes_features_of_any_symbols(hifigan_recipe: HifiganRecipe, store_path: Path) -> None:
    frontend = hifigan_recipe.features.frontend.model_copy(update={"symbols": "characters"})
    features = hifigan_recipe.features.model_copy(update={"frontend": frontend})
    store = open_store(store_path, hifigan_recipe.model_copy(update={"features": features}))
    assert store.config.frontend.symbols == "arpabet"


def test_missing_features_are_told(fastpitch_recipe: FastPitchRecipe, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no finished features"):
        open_store(tmp_path, fastpitch_recipe)


def test_features_of_another_front_end_are_refused(
    fastpitch_recipe: FastPitchRecipe, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonorant.training.data.FRONTEND_VERSION", 99)
    with pytest.raises(CorpusError, match="front end: version 1, this is 99; prepare again"):
        open_store(store_path, fastpitch_recipe)


def test_a_speaker_without_a_voiced_frame_is_refused(
    fastpitch_recipe: FastPitchRecipe, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = (PitchStatistics(mean_hz=0.0, std_hz=1.0),) * len(FeatureStore(store_path).speakers)
    monkeypatch.setattr(FeatureStore, "pitch", property(lambda self: silent))
    with pytest.raises(CorpusError, match="no voiced frame, so no pitch to learn"):
        open_store(store_path, fastpitch_recipe)


def test_the_wait_for_the_last_item_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 11.0, 20.0, 25.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    items = TimedIterator(iter([1, 2]))
    assert next(items) == 1 and items.waited_s == 1.0
    assert next(items) == 2 and items.waited_s == 5.0
