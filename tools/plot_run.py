"""Draw the curves of a training run from its metrics.jsonl.

    python tools/plot_run.py RUN OUT.png --train mel total --validation mel
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from sonorant.training.metrics import BESIDE_VALUES, NAME, read_lines, without_undone


def read_curves(run: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Return kind ("train" or "validation") -> metric -> (step, value) pairs."""
    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in without_undone(read_lines(run / NAME)):
        for name in line.keys() - BESIDE_VALUES:
            curves.setdefault(line["kind"], {}).setdefault(name, []).append((line["step"], line[name]))
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", nargs="*", default=["mel", "total"])
    parser.add_argument("--validation", nargs="*", default=["mel"])
    arguments = parser.parse_args()
    curves = read_curves(arguments.run)
    wanted = [(kind, name) for kind in ("train", "validation") for name in getattr(arguments, kind)]
    figure, axes = plt.subplots(1, len(wanted), figsize=(4 * len(wanted), 3), squeeze=False, layout="constrained")
    for axis, (kind, name) in zip(axes[0], wanted, strict=True):
        steps, values = zip(*curves[kind][name], strict=True)
        axis.plot(steps, values, marker="." if kind == "validation" else "")
        axis.set(title=f"{kind}: {name}", xlabel="step", yscale="log" if min(values) > 0 else "linear")
        axis.grid(visible=True, alpha=0.3)
    figure.savefig(arguments.out, dpi=80)


if __name__ == "__main__":
    main()
