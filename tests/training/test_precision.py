"""The precisions of a recipe, for every model, as far as a CPU has them."""

import pytest
import torch
from tests.coarse_watch import SENSITIVE, CoarseWatch
from tests.training.models import ADVERSARIAL, MODELS

from sonorant.config import Recipe, load_recipe
from sonorant.features.loader import micro_batches
from sonorant.features.store import FeatureStore
from sonorant.training.processes import Processes
from sonorant.training.run import make_task
from sonorant.training.task import Task


def recipe_of(model: str, precision: str, *overrides: str) -> Recipe:
    gan = ("loss.adversarial_start=0",) if model in ADVERSARIAL else ()
    return load_recipe(f"tiny_{model}", [f"run.precision={precision}", *gan, *overrides])


def task_of(recipe: Recipe, store: FeatureStore) -> Task:  # type: ignore[type-arg]
    torch.manual_seed(0)
    return make_task(recipe, store, Processes())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("model", MODELS)
def test_a_step_in_half_precision_is_near_the_one_in_full(model: str, precision: str, store: FeatureStore) -> None:
    values = {}
    for chosen in ("fp32", precision):
        recipe = recipe_of(model, chosen)
        task = task_of(recipe, store)
        if chosen == "fp16":
            task.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**7)  # one at which nothing overflows
            for updater in task.updaters.values():
                updater.scaler = task.scaler
        _, batches = next(micro_batches(store, store.split("train"), recipe, 0))
        before = [parameter.clone() for parameter in task.networks[task.trained].parameters()]
        values[chosen] = task.step(batches, 0, 1.0)
        after = list(task.networks[task.trained].parameters())
        assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
        assert all(parameter.isfinite().all() and parameter.dtype == torch.float32 for parameter in after)
    for name, exact in values["fp32"].items():
        assert values[precision][name] == pytest.approx(float(exact), rel=0.1, abs=0.01), name
        if name != "gradient norm":
            continue
        assert float(values[precision][name]) != float(exact)  # or it was not computed in half precision at all
    assert values[precision].get("skipped", 0.0) == 0.0


@pytest.mark.parametrize("model", MODELS)
def test_a_step_whose_gradients_overflow_changes_nothing_but_the_scale(model: str, store: FeatureStore) -> None:
    recipe = recipe_of(model, "fp16")
    task = task_of(recipe, store)
    task.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)
    for updater in task.updaters.values():
        updater.scaler = task.scaler
    _, batches = next(micro_batches(store, store.split("train"), recipe, 0))
    before = [parameter.clone() for network in task.networks.values() for parameter in network.parameters()]
    values = task.step(batches, 0, 1.0)
    after = [parameter for network in task.networks.values() for parameter in network.parameters()]
    assert values["skipped"] == 1.0
    assert task.scaler.get_scale() == 2.0**119
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    buffers = [buffer for network in task.networks.values() for buffer in network.buffers()]
    assert all(buffer.isfinite().all() for buffer in buffers)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("model", MODELS)
def test_a_step_computes_nothing_sensitive_in_half_precision(model: str, precision: str, store: FeatureStore) -> None:
    recipe, watch = recipe_of(model, precision), CoarseWatch()
    task = task_of(recipe, store)
    _, batches = next(micro_batches(store, store.split("train"), recipe, 0))
    with watch:
        task.step(batches, 0, 1.0)
    assert watch.seen >= SENSITIVE[model] and not watch.coarse


def test_the_watch_notices_what_is_coarse() -> None:
    with CoarseWatch() as watch:
        torch.ones(1).exp(), torch.ones(1, dtype=torch.float16).exp(), torch.ones(1).log1p()
    assert watch.seen == {"exp", "log1p"} and watch.coarse == {"exp"}
