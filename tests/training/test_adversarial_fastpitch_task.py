import json
from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sonorant.config import FastPitchRecipe, load_recipe
from sonorant.features.batch import AcousticBatch, acoustic_batch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm
from sonorant.training.adversarial_fastpitch_task import JUDGED, AdversarialFastPitchTask
from sonorant.training.alarms import ExplodingAlarm, UnalignedAlarm, WinningJudgesAlarm
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.guard import NonFinite
from sonorant.training.processes import Processes
from sonorant.training.samples import Samples

Gradients = Callable[..., dict[str, Tensor]]
EARLY, LATE = 4, 1500
"""A step before `adversarial_start`, and one at which every loss term counts."""

STACKS, PREDICTORS = ("encoder", "decoder"), ("duration_predictor", "pitch_predictor", "energy_predictor")
NO_DROPOUT = (
    *(f"model.{part}.dropout=0" for part in (*STACKS, *PREDICTORS)),
    *(f"model.{part}.attention_dropout=0" for part in STACKS),
)


def recipe_of(*overrides: str) -> FastPitchRecipe:
    recipe = load_recipe("tiny_sharpen_fastpitch", [*NO_DROPOUT, *overrides])
    assert isinstance(recipe, FastPitchRecipe)
    return recipe


def make(store: FeatureStore, *overrides: str) -> AdversarialFastPitchTask:
    torch.manual_seed(0)
    return AdversarialFastPitchTask(recipe_of(*overrides), store, Processes())


def without_judges(store: FeatureStore) -> FastPitchTask:
    """The training of the same network by FastPitch's own terms."""
    task = FastPitchTask(recipe_of("discriminators=null", "loss.adversarial_start=30"), store, Processes())
    task.model.load_state_dict(make(store).model.state_dict())
    return task


def split(store: FeatureStore, *sizes: int) -> list[AcousticBatch]:
    entries = store.split("train")
    return [acoustic_batch(store, entries[start:end]) for start, end in pairwise(accumulate(sizes, initial=0))]


