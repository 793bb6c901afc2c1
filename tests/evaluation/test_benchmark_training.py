"""`sonorant bench train` measures the loop's own steps, and says what they took."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.evaluation.test_benchmark import FakeInstruments

from sonorant.cli import main
from sonorant.config import AcousticRecipe, FeatureConfig, Recipe, list_recipes, load_recipe
from sonorant.evaluation import benchmark_torch, benchmark_training
from sonorant.evaluation.benchmark_training import count_operations, measure_training, write_generated
from sonorant.evaluation.benchmark_training_report import TrainingFigures, TrainingReport
from sonorant.features.store import FeatureStore
from sonorant.training.processes import Processes
from sonorant.training.run import Run

Bench = Callable[..., tuple[str, str]]
TINY = [name for name in list_recipes() if name.startswith("tiny_")]


@pytest.fixture(autouse=True)
def short_utterances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_training, "NUM_SYMBOLS", 10)
    monkeypatch.setattr(benchmark_torch, "CPU_PRODUCT_SIZE", 64)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Bench:
    """Run `sonorant bench` in this process and in an empty folder; what it wrote is returned."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["sonorant", "bench", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            assert stop.code in (0, 2, None)
        written = capsys.readouterr()
        return written.out, written.err

    return run


def run_of(name: str, folder: Path, *overrides: str) -> Run:
    recipe = load_recipe(name, overrides)
    folder.mkdir()
    return Run(recipe, FeatureStore(write_generated(recipe, folder)), folder / "run", Processes())


@pytest.mark.parametrize("name", TINY)
def test_every_kind_of_training_is_measured(name: str, tmp_path: Path) -> None:
    run = run_of(name, tmp_path / "features", "batch.micro_batch=1", "batch.global_batch=2")
    done: list[int] = []
    figures = measure_training(run, FakeInstruments(), 2, done.append)
    recipe: Recipe = run.recipe
    frames = 2 * 2 * (60 if isinstance(recipe, AcousticRecipe) else recipe.segment_frames)
    assert figures.counts["frames"] == frames and figures.steps == 2 and done == [1, 2]
    if not isinstance(recipe, AcousticRecipe):
        assert figures.counts["samples"] == frames * recipe.features.mel.hop_length
    assert figures.parameters == sum(p.numel() for net in run.task.networks.values() for p in net.parameters())
    assert figures.flop > 4 * figures.parameters and figures.seconds > 0 and 0 <= figures.waiting < 1
    assert not (tmp_path / "features" / "run").exists()


