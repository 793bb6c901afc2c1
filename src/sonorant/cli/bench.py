"""`sonorant bench`: how fast a voice and the networks of recipes speak; `bench train` is how fast they learn."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sonorant.cli.precision import Precision
from sonorant.errors import RequestError
from sonorant.files import check_writable, write_file

if TYPE_CHECKING:
    from sonorant.evaluation.benchmark_report import Report

RUNTIMES = {"cpu": "onnx", "cuda": "torch"}
"""Device -> what computes a voice on it, unless told otherwise."""


def bench(
    context: typer.Context,
    voice: Annotated[
        str | None, typer.Option("--voice", "-v", help="A built-in voice, a folder or a .voice; default: the built-in.")
    ] = None,
    recipes: Annotated[
        list[str] | None,
        typer.Option("--recipe", "-r", help="Instead of a voice, a recipe's network, untrained; may be given again."),
    ] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="What computes.")] = "cpu",
    runtime: Annotated[
        Literal["onnx", "torch"] | None, typer.Option(help="Of a voice; default: onnx on a CPU, torch on a GPU.")
    ] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="Of torch; default: what a recipe says, and for a voice fp32.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = os.cpu_count() or 1,
    batches: Annotated[
        list[int] | None, typer.Option("--batch", min=1, help="Rows at once; may be given again.  [default: 1]")
    ] = None,
    max_words: Annotated[int, typer.Option(min=1, help="Leave out longer sentences, for slow networks.")] = 40,
    repeats: Annotated[int, typer.Option(min=1, help="Runs by the clock, after two without.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures as JSON.")] = None,
) -> None:
    """Measure latency, real-time factor and memory of a voice, or of a recipe's network; `train`: of a training."""
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    from sonorant.cli.progress import progress_of
    from sonorant.evaluation.benchmark_run import Plan, bench_recipes, bench_voice
    from sonorant.synthesis import DEFAULT_VOICE

    if recipes and (voice or runtime):
        raise RequestError("bench: --voice and --runtime do not go with --recipe; measure one after the other")
    computing = runtime or RUNTIMES[device]
    if precision and not recipes and computing == "onnx":
        raise RequestError("bench: --precision goes with --recipe or --runtime torch; onnx computes as packed")
    check_json(json_file)
    plan = Plan(device, threads, tuple(batches or (1,)), max_words, repeats)
    with progress_of("bench") as progress:
        if recipes:
            report = bench_recipes(recipes, precision, plan, progress)
        else:
            report = bench_voice(voice or DEFAULT_VOICE, computing, precision, plan, progress)
    write_json(json_file, report.to_json())
    show(report)


def _refuse_options(context: typer.Context) -> None:
    """Refuse what stands before a command of its own, which would not see it."""
    sources = {option.opts[0]: context.get_parameter_source(str(option.name)) for option in context.command.params}
    given = [option for option, source in sources.items() if source and source.name == "COMMANDLINE"]
    if given:
        verb = f"bench {context.invoked_subcommand}"
        raise RequestError(f"{verb}: {', '.join(given)} stands before it and is not heeded; see sonorant {verb} --help")


def check_json(path: Path | None) -> None:
    """Refuse a file that could not be written, before anything is measured.

    Raises:
        RequestError: It cannot be.
    """
    if path is not None:
        check_writable(path)


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write figures, if there is a file to write them to."""
    if path is not None:
        content = json.dumps(figures, indent=1).encode()
        write_file(path, lambda file: file.write(content))


def show(report: "Report") -> None:
    """Print a report: a drawn table on a terminal, plain columns elsewhere."""
    from sonorant.evaluation.benchmark_report import COLUMNS, LEFT_COLUMNS, plain_table

    print("\n".join(report.heading()), end="\n\n")
    if not sys.stdout.isatty():
        print("\n".join(plain_table([COLUMNS, *report.cells()])))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in LEFT_COLUMNS else "right")
    for cells in report.cells():
        table.add_row(*cells)
    Console().print(table)
