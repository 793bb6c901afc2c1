"""The two files of a report, and what it says about how it was made."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from sonorant.evaluation.benchmark_machine import describe_cpu, versions
from sonorant.evaluation.evaluate import Judged
from sonorant.evaluation.figures import Figure, figures
from sonorant.evaluation.page import page
from sonorant.evaluation.results import REPORT_NAME, Evaluation
from sonorant.files import write_file

PAGE_NAME = "report.html"


def describe(threads: int, dnsmos: Path | None) -> dict[str, str | int | float]:
    """Tell when, where and with what an evaluation was made."""
    return {
        "date": date.today().isoformat(),
        **describe_cpu(),
        **versions(),
        "threads": threads,
        "dnsmos": dnsmos.name if dnsmos else "not given",
    }


def write_report(folder: Path, evaluation: Evaluation, judged: Sequence[Judged]) -> list[Figure]:
    """Write report.json and report.html, and return the figures that both hold.

    Raises:
        RequestError: A file cannot be written.
    """
    rows = figures(evaluation.sentences)
    _write(folder / REPORT_NAME, _json(evaluation, rows))
    _write(folder / PAGE_NAME, page(evaluation, rows, judged))
    return rows


def _write(path: Path, text: str) -> None:
    content = text.encode()
    write_file(path, lambda file: file.write(content))


def _json(evaluation: Evaluation, rows: Sequence[Figure]) -> str:
    tree: dict[str, Any] = {**evaluation.to_json(), "figures": {row.metric: asdict(row) for row in rows}}
    return json.dumps(tree, indent=1, ensure_ascii=False)
