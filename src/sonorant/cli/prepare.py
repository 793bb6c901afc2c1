"""`sonorant prepare`: recordings and transcripts to features."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sonorant.errors import RequestError


def prepare(
    corpus: Annotated[Path, typer.Argument(help="A folder or a file list of recordings and transcripts.")],
    out: Annotated[Path, typer.Argument(help="The folder of features; run again to bring it up to date.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="features.key=value ...")] = None,
    recipe: Annotated[str, typer.Option("--recipe", "-r", help="Whose features; all shipped ones share them.")] = (
        "fastpitch"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Compute mel, pitch, energy and symbols of a corpus. Can be interrupted and run again."""
    from sonorant.cli.progress import progress_of
    from sonorant.config import load_recipe
    from sonorant.features.prepare import prepare as prepare_features

    for override in overrides or ():
        if not override.startswith("features."):
            raise RequestError(f"{override}: prepare takes features.key=value only; the rest belongs to train")
    config = load_recipe(recipe, overrides or ()).features
    try:
        with progress_of("prepare") as progress:
            report = prepare_features(corpus, out, config, workers, progress)
    except KeyboardInterrupt:
        print(f"sonorant: interrupted; the same command goes on from what {out} holds", file=sys.stderr)
        raise
    for problem in report.problems:
        print(f"sonorant: {problem}", file=sys.stderr)
    sides = ", ".join(f"{count} {side}" for side, count in report.splits.items())
    counts = f"{report.prepared} prepared, {report.reused} reused, {len(report.problems)} problems"
    loudness = "levelled" if report.loudness_applied else "kept"
    print(f"{out}: {sides}; {report.duration_s / 3600:.2f} h; {counts}; loudness {loudness}")
