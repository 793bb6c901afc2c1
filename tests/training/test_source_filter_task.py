"""What the training of a source-filter vocoder has beyond HiFi-GAN's: pulses, and an estimator that learns beside."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sonorant.config import SourceFilterRecipe, dump_recipe, load_recipe, parse_recipe
from sonorant.features.batch import SourceFilterBatch, vocoder_batch
from sonorant.features.store import FeatureStore
from sonorant.models.source_filter import SourceFilterVocoder
from sonorant.training.guard import NonFinite
from sonorant.training.processes import Processes
from sonorant.training.source_filter_task import SourceFilterTask

Gradients = Callable[..., dict[str, Tensor]]
JUDGED = 100
"""A step after `adversarial_start`."""


@pytest.fixture
def recipe() -> SourceFilterRecipe:
    recipe = load_recipe("tiny_source_filter")
    assert isinstance(recipe, SourceFilterRecipe)
    return recipe


def changed(recipe: SourceFilterRecipe, **sections: Any) -> SourceFilterRecipe:
    tree = dump_recipe(recipe)
    for name, values in sections.items():
        tree[name] |= values
    result = parse_recipe(tree, "test")
    assert isinstance(result, SourceFilterRecipe)
    return result


def make(recipe: SourceFilterRecipe, store: FeatureStore) -> SourceFilterTask:
    torch.manual_seed(0)
    return SourceFilterTask(recipe, store, Processes())


def split(recipe: SourceFilterRecipe, store: FeatureStore, parts: int, size: int) -> list[SourceFilterBatch]:
    entries = store.split("train")
    batches = [vocoder_batch(recipe, store, entries[part * size : (part + 1) * size], 0, 0) for part in range(parts)]
    assert all(isinstance(batch, SourceFilterBatch) for batch in batches)
    return batches  # type: ignore[return-value]


def copied(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def vocoder_of(task: SourceFilterTask) -> SourceFilterVocoder:
    assert isinstance(task.generator, SourceFilterVocoder)
    return task.generator


def test_gradients_do_not_depend_on_the_split_of_the_batch(
    recipe: SourceFilterRecipe, store: FeatureStore, gradients: Gradients
) -> None:
    recipe = changed(recipe, optimizer={"epsilon": 1.0}, batch={"global_batch": 8})
    whole = gradients(make(recipe, store), split(recipe, store, 1, 8), JUDGED)
    parts = gradients(make(recipe, store), split(recipe, store, 4, 2), JUDGED)
    for name in ("discriminators", "generator"):
        assert (parts[name] - whole[name]).norm() / whole[name].norm() < 1e-6


def test_one_step_changes_every_parameter_of_both_networks(recipe: SourceFilterRecipe, store: FeatureStore) -> None:
    task = make(recipe, store)
    before = {name: copied(network) for name, network in task.networks.items()}
    losses = task.step(split(recipe, store, 2, 2), JUDGED, 1.0)
    assert {"discriminator", "mel", "spectral", "pitch", "feature", "adversarial", "total"} < set(losses)
    for name, network in task.networks.items():
        pairs = zip(network.named_parameters(), before[name], strict=True)
        assert [key for (key, parameter), old in pairs if torch.equal(parameter, old)] == []
        assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_the_pitch_is_a_part_of_the_total_by_its_weight(recipe: SourceFilterRecipe, store: FeatureStore) -> None:
    def losses(weight: float) -> dict[str, Tensor]:
        return make(changed(recipe, loss={"pitch": weight}), store).step(split(recipe, store, 1, 4), 0, 1.0)

    once, twice = losses(1.0), losses(2.0)
    assert once["pitch"] == twice["pitch"] > 1.0
    assert float(twice["total"] - once["total"]) == pytest.approx(float(once["pitch"]), rel=1e-3)


def test_the_estimator_does_not_learn_from_the_sound_nor_the_filters_from_the_pitch(
    recipe: SourceFilterRecipe, store: FeatureStore
) -> None:
    task, (batch,) = make(recipe, store), split(recipe, store, 1, 4)
    task.generate(batch).square().mean().backward()
    estimator = vocoder_of(task).estimator
    assert all(parameter.grad is None for parameter in estimator.parameters())
    task.generator.zero_grad()
    task.generator_terms(batch, batch.waveform, judged=False)["pitch"].backward()
    learning = {name for name, parameter in task.generator.named_parameters() if parameter.grad is not None}
    assert learning == {f"estimator.{name}" for name, _ in estimator.named_parameters()}


def test_a_few_steps_lower_every_loss(recipe: SourceFilterRecipe, store: FeatureStore) -> None:
    recipe = changed(recipe, optimizer={"learning_rate": 0.01})
    task, batches = make(recipe, store), split(recipe, store, 1, 4)
    losses = [task.step(batches, 0, 1.0) for _ in range(25)]
    for name, share in (("mel", 0.9), ("spectral", 0.95), ("pitch", 0.9)):
        assert losses[-1][name] < share * losses[0][name], name


def test_training_is_given_the_recordings_pitch_and_speaking_estimates_it(
    recipe: SourceFilterRecipe, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, (batch,) = make(recipe, store), split(recipe, store, 1, 2)
    given: list[Tensor] = []
    monkeypatch.setattr(SourceFilterVocoder, "pitch", lambda self, mel: torch.full_like(mel[:, 0], 123.0))
    task.generator.register_forward_pre_hook(lambda module, inputs: given.append(inputs[1]))
    task.generate(batch)
    task.validate(task.generator)
    assert torch.equal(given[0], batch.pitch_hz) and len(given) > 1
    assert all(bool((pitch_hz == 123.0).all()) for pitch_hz in given[1:])


def test_another_pitch_is_heard_in_the_validation(
    recipe: SourceFilterRecipe, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make(recipe, store)
    values = []
    for hz in (0.0, 220.0):
        monkeypatch.setattr(SourceFilterVocoder, "pitch", lambda self, mel, hz=hz: torch.full_like(mel[:, 0], hz))
        values.append(task.validate(task.generator))
    assert set(values[0]) == {"mel", "input mel"} and values[0] != values[1]


def test_validation_repeats_itself_whatever_the_seed_of_the_run(
    recipe: SourceFilterRecipe, store: FeatureStore
) -> None:
    task, other = make(recipe, store), make(changed(recipe, run={"seed": 7}), store)
    random = torch.get_rng_state()
    values = task.validate(task.generator)
    assert values == other.validate(other.generator)  # equal weights: both were made after the same seed
    assert torch.equal(random, torch.get_rng_state())
    assert task.generator.training


def test_samples_are_sound_and_the_same_every_time(recipe: SourceFilterRecipe, store: FeatureStore) -> None:
    task = make(recipe, store)
    samples, again = task.samples(task.generator), task.samples(task.generator)
    entry = store.split("validation")[0]
    assert samples.audio["generated 0"].shape == (entry.num_frames * store.config.mel.hop_length,)
    assert samples.audio["generated 0"].std() > 1e-3 and samples.pictures["mel 0"].std() > 0
    np.testing.assert_array_equal(samples.audio["generated 0"], again.audio["generated 0"])


def test_before_the_judges_begin_the_pitch_is_learned_as_well(
    recipe: SourceFilterRecipe, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make(recipe, store)
    monkeypatch.setattr(task.discriminators, "forward", None)  # a call would fail
    losses = task.step(split(recipe, store, 1, 4), recipe.loss.adversarial_start - 1, 1.0)
    assert set(losses) == {"mel", "spectral", "pitch", "total", "gradient norm"}


def test_a_pitch_that_is_not_finite_stops_before_the_update(recipe: SourceFilterRecipe, store: FeatureStore) -> None:
    task, (batch,) = make(recipe, store), split(recipe, store, 1, 2)
    before = copied(task.generator)
    task.step([replace(batch, pitch_hz=batch.pitch_hz / 0.0)], 0, 1.0)
    with pytest.raises(NonFinite, match=r"= (nan|inf)"):
        task.guard.check()
    assert all(map(torch.equal, task.generator.parameters(), before))


def test_a_mel_of_a_higher_voice_comes_out_as_much_higher(recipe: SourceFilterRecipe, store: FeatureStore) -> None:
    """As when a pitch is asked of an acoustic model: all that the vocoder is told of it is the mel."""
    sizes = {"channels": 32, "hidden_channels": 64, "num_layers": 0, "bins": 48}
    recipe = changed(recipe, model={"pitch": sizes})
    task = make(recipe, store)
    estimator = vocoder_of(task).estimator
    optimizer = torch.optim.Adam(estimator.parameters(), lr=0.01)
    for epoch in range(60):
        batch = vocoder_batch(recipe, store, store.split("train")[:8], 0, epoch)
        assert isinstance(batch, SourceFilterBatch)
        optimizer.zero_grad()
        estimator.loss(batch.mel, batch.pitch_hz).backward()
        optimizer.step()
    for hz in (200.0, 200.0 * 2 ** (4 / 12)):
        assert 12 * np.log2(spoken_hz(task, store, hz) / hz) == pytest.approx(0.0, abs=1.0)


def spoken_hz(task: SourceFilterTask, store: FeatureStore, hz: float) -> float:
    """Return the pitch, as the distance of its pulses, of what is said of a tone's mel."""
    config = store.config.mel
    times_s = np.arange(60 * config.hop_length) / config.sample_rate
    tone = np.sum([0.2 / number * np.sin(2 * np.pi * number * hz * times_s) for number in (1, 2, 3)], axis=0)
    mel = task.input_mel(torch.from_numpy(tone.astype(np.float32))[None])
    with torch.no_grad():
        said = task.speak(task.generator, mel)[0].numpy()
    middle = said[20 * config.hop_length : 40 * config.hop_length]
    similarity = np.correlate(middle, middle, mode="full")[len(middle) - 1 :]
    shortest, longest = (int(config.sample_rate / edge) for edge in (400.0, 120.0))
    return config.sample_rate / (shortest + int(similarity[shortest:longest].argmax()))
