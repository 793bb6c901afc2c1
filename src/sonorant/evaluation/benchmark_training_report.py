"""What the benchmark of a training has found: as JSON and in lines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sonorant.evaluation.benchmark_report import Circumstances, describe_product

FORMAT_VERSION = 1
DEFINITIONS = {
    "seconds": "of all steps, from the first one's wait for its data until the device had done the last",
    "rates": "what the steps have learned from, padding not counted, per second",
    "waiting": "share of the time in which the loop waited for data",
    "cores": "seconds that this process spent on all CPU cores together per second, loader and its threads included",
    "peak_bytes": "most memory in use during the steps beyond what was there before the networks were made: resident "
    "memory of the process on a CPU, memory allocated by torch on a GPU",
    "flop": "operations of all steps' matrix products and convolutions, forward and backward, as torch counts them; "
    "padding included, recurrent layers and everything element by element left out",
    "utilisation": "flop per second as a share of the matrix product's, which is the best speed at a product of two "
    "square matrices in the same run, precision and threads",
}


@dataclass(frozen=True)
class TrainingFigures:
    """Steps by the clock.

    Attributes:
        parameters: Of everything that learns.
        steps: How many were measured.
        seconds: See `DEFINITIONS`, as for the others.
        processor_s: Seconds that the process spent on all processors together.
        waiting: Share of the time.
        peak_bytes: Of memory.
        counts: What the steps have learned from, as "frames".
        flop: Of all steps.
    """

    parameters: int
    steps: int
    seconds: float
    processor_s: float
    waiting: float
    peak_bytes: int
    counts: Mapping[str, float]
    flop: int

    @property
    def rates(self) -> dict[str, float]:
        """Everything that is counted, per second."""
        return {name: count / self.seconds for name, count in self.counts.items()}

    @property
    def cores(self) -> float:
        """How many cores were kept busy."""
        return self.processor_s / self.seconds

    @property
    def flop_per_s(self) -> float:
        """Operations per second."""
        return self.flop / self.seconds


@dataclass(frozen=True)
class TrainingReport(Circumstances):
    """What was measured of a training.

    Attributes:
        matrix_product: What the device can do at best.
        figures: What the training does.
    """

    matrix_product: Mapping[str, Any]
    figures: TrainingFigures

    @property
    def utilisation(self) -> float:
        """The speed as a share of the matrix product's."""
        return self.figures.flop_per_s / (1e9 * float(self.matrix_product["gflop_per_s"]))

    def to_json(self) -> dict[str, Any]:
        """See `Circumstances.to_json`."""
        figures = self.figures
        derived = {name: getattr(figures, name) for name in ("rates", "cores", "flop_per_s")}
        return {
            "format": FORMAT_VERSION,
            "definitions": DEFINITIONS,
            **super().to_json(),
            "matrix_products": [dict(self.matrix_product)],
            "training": {**asdict(figures), **derived, "utilisation": self.utilisation},
        }

    def lines(self) -> list[str]:
        """Return what a terminal shows."""
        figures = self.figures
        step_ms = 1000 * figures.seconds / figures.steps
        rows = {
            "steps": f"{figures.steps} in {figures.seconds:.4g} s, {step_ms:,.0f} ms each",
            "speed": ", ".join(f"{rate:,.0f} {name}/s" for name, rate in figures.rates.items()),
            "waiting for data": f"{100 * figures.waiting:.1f} %",
            "cores kept busy": f"{figures.cores:.2f}",
            "peak of memory": f"{figures.peak_bytes / 2**20:,.0f} MiB",
            "model": f"{figures.parameters:,} parameters, {figures.flop / figures.steps / 1e9:,.3g} GFLOP a step",
            "utilisation": f"{100 * self.utilisation:.1f} %: {figures.flop_per_s / 1e9:,.1f} GFLOP/s of "
            f"{describe_product(self.matrix_product)}",
        }  # fmt: skip
        width = max(map(len, rows))
        return [*self.heading(), "",
                *(f"{name.ljust(width)}  {value}" for name, value in rows.items())]  # fmt: skip
