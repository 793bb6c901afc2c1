from collections.abc import Callable

import pytest
import torch

from sonorant.config import Tacotron2Recipe, load_recipe
from sonorant.features.batch import AcousticBatch, acoustic_batch
from sonorant.features.store import FeatureStore
from sonorant.models.tacotron2_convs import MaskedBatchNorm
from sonorant.training.guard import NonFinite
from sonorant.training.processes import Processes
from sonorant.training.tacotron2_task import Tacotron2Task

Gradients = Callable[..., dict[str, torch.Tensor]]
NO_DROPOUT = [f"model.{part}_dropout=0.0" for part in ("encoder", "prenet", "rnn", "postnet")]
ALL_TERMS = ["loss.monotonicity=1.0"]


def make(store: FeatureStore, *overrides: str, frozen_statistics: bool = False) -> Tacotron2Task:
    recipe = load_recipe("tiny_tacotron2", [*ALL_TERMS, *overrides])
    assert isinstance(recipe, Tacotron2Recipe)
    torch.manual_seed(0)
    task = Tacotron2Task(recipe, store, Processes())
    for module in task.model.modules() if frozen_statistics else ():
        if isinstance(module, MaskedBatchNorm):
            module.eval()
    return task


def split(store: FeatureStore, parts: int, size: int) -> list[AcousticBatch]:
    entries = store.split("train")
    return [acoustic_batch(store, entries[part * size : (part + 1) * size]) for part in range(parts)]


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def test_gradients_do_not_depend_on_the_split_of_the_batch(store: FeatureStore, gradients: Gradients) -> None:
    (whole,) = gradients(make(store, *NO_DROPOUT, frozen_statistics=True), split(store, 1, 8), 0).values()
    (parts,) = gradients(make(store, *NO_DROPOUT, frozen_statistics=True), split(store, 4, 2), 0).values()
    assert difference(parts, whole) < 1e-6


def test_statistics_of_micro_batches_give_another_gradient(store: FeatureStore, gradients: Gradients) -> None:
    """The one effect of splitting that the task's documentation states."""
    (whole,) = gradients(make(store, *NO_DROPOUT), split(store, 1, 8), 0).values()
    (parts,) = gradients(make(store, *NO_DROPOUT), split(store, 4, 2), 0).values()
    assert difference(parts, whole) > 1e-3


