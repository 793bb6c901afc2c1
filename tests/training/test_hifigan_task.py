from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from sonorant.config import HifiganRecipe, dump_recipe, load_recipe, parse_recipe
from sonorant.features.batch import VocoderBatch, vocoder_batch
from sonorant.features.store import FeatureStore
from sonorant.training import adversarial_task
from sonorant.training.guard import NonFinite
from sonorant.training.hifigan_task import HifiganTask
from sonorant.training.processes import Processes

Gradients = Callable[..., dict[str, torch.Tensor]]
JUDGED = 100
"""A step after `adversarial_start`."""


def changed(recipe: HifiganRecipe, **sections: Any) -> HifiganRecipe:
    tree = dump_recipe(recipe)
    for name, values in sections.items():
        tree[name] |= values
    result = parse_recipe(tree, "test")
    assert isinstance(result, HifiganRecipe)
    return result


def make(recipe: HifiganRecipe, store: FeatureStore) -> HifiganTask:
    torch.manual_seed(0)
    return HifiganTask(recipe, store, Processes())


def split(store: FeatureStore, parts: int, size: int) -> list[VocoderBatch]:
    entries = store.split("train")
    recipe = load_recipe("tiny_hifigan")
    assert isinstance(recipe, HifiganRecipe)
    return [vocoder_batch(recipe, store, entries[part * size : (part + 1) * size], 0, 0) for part in range(parts)]


def copy(network: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def is_same(network: nn.Module, before: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, network.parameters(), before))


def test_gradients_do_not_depend_on_the_split_of_the_batch(
    hifigan_recipe: HifiganRecipe, store: FeatureStore, gradients: Gradients
) -> None:
    # Adam with a large epsilon is plain descent: rounding in the judges' gradients does not become a whole step.
    recipe = changed(hifigan_recipe, optimizer={"epsilon": 1.0})
    whole = gradients(make(recipe, store), split(store, 1, 8), JUDGED)
    parts = gradients(make(recipe, store), split(store, 4, 2), JUDGED)
    for name in ("discriminators", "generator"):
        assert (parts[name] - whole[name]).norm() / whole[name].norm() < 1e-6


def test_a_power_iteration_per_micro_batch_would_give_another_gradient(
    hifigan_recipe: HifiganRecipe, store: FeatureStore, gradients: Gradients, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = changed(hifigan_recipe, optimizer={"epsilon": 1.0})
    monkeypatch.setattr(adversarial_task, "advance_spectral_norm", lambda discriminators: discriminators.train())
    whole = gradients(make(recipe, store), split(store, 1, 8), JUDGED)
    parts = gradients(make(recipe, store), split(store, 4, 2), JUDGED)
    assert (parts["discriminators"] - whole["discriminators"]).norm() / whole["discriminators"].norm() > 1e-4


def test_before_the_judges_begin_they_neither_judge_nor_learn(
    hifigan_recipe: HifiganRecipe, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make(hifigan_recipe, store)
    before = copy(task.discriminators)
    monkeypatch.setattr(task.discriminators, "forward", None)  # a call would fail
    losses = task.step(split(store, 1, 4), hifigan_recipe.loss.adversarial_start - 1, 1.0)
    assert set(losses) == {"mel", "spectral", "total", "gradient norm"}
    assert is_same(task.discriminators, before)
    assert not task.updaters["discriminators"].optimizer.state


def test_one_step_changes_every_parameter_of_both_networks(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    task = make(hifigan_recipe, store)
    before = {name: copy(network) for name, network in task.networks.items()}
    losses = task.step(split(store, 2, 2), JUDGED, 1.0)
    assert {"discriminator", "mel", "spectral", "feature", "adversarial", "total"} < set(losses)
    for name, network in task.networks.items():
        pairs = zip(network.named_parameters(), before[name], strict=True)
        same = [key for (key, parameter), old in pairs if torch.equal(parameter, old)]
        assert same == []
        assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_each_step_leaves_the_other_network_untouched(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    task, (batch,) = make(hifigan_recipe, store), split(store, 1, 4)
    generator, judges = copy(task.generator), copy(task.discriminators)
    task._discriminator_step([batch], None, 1.0)
    assert is_same(task.generator, generator) and not is_same(task.discriminators, judges)
    assert all(parameter.grad is None for parameter in task.generator.parameters())
    judges = copy(task.discriminators)
    task._generator_step([batch], None, True, 1.0)
    assert is_same(task.discriminators, judges) and not is_same(task.generator, generator)
    assert all(parameter.grad is None for parameter in task.discriminators.parameters())


def test_one_batch_is_overfitted(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    recipe = changed(hifigan_recipe, optimizer={"learning_rate": 0.004})
    task, batches = make(recipe, store), split(store, 1, 2)
    losses = [task.step(batches, 0, 1.0) for _ in range(50)]
    assert losses[-1]["mel"] < 0.5 * losses[0]["mel"]


def test_the_judges_learn_to_tell_noise_from_recordings(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    task, batches = make(hifigan_recipe, store), split(store, 1, 4)
    fake = [torch.randn_like(batches[0].waveform) * 0.1]
    losses = [task._discriminator_step(batches, fake, 1.0)["discriminator"] for _ in range(15)]
    assert losses[-1] < 0.7 * losses[0]


def test_bfloat16_trains_about_the_same(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    batches = split(store, 1, 4)
    exact = make(hifigan_recipe, store).step(batches, JUDGED, 1.0)
    coarse = make(changed(hifigan_recipe, run={"precision": "bf16"}), store).step(batches, JUDGED, 1.0)
    assert coarse["mel"].dtype == torch.float32
    assert coarse["discriminator"] != exact["discriminator"]
    assert coarse["total"].item() == pytest.approx(exact["total"].item(), rel=0.05)


def test_validation_repeats_itself_whatever_the_seed_of_the_run(
    hifigan_recipe: HifiganRecipe, store: FeatureStore
) -> None:
    task, other = make(hifigan_recipe, store), make(changed(hifigan_recipe, run={"seed": 7}), store)
    random = torch.get_rng_state()
    values = task.validate(task.generator)
    assert set(values) == {"mel", "input mel"}
    assert values == other.validate(other.generator)  # equal weights: both were made after the same seed
    assert torch.equal(random, torch.get_rng_state())
    assert task.generator.training


def test_samples_are_sound_and_pictures(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    task = make(hifigan_recipe, store)
    samples = task.samples(task.generator)
    entry = store.split("validation")[0]
    assert samples.audio["generated 0"].shape == (entry.num_frames * store.config.mel.hop_length,)
    assert samples.pictures["mel 0"].std() > 0


def test_a_loss_that_is_not_finite_stops_before_the_update(hifigan_recipe: HifiganRecipe, store: FeatureStore) -> None:
    task, (batch,) = make(hifigan_recipe, store), split(store, 1, 2)
    batch.waveform[0, 0] = float("nan")
    before = copy(task.generator)
    task.step([batch], 0, 1.0)
    with pytest.raises(NonFinite, match="= nan"):
        task.guard.check()
    assert is_same(task.generator, before)
