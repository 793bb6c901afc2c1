"""What the doctor says: a summary, every problem, and a picture."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sonorant.corpus.lines import printable
from sonorant.corpus.records import Layout, Problem, Severity
from sonorant.errors import RequestError

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
NOTES_SHOWN = 5
"""Notes of a kind that the text shows; the JSON holds all of them."""


@dataclass(frozen=True)
class Summary:
    """A corpus in figures; lengths are of whole files, medians over clips that can be read.

    Attributes:
        clips: Records with a recording.
        sentences: How many of them say different words.
        speakers: How many speak.
        hours: Length in all.
        shortest_s: Length of the shortest clip.
        median_s: Median length.
        longest_s: Length of the longest clip.
        sample_rates: Clips by sample rate in Hz.
        median_lufs: Median loudness; None if nothing can be measured.
        median_pitch_hz: Median over voiced frames of a sample of clips; None if there is no voice.
        median_rate: Phones a second; letters where the front end writes letters.
        unknown_words: Different words that are in no lexicon.
    """

    clips: int
    sentences: int
    speakers: int
    hours: float
    shortest_s: float
    median_s: float
    longest_s: float
    sample_rates: dict[int, int]
    median_lufs: float | None
    median_pitch_hz: float | None
    median_rate: float | None
    unknown_words: int


@dataclass(frozen=True)
class Report:
    """What the doctor found; `lengths_s` and `pitch_hz` are what the picture shows."""

    path: Path
    layout: Layout
    summary: Summary
    problems: tuple[Problem, ...]
    lengths_s: tuple[float, ...]
    pitch_hz: tuple[float, ...]

    def count(self, severity: Severity) -> int:
        """Return how many problems have a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def to_text(self) -> str:
        """Return the summary, then every error and warning and a few notes of each kind."""
        blocks = ["\n".join(self._summary_lines())]
        for severity in SEVERITIES:
            kinds = Counter(problem.kind for problem in self.problems if problem.severity == severity)
            blocks += [self._block(severity, kind, found) for kind, found in sorted(kinds.items())]
        counts = ", ".join(_plural(self.count(severity), severity) for severity in SEVERITIES)
        return "\n\n".join([*blocks, counts]) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Return the summary and every problem as plain data."""
        return {
            "path": printable(str(self.path)),
            "layout": self.layout,
            "summary": asdict(self.summary),
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "problems": [problem.to_json() for problem in self.problems],
        }

    def save_picture(self, path: Path) -> None:
        """Draw the histograms of clip length and pitch into a .png, .svg or .pdf file.

        Raises:
            RequestError: The file cannot be written.
        """
        from sonorant.corpus.picture import draw

        try:
            draw(self, path)
        except (OSError, ValueError) as error:
            raise RequestError(f"{path}: the picture cannot be written: {error}") from None

    def _summary_lines(self) -> list[str]:
        summary = self.summary
        rates = ", ".join(f"{rate} Hz ({clips})" for rate, clips in summary.sample_rates.items()) or "none"
        lines = [
            f"{printable(str(self.path))} ({self.layout})",
            f"  {_plural(summary.clips, 'clip')}, {summary.hours:.2f} h, {_plural(summary.sentences, 'sentence')}, "
            f"{_plural(summary.speakers, 'speaker')}",
            f"  length {summary.shortest_s:.2f} to {summary.longest_s:.2f} s, median {summary.median_s:.2f} s",
            f"  sample rate {rates}",
        ]
        if summary.median_lufs is not None:
            lines.append(f"  loudness {summary.median_lufs:.1f} LUFS (median)")
        if summary.median_pitch_hz is not None:
            lines.append(f"  pitch {summary.median_pitch_hz:.0f} Hz (median)")
        if summary.median_rate is not None:
            lines.append(f"  rate {summary.median_rate:.1f} phones a second (median)")
        lines.append(f"  {_plural(summary.unknown_words, 'word')} out of the lexicon")
        return lines

    def _block(self, severity: Severity, kind: str, found: int) -> str:
        ours = [problem for problem in self.problems if (problem.severity, problem.kind) == (severity, kind)]
        messages = [problem.message for problem in ours]
        shown = messages[:NOTES_SHOWN] if severity == "note" else messages
        hidden = found - len(shown)
        lines = [f"{severity}: {kind} ({found})", *(f"  {message}" for message in shown)]
        return "\n".join([*lines, f"  and {hidden} more; the JSON lists them"] if hidden else lines)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
