"""`sonorant bench train`: how fast a recipe trains."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sonorant.cli.bench import check_json, write_json


def bench_train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a YAML file.")],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FEATURES] [section.key=value ...]",
            help="Features made by `prepare`, without which there are generated ones; settings of the recipe.",
        ),
    ] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="What computes.")] = "cpu",
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps by the clock, after two without.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures as JSON.")] = None,
) -> None:
    """Measure steps of a training: speed, waiting for data, memory, and what share of the hardware's speed it uses."""
    from sonorant.cli.progress import progress_of
    from sonorant.config import load_recipe
    from sonorant.evaluation.benchmark_training import bench_training

    overrides = data or []
    features = Path(overrides.pop(0)) if overrides and "=" not in overrides[0] else None
    loaded = load_recipe(recipe, overrides)
    check_json(json_file)
    with progress_of("bench") as progress:
        report = bench_training(loaded, features, device, steps, progress)
    write_json(json_file, report.to_json())
    print("\n".join(report.lines()))
