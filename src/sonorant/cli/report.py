"""`sonorant report`: a training run as one page."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, also of one that still goes on.")],
    out: Annotated[
        Path | None, typer.Option(help="The page to write; default: report.html in the run's folder.")
    ] = None,
) -> None:
    """Write curves, pictures, sound, alarms and settings of a training run to a page that needs no server."""
    from sonorant.evaluation.run_page import run_page
    from sonorant.evaluation.run_record import read_run
    from sonorant.files import check_writable, write_file

    record = read_run(run)
    target = out or run / "report.html"
    check_writable(target)
    content = run_page(record).encode()
    write_file(target, lambda file: file.write(content))
    print(target)