@pytest.mark.parametrize(("name", "overrides"), [
    ("tiny_hifigan", ("loss.adversarial_start=2", "loss.discriminators_alone=3")),
    ("tiny_sharpen_fastpitch", ("loss.adversarial_start=5", "loss.binarization_warmup=2")),
])  # fmt: skip
def test_all_loss_terms_are_at_work_in_what_is_measured(
    name: str, overrides: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(name, tmp_path / "f", *overrides)
    seen: list[tuple[int, set[str]]] = []
    advance = run.advance

    def watched(epoch: int, batches: Any) -> dict[str, torch.Tensor]:
        step, losses = run.position.step, advance(epoch, batches)
        seen.append((step, set(losses)))
        return losses

    monkeypatch.setattr(run, "advance", watched)
    measure_training(run, FakeInstruments(), 2, lambda done: None)
    assert [step for step, _ in seen] == [5, 6, 7, 8, 7, 8]  # two unseen, two by the clock, and the two to be counted
    assert all({"discriminator", "adversarial", "feature", "mel"} <= names for _, names in seen)


def test_a_product_and_its_two_gradients_are_counted_in_every_step() -> None:
    class Products:
        def batches(self) -> Iterator[tuple[int, list[int]]]:
            return iter([(0, [1])] * 9)

        def advance(self, epoch: int, batches: list[int]) -> None:
            a, b = (torch.ones(10, 10, requires_grad=True) for _ in range(2))
            (a @ b).sum().backward()

    run: Any = Products()
    assert count_operations(run, 3) == 3 * 3 * 2 * 10**3


FIGURES = TrainingFigures(parameters=7, steps=4, seconds=2.0, processor_s=1.0, waiting=0.25, peak_bytes=3 * 2**20,
                          counts={"frames": 100.0}, flop=10**9)  # fmt: skip
PRODUCT = {"library": "torch", "precision": "fp32", "size": 64, "gflop_per_s": 2.0}


def test_utilisation_is_the_share_of_the_matrix_product_s_speed() -> None:
    report = TrainingReport("2026-01-01", {}, {}, {}, PRODUCT, FIGURES)
    assert report.utilisation == 0.25 and FIGURES.cores == 0.5 and FIGURES.rates == {"frames": 50.0}
    assert replace(report, figures=replace(FIGURES, seconds=4.0)).utilisation == 0.125
    text = "\n".join(report.lines())
    for shown in ("4 in 2 s, 500 ms each", "50 frames/s", "25.0 %", "0.50", "3 MiB", "0.25 GFLOP a step",
                  "25.0 %: 0.5 GFLOP/s of 2 GFLOP/s (torch fp32 64²)"):  # fmt: skip
        assert shown in text


def test_a_training_on_generated_features_is_measured_from_the_command_line(bench: Bench) -> None:
    out, err = bench("train", "tiny_fastpitch", "--steps", 2, "--json", "b.json", "run.threads=1", "run.precision=bf16")
    report = json.loads(Path("b.json").read_text())
    assert report["settings"]["features"] == "generated" and report["settings"]["threads"] == 1
    assert report["settings"]["precision"] == report["matrix_products"][0]["precision"] == "bf16"
    assert report["training"]["steps"] == 2 and report["training"]["utilisation"] > 0
    assert set(report["definitions"]) <= {*report["training"]}
    assert "GFLOP a step" in out and "bench: 2/2" in err and [path.name for path in Path().iterdir()] == ["b.json"]


def test_a_training_on_prepared_features_reads_them(bench: Bench, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_hifigan")
    (tmp_path / "features").mkdir()
    write_generated(recipe, tmp_path / "features")
    out, _ = bench("train", "tiny_hifigan", "features", "run.threads=1", "--steps", 1)
    assert "features features" in out and "samples/s" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "tiny_fastpich"), "did you mean tiny_fastpitch?"),
        (("train", "tiny_fastpitch", "nowhere"), "no finished features"),
        (("train", "tiny_fastpitch", "run.stepps=1"), "did you mean steps?"),
        (("train", "tiny_fastpitch", "--json", "missing/b.json"), "missing does not exist"),
        (("--json", "b.json", "train", "tiny_fastpitch"), "bench train: --json stands before it and is not heeded"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(
    bench: Bench, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_training, "measure_training", lambda *_: pytest.fail("measured"))
    out, err = bench(*arguments)
    assert message in err and not out


def test_the_weights_stay_where_they_are(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    measure, moved = benchmark_training.measure_training, SimpleNamespace(most=None)

    def watched(run: Run, *rest: Any) -> TrainingFigures:
        before = [weight.detach().clone() for weight in run.task.networks[run.task.trained].parameters()]
        figures = measure(run, *rest)
        after = run.task.networks[run.task.trained].parameters()
        moved.most = max(float((new.detach() - old).abs().max()) for new, old in zip(after, before, strict=True))
        return figures

    monkeypatch.setattr(benchmark_training, "measure_training", watched)
    bench("train", "tiny_fastpitch", "run.threads=1", "optimizer.learning_rate=1.0", "--steps", 2)
    assert moved.most < 1e-9


def test_generated_features_fit_their_recipe(tmp_path: Path) -> None:
    recipe = load_recipe("tiny_hifigan", ["batch.global_batch=3"])
    store = FeatureStore(write_generated(recipe, tmp_path))
    assert len(store.split("train")) == 3 and len(store.split("validation")) == 1
    assert store.config == recipe.features and isinstance(store.config, FeatureConfig)
