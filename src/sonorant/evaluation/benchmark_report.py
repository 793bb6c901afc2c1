"""A finished benchmark: what is written as JSON and what is shown as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sonorant.evaluation.benchmark import WARMUPS, Row
from sonorant.evaluation.benchmark_sentences import SENTENCES, num_words

FORMAT_VERSION = 1
DEFINITIONS = {
    "rtf": "real-time factor: seconds of compute (mean) per second of audio; below 1 is faster than speech",
    "speed_up": "seconds of audio per second of compute: 1 / rtf",
    "latency": "seconds from giving a run its input to having its whole output; percentiles are over the repeats",
    "processor_s": "seconds that this process spent on all CPU cores together, mean of the repeats",
    "cores": "processor_s per second of compute: how many cores were kept busy; well below 1 on a CPU, other processes "
    "took them, and latency and rtf are too long by as much",
    "peak_bytes": "most memory in use during the repeats beyond what was there before the voice or network was made: "
    "resident memory of the process on a CPU, memory allocated by torch on a GPU",
    "rates": "what is counted, per second of compute (mean)",
    "words": "of the sentence; null: the mean of the sentences",
    "matrix_products": "best speed at a product of two square matrices with the same library, threads and device",
}
COLUMNS = (
    "stage", "model", "words", "batch", "parameters", "audio s",
    "mean ms", "median", "p90", "p95", "p99", "RTF", "speed-up", "cores", "MiB", "per second",
)  # fmt: skip
LEFT_COLUMNS = {"stage", "model", "per second"}


@dataclass(frozen=True)
class Circumstances:
    """Where, when and how something was measured.

    Attributes:
        date: ISO 8601.
        machine: Names and sizes.
        versions: Package -> version.
        settings: What the caller chose.
    """

    date: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "date": self.date,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "settings": {**self.settings, "warmups": WARMUPS},
        }

    def heading(self) -> list[str]:
        """Return the lines above the figures."""
        return [
            ", ".join(f"{name} {value}" for name, value in self.machine.items()),
            ", ".join(f"{name} {value}" for name, value in (*self.versions.items(), *self.settings.items())),
        ]


@dataclass(frozen=True)
class Report(Circumstances):
    """What was measured of speaking.

    Attributes:
        matrix_products: The floor: see `DEFINITIONS`.
        rows: The figures.
    """

    matrix_products: Sequence[Mapping[str, Any]]
    rows: Sequence[Row]

    def to_json(self) -> dict[str, Any]:
        """See `Circumstances.to_json`."""
        return {
            "format": FORMAT_VERSION,
            "definitions": DEFINITIONS,
            **super().to_json(),
            "matrix_products": [dict(product) for product in self.matrix_products],
            "sentences": {num_words(sentence): sentence for sentence in SENTENCES},
            "rows": [row_to_json(row) for row in self.rows],
        }

    def heading(self) -> list[str]:
        """See `Circumstances.heading`; also the floor, and what the columns mean."""
        products = ", ".join(map(describe_product, self.matrix_products))
        return [
            *super().heading(),
            f"matrix product: {products}",
            "RTF: seconds of compute per second of audio; speed-up: its inverse; MiB: peak of the memory; "
            "cores: kept busy, fewer than the threads if other processes took them",
        ]

    def cells(self) -> list[tuple[str, ...]]:
        """Return the table's rows, in the order of `COLUMNS`."""
        return [row_cells(row) for row in self.rows]


def describe_product(product: Mapping[str, Any]) -> str:
    """Write a matrix product's speed.

    Example:
        >>> describe_product({"library": "torch", "precision": "fp32", "size": 1024, "gflop_per_s": 95.84})
        '96 GFLOP/s (torch fp32 1024²)'
    """
    return f"{product['gflop_per_s']:.0f} GFLOP/s ({product['library']} {product['precision']} {product['size']}²)"


def row_to_json(row: Row) -> dict[str, Any]:
    """Return one row as plain data."""
    return {
        **asdict(row.work),
        "latency": asdict(row.latency),
        "rtf": row.rtf,
        "speed_up": row.speed_up,
        "processor_s": row.processor_s,
        "cores": row.cores,
        "rates": row.rates,
        "peak_bytes": row.peak_bytes,
        "seconds": list(row.seconds),
    }


def row_cells(row: Row) -> tuple[str, ...]:
    """Write one row in figures of three digits."""
    work = row.work
    milliseconds = (
        f"{1000 * seconds:.3g}" if seconds < 1 else f"{1000 * seconds:.0f}" for seconds in asdict(row.latency).values()
    )
    return (
        work.stage,
        work.model,
        "mean" if work.words is None else str(work.words),
        str(work.batch),
        f"{work.parameters:,}",
        f"{work.audio_s:.2f}",
        *milliseconds,
        f"{row.rtf:.3g}",
        f"{row.speed_up:.3g}",
        f"{row.cores:.2f}",
        f"{row.peak_bytes / 2**20:.0f}",
        ", ".join(f"{rate:,.0f} {name}" for name, rate in row.rates.items()),
    )


def plain_table(cells: Sequence[Sequence[str]]) -> list[str]:
    """Set a table in columns of a fixed width.

    Example:
        >>> plain_table([("stage", "RTF"), ("speak", "0.1")])
        ['stage  RTF', 'speak  0.1']
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [name in LEFT_COLUMNS for name in cells[0]]
    return [
        "  ".join(cell.ljust(width) if is_left else cell.rjust(width)
                  for cell, width, is_left in zip(row, widths, left, strict=True)).rstrip()
        for row in cells
    ]  # fmt: skip
