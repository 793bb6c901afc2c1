"""`sonorant check`: the doctor of a corpus."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from sonorant.files import check_writable, write_file


def check(
    corpus: Annotated[Path, typer.Argument(help="A folder or a file list of recordings and transcripts.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole report as JSON.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write histograms of length and pitch as a PNG.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Look for whatever would spoil a training. Exit code 1 if there are errors."""
    from sonorant.cli.progress import progress_of
    from sonorant.corpus.doctor import check as check_corpus
    from sonorant.text import Frontend

    for output in (json_file, picture):
        if output is not None:
            check_writable(output)
    with progress_of("check") as progress:
        report = check_corpus(corpus, Frontend(), workers, progress)
    print(report.to_text())
    if json_file is not None:
        content = json.dumps(report.to_json(), indent=1).encode()
        write_file(json_file, lambda file: file.write(content))
    if picture is not None:
        report.save_picture(picture)
    if any(problem.severity == "error" for problem in report.problems):
        raise typer.Exit(1)
