from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sonorant.config import FastPitchConfig, FastPitchRecipe, parse_recipe
from sonorant.config.load import dump_recipe
from sonorant.features.batch import AcousticBatch, acoustic_batch
from sonorant.features.store import FeatureStore
from sonorant.text.symbols import MARKS, SPACE, symbol_table
from sonorant.training.checkpoint import load_trained
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.guard import NonFinite
from sonorant.training.processes import Processes
from sonorant.training.run import Run

Gradients = Callable[..., dict[str, torch.Tensor]]
LATE = 1500
"""A step at which every loss term counts."""


def changed(recipe: FastPitchRecipe, **sections: Any) -> FastPitchRecipe:
    tree = dump_recipe(recipe)
    for name, values in sections.items():
        tree[name] |= values
    result = parse_recipe(tree, "test")
    assert isinstance(result, FastPitchRecipe)
    return result


def without_dropout(recipe: FastPitchRecipe) -> FastPitchRecipe:
    model = dump_recipe(recipe)["model"]
    for part in ("encoder", "decoder"):
        model[part] |= {"dropout": 0.0, "attention_dropout": 0.0}
    for part in ("duration_predictor", "pitch_predictor", "energy_predictor"):
        model[part] |= {"dropout": 0.0}
    return recipe.model_copy(update={"model": FastPitchConfig.model_validate(model)})


def make(recipe: FastPitchRecipe, store: FeatureStore) -> FastPitchTask:
    torch.manual_seed(0)
    return FastPitchTask(recipe, store, Processes())


def split(store: FeatureStore, parts: int, size: int) -> list[AcousticBatch]:
    entries = store.split("train")
    return [acoustic_batch(store, entries[part * size : (part + 1) * size]) for part in range(parts)]


def test_gradients_do_not_depend_on_the_split_of_the_batch(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore, gradients: Gradients
) -> None:
    recipe = without_dropout(fastpitch_recipe)
    (whole,) = gradients(make(recipe, store), split(store, 1, 8), LATE).values()
    (parts,) = gradients(make(recipe, store), split(store, 4, 2), LATE).values()
    assert (parts - whole).norm() / whole.norm() < 1e-6


