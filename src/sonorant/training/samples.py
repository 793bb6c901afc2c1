"""Pictures and audio that a run makes of fixed sentences, in TensorBoard and as files in its folder."""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import Audio, encode
from sonorant.errors import RequestError
from sonorant.files import write_file

FOLDER = "samples"
PICTURE, SOUND = ".png", ".flac"
_NAME = re.compile(r"step_(\d{8})")


@dataclass(frozen=True)
class Samples:
    """What a person looks at and listens to during a run.

    Attributes:
        audio: Name -> waveform (N,) in [-1, 1].
        pictures: Name -> picture (height, width, 3) of bytes.
    """

    audio: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


def write_samples(run: Path, step: int, samples: Samples, sample_rate: int) -> None:
    """Write `RUN/samples/step_00001000/spoken_0.flac` and so on.

    Raises:
        RequestError: A file cannot be written.
    """
    folder = run / FOLDER / f"step_{step:08d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{folder}: cannot be made: {error.strerror}; resume when it can") from None
    contents = {f"{name}{PICTURE}": _png(picture) for name, picture in samples.pictures.items()}
    for name, waveform in samples.audio.items():
        contents[f"{name}{SOUND}"] = encode(Audio(waveform, sample_rate), SOUND[1:])
    for name, content in contents.items():
        _write(folder / name.replace(" ", "_"), content)


def sample_folders(run: Path) -> dict[int, Path]:
    """Return the folders with a run's samples by their steps, in order."""
    found = ((_NAME.fullmatch(path.name), path) for path in sorted((run / FOLDER).glob("step_*")))
    return {int(name[1]): path for name, path in found if name}


def _write(path: Path, content: bytes) -> None:
    write_file(path, lambda file: file.write(content))


def _png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as a PNG file of 256 colours, less than half as large as one of all."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture).quantize(256).save(content, "png")
    return content.getvalue()
