"""Running a benchmark from its settings to its report."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sonorant.config import load_recipe
from sonorant.evaluation.benchmark import Case, Instruments, Row, measure, with_means
from sonorant.evaluation.benchmark_machine import CpuInstruments, describe_cpu, onnx_product, versions
from sonorant.evaluation.benchmark_report import Report
from sonorant.evaluation.benchmark_sentences import sentences_up_to
from sonorant.synthesis import load_runtime
from sonorant.voice import load_voice

Progress = Callable[[int, int], object]
"""Takes how many cases are done and how many there are."""


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Attributes:
        device: cpu or cuda.
        threads: Of the CPU.
        batches: Sizes of batches, each measured.
        max_words: Longer sentences are left out.
        repeats: Runs by the clock.
    """

    device: str
    threads: int
    batches: tuple[int, ...]
    max_words: int
    repeats: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences to speak, shortest first."""
        return sentences_up_to(self.max_words)


def bench_voice(name: str, runtime: str, precision: str | None, plan: Plan, progress: Progress) -> Report:
    """Measure a voice from text to sound, and its two models by themselves; precision is torch's, None is fp32.

    Raises:
        VoiceError: The voice is missing or damaged, or holds nothing that the runtime can run.
        RequestError: The runtime or the device cannot be used.
    """
    from sonorant.evaluation.benchmark_voice import voice_cases

    voice = load_voice(name, verify=False)
    if runtime == "torch":
        from sonorant.evaluation.benchmark_torch import describe_gpu, make_instruments, open_device, torch_product

        device = open_device(plan.device, plan.threads)
        gpu, product = describe_gpu(device), torch_product(device, precision or "fp32")
        instruments = make_instruments(device)
    else:
        gpu, product, instruments = {}, onnx_product(plan.threads), CpuInstruments()
    opened = load_runtime(runtime, voice, plan.threads, plan.device, precision)
    cases = list(voice_cases(voice, opened, plan.sentences, plan.batches))
    rows = _measured(cases, instruments, plan.repeats, _ticks(progress, len(cases)))
    return _report(rows, {"voice": name, "runtime": runtime}, plan, gpu, [product])


def bench_recipes(names: Sequence[str], precision: str | None, plan: Plan, progress: Progress) -> Report:
    """Measure the untrained network of each recipe as it speaks; precision None is the recipe's own.

    Raises:
        ConfigError: There is no such recipe, or it is wrong.
        RequestError: The device cannot be used.
    """
    recipes = [load_recipe(name, [f"run.precision={precision}"] if precision else ()) for name in names]

    from sonorant.evaluation.benchmark_networks import network_cases
    from sonorant.evaluation.benchmark_torch import describe_gpu, make_instruments, open_device, torch_product

    device = open_device(plan.device, plan.threads)
    precisions = {recipe.name: recipe.run.precision for recipe in recipes}
    products = [torch_product(device, each) for each in dict.fromkeys(precisions.values())]
    tick = _ticks(progress, len(recipes) * len(plan.batches) * len(plan.sentences))
    rows: list[Row] = []
    for recipe in recipes:
        speaking = network_cases(recipe, device, plan.sentences, plan.batches)
        rows += _measured(speaking, make_instruments(device), plan.repeats, tick)
    return _report(rows, {"recipes": precisions}, plan, describe_gpu(device), products)


def _measured(
    cases: Iterable[Callable[[], Case]], instruments: Instruments, repeats: int, tick: Callable[[], object]
) -> list[Row]:
    """Prepare and measure one case after the other."""
    rows = []
    for prepare in cases:
        rows.append(measure(prepare(), instruments, repeats))
        tick()
    return rows


def _ticks(progress: Progress, total: int) -> Callable[[], object]:
    done = itertools.count(1)
    return lambda: progress(next(done), total)


def _report(
    rows: Iterable[Row],
    chosen: Mapping[str, Any],
    plan: Plan,
    gpu: Mapping[str, str | int | float],
    matrix_products: Sequence[Mapping[str, str | int | float]],
) -> Report:
    return Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine={**describe_cpu(), **gpu},
        versions=versions(),
        settings={**chosen, **asdict(plan)},
        matrix_products=matrix_products,
        rows=with_means(rows),
    )