def test_counts_per_micro_batch_would_give_another_gradient(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore, gradients: Gradients, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = without_dropout(fastpitch_recipe)
    (whole,) = gradients(make(recipe, store), split(store, 1, 8), LATE).values()

    task = make(recipe, store)
    counts = task.term_counts
    equal_shares = lambda batches: {name: len(batches) * n for name, n in counts(batches[:1]).items()}  # noqa: E731
    monkeypatch.setattr(task, "term_counts", equal_shares)
    (parts,) = gradients(task, split(store, 4, 2), LATE).values()
    assert (parts - whole).norm() / whole.norm() > 1e-3


def test_counts_known_beforehand_are_those_of_the_loss_terms(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore
) -> None:
    task = make(fastpitch_recipe, store)
    (batch,) = split(store, 1, 5)
    terms = task.terms(task.model, batch, LATE)
    assert {name: int(term.count) for name, term in terms.items()} == task.term_counts([batch])


def test_one_step_changes_every_parameter(fastpitch_recipe: FastPitchRecipe, store: FeatureStore) -> None:
    task = make(fastpitch_recipe, store)
    before = {name: parameter.detach().clone() for name, parameter in task.model.named_parameters()}
    task.step(split(store, 2, 2), LATE, 1.0)
    same = [name for name, parameter in task.model.named_parameters() if torch.equal(parameter, before[name])]
    assert same == []
    assert all(parameter.isfinite().all() for parameter in task.model.parameters())


def test_one_batch_is_overfitted(fastpitch_recipe: FastPitchRecipe, store: FeatureStore) -> None:
    recipe = changed(fastpitch_recipe, optimizer={"learning_rate": 0.01})
    task, batches = make(recipe, store), split(store, 1, 4)
    losses = [task.step(batches, step, 1.0) for step in range(80)]
    assert losses[-1]["mel"] < 0.2 * losses[0]["mel"]
    assert losses[-1]["pitch"] < 0.5 * losses[0]["pitch"]
    assert losses[-1]["alignment"] < 0.9 * losses[0]["alignment"]


def test_bfloat16_trains_about_the_same(fastpitch_recipe: FastPitchRecipe, store: FeatureStore) -> None:
    recipe, batches = without_dropout(fastpitch_recipe), split(store, 1, 4)
    exact = make(recipe, store).step(batches, LATE, 1.0)
    coarse = make(changed(recipe, run={"precision": "bf16"}), store).step(batches, LATE, 1.0)
    assert coarse["mel"].dtype == torch.float32
    assert coarse["mel"] != exact["mel"]
    assert coarse["total"].item() == pytest.approx(exact["total"].item(), rel=0.02)


def test_validation_repeats_itself_and_leaves_the_network_alone(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore
) -> None:
    task = make(fastpitch_recipe, store)
    random = torch.get_rng_state()
    first = task.validate(task.model)
    assert first == task.validate(task.model)
    assert task.model.training
    assert torch.equal(random, torch.get_rng_state())
    assert {"mel", "duration", "pitch", "energy", "alignment", "binarization", "total"} < set(first)
    assert {"focus", "agreement", "diagonality", "skipped", "repeated"} < set(first)


def test_validation_does_not_depend_on_the_size_of_its_batches(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore
) -> None:
    whole = make(fastpitch_recipe, store)
    parts = make(changed(fastpitch_recipe, batch={"micro_batch": 2}), store)
    assert parts.validate(parts.model) == pytest.approx(whole.validate(whole.model), rel=1e-4)


def test_samples_are_sound_and_pictures(fastpitch_recipe: FastPitchRecipe, store: FeatureStore) -> None:
    task = make(fastpitch_recipe, store)
    torch.nn.init.constant_(list(task.model.duration_predictor.parameters())[-1], 1.5)  # some frames for each symbol
    samples = task.samples(task.model)
    assert {"spoken 0", "spoken 1", "spoken 2"} == set(samples.audio)
    assert {"mel 0", "alignment 0"} < set(samples.pictures)
    assert all(picture.ndim == 3 and picture.std() > 0 for picture in samples.pictures.values())


def test_a_network_that_says_nothing_yet_is_given_one_frame(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore
) -> None:
    task = make(fastpitch_recipe, store)
    torch.nn.init.constant_(list(task.model.duration_predictor.parameters())[-1], -10.0)
    samples = task.samples(task.model)
    assert len(samples.audio["spoken 0"]) == store.config.mel.hop_length and "mel 0" in samples.pictures


def test_a_loss_that_is_not_finite_stops_before_the_update(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore
) -> None:
    task = make(fastpitch_recipe, store)
    (batch,) = split(store, 1, 2)
    batch.pitch[0, 0] = float("nan")
    batch.voiced[:] = True
    before = [parameter.detach().clone() for parameter in task.model.parameters()]
    task.step([batch], LATE, 1.0)
    with pytest.raises(NonFinite, match="= nan"):
        task.guard.check()
    assert all(map(torch.equal, task.model.parameters(), before))


def test_the_network_knows_which_symbols_have_no_voice(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore, tmp_path: Path
) -> None:
    """Without it `mark_penalty` would do nothing, in training or when a trained model aligns."""
    run = Run(fastpitch_recipe, store, tmp_path / "run", Processes())
    run.start_from({"name": "nothing", "kind": "fastpitch", "facts": {}})
    table, trained = symbol_table("arpabet"), load_trained(tmp_path / "run").network()
    for network in (run.task.networks["model"], trained):
        for flags, expected in ((network.pause_penalty.is_mark, MARKS), (network.pause_penalty.is_space, (SPACE,))):
            assert tuple(symbol for symbol, flag in zip(table.symbols, flags, strict=True) if flag) == expected
