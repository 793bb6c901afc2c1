import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from sonorant.config import WaveglowRecipe, dump_recipe, load_recipe, parse_recipe
from sonorant.features.batch import VocoderBatch, vocoder_batch
from sonorant.features.store import FeatureStore
from sonorant.models.waveglow import Waveglow
from sonorant.training.guard import NonFinite
from sonorant.training.processes import Processes
from sonorant.training.waveglow_task import WaveglowTask

Gradients = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture
def recipe() -> WaveglowRecipe:
    recipe = load_recipe("tiny_waveglow")
    assert isinstance(recipe, WaveglowRecipe)
    return recipe


def changed(recipe: WaveglowRecipe, **sections: Any) -> WaveglowRecipe:
    tree = dump_recipe(recipe)
    for name, values in sections.items():
        tree[name] |= values
    result = parse_recipe(tree, "test")
    assert isinstance(result, WaveglowRecipe)
    return result


def make(recipe: WaveglowRecipe, store: FeatureStore) -> WaveglowTask:
    torch.manual_seed(0)
    return WaveglowTask(recipe, store, Processes())


def split(store: FeatureStore, parts: int, size: int) -> list[VocoderBatch]:
    entries = store.split("train")
    recipe = load_recipe("tiny_waveglow")
    assert isinstance(recipe, WaveglowRecipe)
    return [vocoder_batch(recipe, store, entries[part * size : (part + 1) * size], 0, 0) for part in range(parts)]


def test_gradients_do_not_depend_on_the_split_of_the_batch(
    recipe: WaveglowRecipe, store: FeatureStore, gradients: Gradients
) -> None:
    recipe = changed(recipe, batch={"global_batch": 8})
    one, four = make(recipe, store), make(recipe, store)
    for task in (one, four):  # so that every layer has a gradient, not the last one alone
        task.train_step(split(store, 1, 8), 0, 1.0)
    four.model.load_state_dict(one.model.state_dict())
    whole = gradients(one, split(store, 1, 8), 1)["model"]
    parts = gradients(four, split(store, 4, 2), 1)["model"]
    assert whole.numel() == sum(parameter.numel() for parameter in one.model.parameters())
    assert (parts - whole).norm() / whole.norm() < 1e-6


def test_two_steps_change_every_parameter(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    """The last layer of each coupling starts at zero, so that what lies before it learns from the second step on."""
    task = make(recipe, store)
    before = copy.deepcopy(task.model)
    for step in range(2):
        losses = task.train_step(split(store, 2, 2), step, 1.0)
    assert set(losses) == {"likelihood", "gradient norm"}
    pairs = zip(task.model.named_parameters(), before.parameters(), strict=True)
    assert [name for (name, parameter), old in pairs if torch.equal(parameter, old)] == []
    assert all(parameter.isfinite().all() for parameter in task.model.parameters())


def test_one_batch_is_overfitted(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    task, batches = make(changed(recipe, optimizer={"learning_rate": 0.01}), store), split(store, 1, 4)
    losses = [task.train_step(batches, step, 1.0)["likelihood"].item() for step in range(40)]
    assert losses[0] == pytest.approx(0.0, abs=0.1)  # sound is far quieter than z: nothing but the constant
    assert losses[-1] < -1.0


def test_sampling_between_steps_speaks_with_the_present_weights(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    task, (batch,) = make(changed(recipe, optimizer={"learning_rate": 0.01}), store), split(store, 1, 2)
    for step in range(3):
        task.samples(task.model)
        task.train_step([batch], step, 1.0)
    with torch.no_grad():
        again = task.model.infer(batch.mel, task.model(batch.mel, batch.waveform).z)
    assert (again - batch.waveform).abs().max() < 1e-4


def test_bfloat16_trains_about_the_same(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    batches = split(store, 1, 4)
    tasks = [make(changed(recipe, run={"precision": precision}), store) for precision in ("fp32", "bf16")]
    exact, coarse = ([task.train_step(batches, step, 1.0)["likelihood"] for step in range(8)] for task in tasks)
    assert coarse[-1].dtype == torch.float32
    assert coarse[-1] != exact[-1]
    assert coarse[-1].item() == pytest.approx(exact[-1].item(), abs=0.01)


def test_validation_repeats_itself_whatever_the_seed_of_the_run(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    task, other = make(recipe, store), make(changed(recipe, run={"seed": 7}), store)
    random = torch.get_rng_state()
    values = task.validate(task.model)
    assert set(values) == {"likelihood"}
    assert values == other.validate(other.model)  # equal weights: both were made after the same seed
    assert torch.equal(random, torch.get_rng_state())
    assert task.model.training


def test_validation_is_the_mean_over_all_segments(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    """Three clips in batches of two and one count alike."""
    values = {
        make(changed(recipe, batch={"micro_batch": size}), store).validate(make(recipe, store).model)["likelihood"]
        for size in (1, 2, 4)
    }
    assert max(values) - min(values) < 1e-6


def test_samples_are_the_same_sound_every_time(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    task = make(recipe, store)
    samples, again = task.samples(task.model), task.samples(task.model)
    entry = store.split("validation")[0]
    assert samples.audio["generated 0"].shape == (entry.num_frames * store.config.mel.hop_length,)
    assert samples.audio["generated 0"].std() > 0.1
    assert (samples.audio["generated 0"] == again.audio["generated 0"]).all()
    assert samples.pictures["mel 0"].std() > 0


def test_a_loss_that_is_not_finite_stops_before_the_update(recipe: WaveglowRecipe, store: FeatureStore) -> None:
    task, (batch,) = make(recipe, store), split(store, 1, 2)
    batch.waveform[0, 0] = float("nan")
    before = copy.deepcopy(task.model)
    task.train_step([batch], 0, 1.0)
    with pytest.raises(NonFinite, match="= nan"):
        task.guard.check()
    assert all(map(torch.equal, task.model.parameters(), before.parameters()))


@pytest.mark.parametrize(("name", "channels"), [("waveglow", 512), ("waveglow_256", 256)])
def test_waveglow_is_trained_as_published(name: str, channels: int) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, WaveglowRecipe)
    optimizer, batch = recipe.optimizer, recipe.batch
    assert (optimizer.kind, optimizer.learning_rate, optimizer.weight_decay) == ("adam", 1e-4, 0)
    assert (optimizer.clip_norm, recipe.schedule.kind) == (None, "constant")
    assert (recipe.loss.sigma, recipe.model.sigma) == (1.0, 0.9)
    assert (batch.global_batch, batch.micro_batch) == (8 * 10, 10)
    assert recipe.segment_frames * recipe.model.hop_length == 8192
    assert recipe.run.steps == 1501 * (12_500 // batch.global_batch)
    assert recipe.model.wn_channels == channels
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in Waveglow(recipe.model).parameters())
    assert size == {512: 268_294_760, 256: 87_879_272}[channels]


def test_the_recipe_for_a_cpu_is_small() -> None:
    recipe = load_recipe("waveglow_cpu")
    assert isinstance(recipe, WaveglowRecipe)
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in Waveglow(recipe.model).parameters()) < 4_000_000