def gradients_of(term: LossTerm, network: nn.Module) -> dict[str, Tensor]:
    """Return the gradients of the parameters that a term depends on."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    found = torch.autograd.grad(term.sum, parameters, retain_graph=True, allow_unused=True)
    return {name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None}


def test_the_judges_learn_from_their_own_term_alone_and_the_model_from_all_others(store: FeatureStore) -> None:
    task = make(store)
    terms = task.terms(task.model, split(store, 4)[0], LATE)
    assert set(JUDGED) < set(terms)
    for name, term in terms.items():
        of_judges, of_model = (gradients_of(term, network) for network in (task.discriminators, task.model))
        assert bool(of_judges) == (name == "discriminator"), name
        assert bool(of_model) == (name != "discriminator"), name
    judges = dict(task.discriminators.named_parameters())
    assert gradients_of(terms["discriminator"], task.discriminators).keys() == judges.keys()
    for name in ("adversarial", "feature"):
        assert {"decoder", "projection"} <= {path.split(".")[0] for path in gradients_of(terms[name], task.model)}


def test_what_the_model_is_told_of_the_judges_is_weighted_and_what_they_learn_is_not(
    store: FeatureStore, gradients: Gradients
) -> None:
    batches = split(store, 4)
    plain, none, once, twice = (
        gradients(task, batches, LATE)
        for task in (
            without_judges(store),
            make(store, "loss.adversarial=0", "loss.feature=0"),
            make(store, "loss.adversarial=0.2", "loss.feature=0.5"),
            make(store, "loss.adversarial=0.4", "loss.feature=1"),
        )
    )
    assert torch.equal(none["model"], plain["model"])
    told = once["model"] - none["model"]
    assert told.norm() > 1e-3 * none["model"].norm()
    torch.testing.assert_close(twice["model"] - none["model"], 2 * told, rtol=1e-3, atol=1e-6)
    assert torch.equal(once["discriminators"], none["discriminators"]) and none["discriminators"].any()
    assert torch.equal(twice["discriminators"], none["discriminators"])


def test_before_they_judge_the_judges_learn_and_the_model_learns_without_them(
    store: FeatureStore, gradients: Gradients
) -> None:
    task, batches = make(store), split(store, 4)
    before = [parameter.clone() for parameter in task.discriminators.parameters()]
    found = gradients(task, batches, EARLY)
    assert torch.equal(found["model"], gradients(without_judges(store), batches, EARLY)["model"])
    assert not any(map(torch.equal, task.discriminators.parameters(), before))
    assert {"adversarial", "feature"} < set(make(store).step(batches, EARLY + 1, 1.0))


def test_validation_has_the_weights_of_the_end_of_the_run_however_late_the_judges_begin(store: FeatureStore) -> None:
    task = make(store, "loss.adversarial_start=2000", "loss.adversarial=0.2", "loss.feature=0.5")
    early, late = ([task.weights(step)[name] for name in JUDGED] for step in (1999, 2000))
    assert (early, late) == ([1, 0, 0], [1, 0.2, 0.5])
    assert task.last_weights_step == 2000 and set(JUDGED) < set(task.validate(task.model))


def test_the_total_is_of_what_the_model_is_told(store: FeatureStore) -> None:
    task, batches = make(store, "loss.adversarial=0.25"), split(store, 4)
    for values, step in ((task.validate(task.model), LATE), (task.step(batches, LATE, 1.0), LATE)):
        weights = {name: weight for name, weight in task.weights(step).items() if name != "discriminator"}
        expected = sum(weight * float(values[name]) for name, weight in weights.items() if name in values)
        assert float(values["total"]) == pytest.approx(expected, rel=1e-5)


def test_the_judges_can_learn_again_after_they_have_judged(store: FeatureStore) -> None:
    task = make(store)
    for act in (lambda: task.step(split(store, 2, 2), LATE, 1.0), lambda: task.validate(task.model)):
        act()
        assert all(parameter.requires_grad for parameter in task.discriminators.parameters())


def test_judges_whose_loss_is_not_finite_stop_the_model_too(store: FeatureStore) -> None:
    task = make(store)
    torch.nn.init.constant_(next(task.discriminators.parameters()), float("nan"))
    before = [parameter.clone() for parameter in task.model.parameters()]
    task.step(split(store, 2), EARLY, 1.0)
    with pytest.raises(NonFinite, match="discriminator = nan"):
        task.guard.check()
    assert all(map(torch.equal, task.model.parameters(), before))


def test_gradients_do_not_depend_on_the_split_of_the_batch(store: FeatureStore, gradients: Gradients) -> None:
    whole, parts = (gradients(make(store), split(store, *sizes), LATE) for sizes in ((8,), (3, 1, 4)))
    for name in ("model", "discriminators"):
        assert (parts[name] - whole[name]).norm() < 1e-6 * whole[name].norm()


def test_counts_per_micro_batch_would_give_another_gradient(
    store: FeatureStore, gradients: Gradients, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, task = gradients(make(store), split(store, 8), LATE), make(store)
    counts = task.term_counts

    def equal_shares(batches: list[AcousticBatch]) -> Mapping[str, int]:
        return {name: len(batches) * count for name, count in counts(batches[:1]).items()}

    monkeypatch.setattr(task, "term_counts", equal_shares)
    parts = gradients(task, split(store, 3, 1, 4), LATE)
    for name in ("model", "discriminators"):
        assert (parts[name] - whole[name]).norm() > 1e-3 * whole[name].norm()


def test_counts_known_beforehand_are_those_of_the_loss_terms(store: FeatureStore) -> None:
    task, (batch,) = make(store), split(store, 5)
    terms = task.terms(task.model, batch, LATE)
    assert {name: int(term.count) for name, term in terms.items()} == task.term_counts([batch])


def test_the_best_checkpoint_is_the_one_that_varies_most_like_recordings(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FastPitchTask, "samples", lambda self, network: Samples())
    fit(recipe_of("run.steps=4", "run.validate_every=1"), store_path, tmp_path, progress=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    best = min((line for line in lines if line["kind"] == "validation"), key=lambda line: line["variance"])
    expected = {"step": best["step"], "metric": "variance", "value": best["variance"]}
    assert json.loads((tmp_path / "best.json").read_text()) == expected


def test_validation_does_not_depend_on_the_size_of_its_batches(store: FeatureStore) -> None:
    whole, parts = make(store), make(store, "batch.micro_batch=2")
    assert parts.validate(parts.model) == pytest.approx(whole.validate(whole.model), rel=1e-4)


def test_both_what_fastpitch_and_what_judges_may_suffer_is_watched(store: FeatureStore) -> None:
    task = make(store)
    unaligned, exploding, winning = task.alarms
    assert isinstance(unaligned, UnalignedAlarm) and winning == WinningJudgesAlarm(num_judges=2)
    assert isinstance(exploding, ExplodingAlarm)
    assert set(exploding.names) < set(task.step(split(store, 2), LATE, 1.0))