def test_counts_per_micro_batch_would_give_another_gradient(
    store: FeatureStore, gradients: Gradients, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = gradients(make(store, *NO_DROPOUT, frozen_statistics=True), split(store, 1, 8), 0).values()
    task = make(store, *NO_DROPOUT, frozen_statistics=True)
    counts = task.term_counts
    equal_shares = lambda batches: {name: len(batches) * n for name, n in counts(batches[:1]).items()}  # noqa: E731
    monkeypatch.setattr(task, "term_counts", equal_shares)
    (parts,) = gradients(task, split(store, 4, 2), 0).values()
    assert difference(parts, whole) > 1e-3


@pytest.mark.parametrize("reduction", [1, 2, 3])
def test_counts_known_beforehand_are_those_of_the_loss_terms(reduction: int, store: FeatureStore) -> None:
    task = make(store, f"model.reduction_factor={reduction}")
    (batch,) = split(store, 1, 5)
    terms = task.terms(task.model, batch, 0)
    assert set(terms) == {"mel", "postnet", "stop", "guided_attention", "monotonicity"}
    assert {name: int(term.count) for name, term in terms.items()} == task.term_counts([batch])


def test_padding_does_not_count(store: FeatureStore) -> None:
    """The published code takes its losses over the padding, too."""
    task = make(store, *NO_DROPOUT, frozen_statistics=True)
    entries = sorted(store.split("train"), key=lambda entry: entry.num_frames)
    short, long = entries[0], entries[-1]
    assert long.num_frames > short.num_frames + 4
    alone = [task.terms(task.model, acoustic_batch(store, [entry]), 0) for entry in (short, long)]
    together = task.terms(task.model, acoustic_batch(store, [short, long]), 0)
    for name, term in together.items():
        torch.testing.assert_close(term.sum, alone[0][name].sum + alone[1][name].sum, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attention", ["location", "dynamic_convolution"])
def test_one_step_changes_every_parameter(attention: str, store: FeatureStore) -> None:
    task = make(store, f"model.attention={{kind: {attention}, channels: 16}}")
    before = {name: parameter.detach().clone() for name, parameter in task.model.named_parameters()}
    task.step(split(store, 2, 2), 0, 1.0)
    same = [name for name, parameter in task.model.named_parameters() if torch.equal(parameter, before[name])]
    assert same == []
    assert all(parameter.isfinite().all() for parameter in task.model.parameters())


def test_a_batch_of_one_utterance_trains(store: FeatureStore) -> None:
    losses = make(store).step(split(store, 1, 1), 0, 1.0)
    assert all(value.isfinite() for value in losses.values())


def test_one_batch_is_overfitted(store: FeatureStore) -> None:
    task, batches = make(store, "optimizer.learning_rate=0.01", *NO_DROPOUT), split(store, 1, 4)
    losses = [task.step(batches, step, 1.0) for step in range(60)]
    for name in ("mel", "postnet", "stop", "guided_attention"):
        assert losses[-1][name] < 0.5 * losses[0][name], name


def test_guided_attention_lets_go(store: FeatureStore) -> None:
    task, batches = make(store, "loss.guided_attention_steps=10"), split(store, 1, 4)
    assert "guided_attention" in task.step(batches, 9, 1.0)
    assert "guided_attention" not in task.step(batches, 10, 1.0)


def test_bfloat16_trains_about_the_same(store: FeatureStore) -> None:
    batches = split(store, 1, 4)
    exact = make(store, *NO_DROPOUT).step(batches, 0, 1.0)
    coarse = make(store, *NO_DROPOUT, "run.precision=bf16").step(batches, 0, 1.0)
    assert coarse["mel"].dtype == torch.float32
    assert coarse["mel"] != exact["mel"]
    assert coarse["total"].item() == pytest.approx(exact["total"].item(), rel=0.02)


def test_validation_repeats_itself_and_leaves_the_run_alone(store: FeatureStore) -> None:
    task = make(store)
    random = torch.get_rng_state()
    first = task.validate(task.model)
    assert first == task.validate(task.model)
    assert task.model.training
    assert torch.equal(random, torch.get_rng_state())
    assert {"mel", "postnet", "stop", "total", "focus", "diagonality", "skipped", "repeated"} <= set(first)


def test_the_prenet_drops_in_validation_too(store: FeatureStore) -> None:
    dropping, whole = make(store), make(store, "model.prenet_dropout=0.0")
    assert dropping.validate(dropping.model)["mel"] != whole.validate(whole.model)["mel"]


def test_samples_are_sound_and_pictures(store: FeatureStore) -> None:
    task = make(store)
    random = torch.get_rng_state()
    samples = task.samples(task.model)
    assert torch.equal(random, torch.get_rng_state())
    assert {"spoken 0", "spoken 1", "spoken 2"} == set(samples.audio)
    assert all(0 < len(waveform) for waveform in samples.audio.values())
    assert {"mel 0", "alignment 0"} < set(samples.pictures)
    assert all(picture.ndim == 3 and picture.std() > 0 for picture in samples.pictures.values())


def test_a_loss_that_is_not_finite_stops_before_the_update(store: FeatureStore) -> None:
    task = make(store)
    (batch,) = split(store, 1, 2)
    batch.mel[0, 0, 0] = float("nan")
    before = [parameter.detach().clone() for parameter in task.model.parameters()]
    task.step([batch], 0, 1.0)
    with pytest.raises(NonFinite, match="= nan"):
        task.guard.check()
    assert all(map(torch.equal, task.model.parameters(), before))
