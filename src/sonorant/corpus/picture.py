"""The corpus at a glance: how long its clips are and how high its voices speak."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sonorant.files import replace_file

if TYPE_CHECKING:
    from sonorant.corpus.report import Report

_BINS = 40


def draw(report: "Report", path: Path) -> None:
    """Draw the histograms of a report into a file whose suffix names the format; whatever fails, an old file stays.

    Raises:
        OSError: The file cannot be written.
        ValueError: The suffix names no picture format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    summary = report.summary
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"{report.path.resolve().name}: {summary.hours:.2f} h, {summary.clips} clips, {summary.sentences} sentences"
    )
    lengths, pitch = figure.subplots(1, 2)
    lengths.hist(report.lengths_s, bins=_BINS, color="#2a6f97")
    lengths.set(xlabel="clip length in seconds", ylabel="clips", title=f"median {summary.median_s:.2f} s")
    pitch.hist(report.pitch_hz, bins=_BINS, color="#bc6c25")
    title = "no voiced frames" if summary.median_pitch_hz is None else f"median {summary.median_pitch_hz:.0f} Hz"
    pitch.set(xlabel="pitch in Hz", ylabel="voiced frames", title=title)
    content = io.BytesIO()
    figure.savefig(content, dpi=120, format=path.suffix[1:].lower() or "png")
    replace_file(path, lambda file: file.write(content.getvalue()))
