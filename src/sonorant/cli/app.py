"""The `sonorant` command: its verbs, and how errors become exit codes.

Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 1 `check` found errors in a corpus, `say`
spoke a sentence otherwise than asked (a warning tells how) or the reader of stdout went away, 2 something the user can
put right, 3 training diverged, 128 and the number of the signal that ended it (130: Ctrl-C).
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

import sonorant
from sonorant.cli.bench import bench
from sonorant.cli.bench_train import bench_train
from sonorant.cli.check import check
from sonorant.cli.evaluate import EVALUATION_PACKAGES, evaluate
from sonorant.cli.finetune import finetune
from sonorant.cli.import_model import import_model
from sonorant.cli.mels import mels
from sonorant.cli.pack import pack
from sonorant.cli.prepare import prepare
from sonorant.cli.recipe import recipe
from sonorant.cli.report import report
from sonorant.cli.say import say
from sonorant.cli.train import resume, train
from sonorant.cli.voices import voices
from sonorant.errors import TrainingDiverged, UserError

EXTRAS = {
    "train": {"torch", "safetensors", "tensorboard", "swift_f0", "onnx", "onnxscript", "matplotlib", "PIL"},
    "eval": EVALUATION_PACKAGES,
}
"""What the extras of pyproject.toml install and the core does without."""

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a process to end."""

app = typer.Typer(
    name="sonorant",
    help="Text-to-speech to train, own and ship.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(say)
app.command()(check)
app.command()(prepare)
app.command()(train)
app.command()(resume)
app.command()(report)
app.command()(finetune)
app.command()(mels)
app.command()(pack)
app.command("import")(import_model)
app.command()(voices)
app.command()(evaluate)
benchmarks = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
benchmarks.callback()(bench)
benchmarks.command("train")(bench_train)
app.add_typer(benchmarks, name="bench")
app.command()(recipe)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"sonorant {sonorant.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Text-to-speech to train, own and ship."""


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """End by a signal as by Ctrl-C, so that what is half written is removed; nohup's choice to ignore one stays."""
    taken = [number for number in ENDINGS if signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@_ended_in_order()
def main() -> None:
    """Run the command line and turn the package's errors into one line on stderr and an exit code."""
    try:
        app()
    except UserError as error:
        _fail(str(error), 2)
    except TrainingDiverged as error:
        _fail(str(error), 3)
    except ModuleNotFoundError as error:
        package = str(error.name).split(".")[0]
        extra = next((extra for extra, packages in EXTRAS.items() if package in packages), None)
        if extra is None:
            raise
        _fail(f'this command needs {error.name}, which speaking does not; pip install "sonorant[{extra}]"', 2)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    for ending in ENDINGS:  # a second one must not disturb the removal
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


def _fail(message: str, code: int) -> None:
    print(f"sonorant: {message}", file=sys.stderr)
    sys.exit(code)
