"""Pictures of spectrograms and alignments, as bytes for TensorBoard."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 100


def draw_mels(mels: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Draw log-mel spectrograms below each other, on one scale.

    Shape:
        each (n_mels, T) -> (height, width, 3)
    """
    figure = _figure(2.2 * len(mels))
    low = min(float(mel.min()) for mel in mels.values())
    high = max(float(mel.max()) for mel in mels.values())
    for row, (name, mel) in enumerate(mels.items()):
        axes = figure.add_subplot(len(mels), 1, row + 1)
        axes.imshow(mel, origin="lower", aspect="auto", interpolation="none", vmin=low, vmax=high)
        axes.set_title(name, fontsize=8)
    return _pixels(figure)


def draw_alignment(
    soft: NDArray[np.float32], labels: tuple[str, ...], durations: NDArray[np.int64] | None = None
) -> NDArray[np.uint8]:
    """Draw a soft alignment, with the hard one's boundaries over it where there is one.

    Shape:
        soft: (steps, S), durations: (S,) in steps -> (height, width, 3)
    """
    figure = _figure(max(3.0, 0.1 * len(labels)))
    axes = figure.add_subplot()
    axes.imshow(soft.T, origin="lower", aspect="auto", interpolation="none", vmin=0, vmax=1)
    if durations is not None:
        ends = durations.cumsum()
        axes.hlines(np.arange(len(durations)), ends - durations - 0.5, ends - 0.5, colors="red", linewidth=0.7)
    axes.set_yticks(range(len(labels)), labels, fontsize=5)
    axes.set_xlabel("step")
    return _pixels(figure)


def _figure(height: float) -> "Figure":
    """Return an empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(8, height), dpi=_DPI, layout="constrained")


def _pixels(figure: "Figure") -> NDArray[np.uint8]:
    """Render without a display and without matplotlib's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return pixels[..., :3].copy()
