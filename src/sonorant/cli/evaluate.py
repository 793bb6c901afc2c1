"""`sonorant evaluate`: how good a voice or a vocoder is, and whether another one is better."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sonorant.cli.precision import Precision
from sonorant.errors import RequestError

if TYPE_CHECKING:
    from sonorant.corpus.splits import Split
    from sonorant.evaluation.making import Copier, Speaker
    from sonorant.evaluation.material import Material

EVALUATION_PACKAGES = {"jiwer", "pesq", "pocketsphinx", "pystoi"}
"""What only the extra "eval" of pyproject.toml installs."""


def evaluate(
    subject: Annotated[
        str | None,
        typer.Argument(metavar="VOICE", help="A voice; with --vocoder-only also a run, a checkpoint or .safetensors."),
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Features made by `prepare`: speak their texts, compare with their recordings.")
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option(help="Which of them.  [default: test]")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Speak a file's lines; default, without --features: 100 shipped sentences.")
    ] = None,
    vocoder_only: Annotated[
        bool, typer.Option("--vocoder-only", help="Copy the recordings: recording, mel, sound.")
    ] = False,
    dnsmos: Annotated[Path | None, typer.Option(help="DNSMOS' sig_bak_ovr.onnx; without it, no DNSMOS.")] = None,
    speaker: Annotated[str | None, typer.Option(help="One of the voice's speakers; default: who recorded it.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many sentences.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of the voice.  [default: 1]")] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="Of a trained vocoder, with --vocoder-only.  [default: fp32]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder for report.json and report.html.  [default: evaluation]")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a report that is there.")] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="Instead: what report B says of the same sentences, less what A says."),
    ] = None,
) -> None:
    """Measure a voice or a vocoder, or compare two reports."""
    if compare is not None:
        if subject is not None:
            raise RequestError("evaluate: --compare takes two reports and no voice; leave one of them out")
        if any((features, split, texts, vocoder_only, dnsmos, speaker, limit, threads, precision, out, replace)):
            raise RequestError("evaluate: --compare measures nothing anew; leave the other options out")
        _compare(*compare)
        return
    if subject is None:
        raise RequestError("evaluate: no voice; give one, or two reports with --compare")
    if vocoder_only and features is None:
        raise RequestError("evaluate: --vocoder-only copies recordings; give --features")
    if precision is not None and not vocoder_only:
        raise RequestError("evaluate: --precision is of a trained vocoder (--vocoder-only); a voice speaks as packed")
    _check_installed()
    from sonorant.evaluation.making import Copier, Speaker

    threads, out = threads or 1, out or Path("evaluation")
    material = _material(features, split, texts, speaker).first(limit)
    _check_folder(out, replace)
    make = Copier.load(subject, threads, precision) if vocoder_only else Speaker.load(subject, speaker, threads)
    _evaluate(subject, make, material, dnsmos, threads, out)


def _material(features: Path | None, split: "Split | None", texts: Path | None, speaker: str | None) -> "Material":
    from sonorant.evaluation.material import read_sentences, recorded_sentences, shipped_sentences

    if features is None:
        if split is not None:
            raise RequestError("evaluate: --split is of --features; give both or neither")
        return shipped_sentences() if texts is None else read_sentences(texts)
    if texts is not None:
        raise RequestError("evaluate: --features and --texts are both given; leave one of them out")
    return recorded_sentences(features, split or "test", speaker)


def _check_installed() -> None:
    """Miss a package now, and not after the first sentence."""
    for package in sorted(EVALUATION_PACKAGES):
        if find_spec(package) is None:
            raise ModuleNotFoundError(name=package)


def _check_folder(out: Path, may_replace: bool) -> None:
    """Make the folder of the report before anything is measured."""
    from sonorant.evaluation.results import REPORT_NAME

    if (out / REPORT_NAME).exists() and not may_replace:
        raise RequestError(f"{out}: holds a report already; give another --out, or --replace")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{out}: cannot be made: {error.strerror}; give another --out") from None


def _evaluate(
    subject: str, make: "Speaker | Copier", material: "Material", dnsmos: Path | None, threads: int, out: Path
) -> None:
    from sonorant.cli.progress import progress_of
    from sonorant.config import FeatureConfig
    from sonorant.evaluation.dnsmos import Dnsmos
    from sonorant.evaluation.evaluate import evaluate as evaluate_items
    from sonorant.evaluation.evaluate import warm_up
    from sonorant.evaluation.judge import Judge
    from sonorant.evaluation.recognition import Recogniser
    from sonorant.evaluation.report import PAGE_NAME, describe, write_report
    from sonorant.evaluation.results import Evaluation
    from sonorant.evaluation.table import figures_text

    facts = {**describe(threads, dnsmos), "precision": make.precision, **warm_up(material.items, make)}
    rater = Dnsmos(dnsmos) if dnsmos else None
    judge = Judge(make.kind, material.features or FeatureConfig(mel=make.mel), Recogniser(), rater)
    with progress_of("evaluate") as progress:
        judged = list(evaluate_items(material.items, make, judge, progress))
    evaluation = Evaluation(make.kind, subject, material.name, facts, tuple(each.result for each in judged))
    print(figures_text(write_report(out, evaluation, judged), subject))
    print(f"peak memory {facts['peak_memory_mib']} MiB, {threads} thread(s); {out / PAGE_NAME}")


def _compare(first: Path, second: Path) -> None:
    from sonorant.evaluation.figures import changes
    from sonorant.evaluation.results import read_evaluation
    from sonorant.evaluation.table import changes_text

    print(changes_text(changes(read_evaluation(first), read_evaluation(second)), str(first), str(second)))
