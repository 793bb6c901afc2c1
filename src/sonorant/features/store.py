"""Features on disk.

    OUT/features.json       the config, the speakers, the loudness decision, the manifest's sha256: written last
    OUT/manifest.jsonl      one `Entry` a line, in the order of the corpus
    OUT/report.json         what was left out and why
    OUT/utterances/*        one .safetensors file an utterance, named by its id and its key

A file's name holds the key of what it was made from, so a file is never overwritten by another content: until the
last line of `prepare` has run, the manifest that was there before is still true.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from sonorant.config import FeatureConfig
from sonorant.corpus.splits import Split
from sonorant.errors import CorpusError

FORMAT_VERSION = 1
INDEX = "features.json"
MANIFEST = "manifest.jsonl"
REPORT = "report.json"
UTTERANCES = "utterances"


@dataclass(frozen=True)
class Features:
    """What is stored of one utterance, with T frames and S symbols.

    Attributes:
        mel: (n_mels, T) natural logarithm of mel magnitudes; of an acoustic model where the index says so.
        pitch_hz: (T,), 0 where unvoiced.
        energy: (T,) L2 norm of each frame of `mel`.
        ids: (S,) symbols.
        waveform: (T * hop_length,); a recording's `mel` was computed from these very samples.
    """

    mel: NDArray[np.float32]
    pitch_hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    ids: NDArray[np.int32]
    waveform: NDArray[np.int16]


@dataclass(frozen=True)
class Entry:
    """One line of the manifest; `key` is the sha256 of everything the file was made from."""

    utterance_id: str
    file: str
    split: Split
    speaker_id: int
    text: str
    num_symbols: int
    num_frames: int
    key: str


@dataclass(frozen=True)
class PitchStatistics:
    """Mean and standard deviation of a speaker's voiced frames."""

    mean_hz: float
    std_hz: float


@dataclass(frozen=True)
class FeatureIndex:
    """What features.json says: everything about a store that is not about one utterance.

    Attributes:
        mels_from: What made the mels, where it was an acoustic model that was shown the recordings; everything else is
            the recordings' own.
    """

    config: FeatureConfig
    speakers: tuple[str, ...]
    pitch: tuple[PitchStatistics, ...]
    loudness_applied: bool
    median_lufs: float | None
    manifest_sha256: str = ""
    mels_from: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the index as plain data."""
        return {
            "format": FORMAT_VERSION,
            "config": self.config.model_dump(mode="json"),
            "speakers": list(self.speakers),
            "pitch": [asdict(statistics) for statistics in self.pitch],
            "loudness_applied": self.loudness_applied,
            "median_lufs": self.median_lufs,
            "manifest_sha256": self.manifest_sha256,
            **({"mels_from": self.mels_from} if self.mels_from else {}),
        }


_ENTRY, _SPEAKERS = TypeAdapter(Entry), TypeAdapter(tuple[str, ...])
_PITCH = TypeAdapter(tuple[PitchStatistics, ...])
_DTYPES = {"F32": "float32", "I32": "int32", "I16": "int16"}  # safetensors' names
_FILE = re.compile(rf"{UTTERANCES}/[A-Za-z0-9_-]+\.safetensors")


class FeatureStore:
    """Features that `prepare` has made; reads single utterances, whole or in part.

    Raises:
        CorpusError: There are no finished features at `path`, or of a format this version does not read.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._index, self._entries = _read_index(self.path)

    @property
    def config(self) -> FeatureConfig:
        """What the features were computed with."""
        return self._index.config

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names, by speaker id."""
        return self._index.speakers

    @property
    def pitch(self) -> tuple[PitchStatistics, ...]:
        """Statistics over the voiced frames of the training side, by speaker id."""
        return self._index.pitch

    @property
    def loudness_applied(self) -> bool:
        """Whether the recordings were brought to the config's loudness."""
        return self._index.loudness_applied

    @property
    def index(self) -> FeatureIndex:
        """All that is not about one utterance."""
        return self._index

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every utterance, in the order of the corpus."""
        return self._entries

    @cached_property
    def _signature(self) -> str:
        index = json.dumps(self._index.to_json(), sort_keys=True)
        return hashlib.sha256(index.encode()).hexdigest()[:16]

    def signature(self) -> str:
        """Return 16 hexadecimal digits that change when any feature, split or statistic changes."""
        return self._signature

    def split(self, name: Split) -> tuple[Entry, ...]:
        """Return the entries of one side."""
        return tuple(entry for entry in self._entries if entry.split == name)

    def read(self, entry: Entry) -> Features:
        """Read everything of one utterance.

        Raises:
            CorpusError: The file is missing, damaged, or not the one that the manifest describes.
        """
        path = self.path / entry.file
        features = read_features(path)
        for name, values in features.__dict__.items():
            self._check(path, name, str(values.dtype), values.shape, entry)
        return features

    def read_mel(self, entry: Entry, start_frame: int, num_frames: int) -> NDArray[np.float32]:
        """Read a stretch of frames, cut at the end of the utterance.

        Shape:
            -> (n_mels, up to num_frames)
        """
        return self._read_slice(entry, "mel", start_frame, start_frame + num_frames)

    def read_waveform(self, entry: Entry, start_frame: int, num_frames: int) -> NDArray[np.int16]:
        """Read the samples of a stretch of frames, cut at the end of the utterance.

        Shape:
            -> (up to num_frames * hop_length,)
        """
        hop = self.config.mel.hop_length
        return self._read_slice(entry, "waveform", start_frame * hop, (start_frame + num_frames) * hop)

    def read_pitch(self, entry: Entry, start_frame: int, num_frames: int) -> NDArray[np.float32]:
        """Read the pitch of a stretch of frames, cut at the end of the utterance.

        Shape:
            -> (up to num_frames,)
        """
        return self._read_slice(entry, "pitch_hz", start_frame, start_frame + num_frames)

    def _read_slice(self, entry: Entry, name: str, start: int, stop: int) -> NDArray[Any]:
        from safetensors import SafetensorError, safe_open

        path = self.path / entry.file
        try:
            with safe_open(path, framework="numpy") as file:
                stored = file.get_slice(name)
                shape = tuple(stored.get_shape())
                self._check(path, name, _DTYPES.get(stored.get_dtype(), stored.get_dtype()), shape, entry)
                values: NDArray[Any] = stored[..., start : min(stop, shape[-1])]
                return values
        except (OSError, SafetensorError) as error:
            raise _damaged(path, error) from None

    def _check(self, path: Path, name: str, dtype: str, shape: tuple[int, ...], entry: Entry) -> None:
        mel, frames = self.config.mel, entry.num_frames
        wanted_dtype, wanted_shape = {
            "mel": ("float32", (mel.n_mels, frames)),
            "pitch_hz": ("float32", (frames,)),
            "energy": ("float32", (frames,)),
            "ids": ("int32", (entry.num_symbols,)),
            "waveform": ("int16", (frames * mel.hop_length,)),
        }[name]
        if (dtype, shape) != (wanted_dtype, wanted_shape):
            raise _damaged(path, f"{name} is {dtype} {shape}, the manifest says {wanted_dtype} {wanted_shape}")


def read_features(path: Path) -> Features:
    """Read one utterance's file.

    Raises:
        CorpusError: The file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return Features(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: object) -> CorpusError:
    return CorpusError(f"{path}: missing or damaged ({error}); run sonorant prepare again")


def _read_index(path: Path) -> tuple[FeatureIndex, tuple[Entry, ...]]:
    try:
        found = json.loads((path / INDEX).read_text(encoding="utf-8"))
        manifest = (path / MANIFEST).read_bytes()
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: no finished features here ({error}); run sonorant prepare") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT_VERSION:
        version = found.get("format") if isinstance(found, dict) else None
        raise CorpusError(
            f"{path / INDEX}: feature format {version}, this version reads {FORMAT_VERSION}; run sonorant prepare again"
        )
    digest = hashlib.sha256(manifest).hexdigest()
    if found.get("manifest_sha256") != digest:
        raise CorpusError(f"{path / MANIFEST}: does not belong to {INDEX}; run sonorant prepare again")
    try:
        index = FeatureIndex(
            config=FeatureConfig.model_validate(found["config"]),
            speakers=_SPEAKERS.validate_python(found["speakers"]),
            pitch=_PITCH.validate_python(found["pitch"]),
            loudness_applied=found["loudness_applied"],
            median_lufs=found["median_lufs"],
            manifest_sha256=digest,
            mels_from=found.get("mels_from"),
        )
        entries = tuple(_ENTRY.validate_json(line) for line in manifest.splitlines())
        _check_index(index, entries)
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        reason = "; ".join(str(error).splitlines())
        raise CorpusError(f"{path}: features cannot be read ({reason}); run sonorant prepare again") from None
    return index, entries


def _check_index(index: FeatureIndex, entries: tuple[Entry, ...]) -> None:
    if len(index.pitch) != len(index.speakers):
        raise ValueError(f"{len(index.speakers)} speakers, but {len(index.pitch)} pitch statistics")
    if not all(np.isfinite(each.mean_hz) and np.isfinite(each.std_hz) and each.std_hz > 0 for each in index.pitch):
        raise ValueError("a pitch statistic is not finite, or a standard deviation is not above 0")
    for entry in entries:
        if not 0 <= entry.speaker_id < len(index.speakers):
            raise ValueError(f"{entry.utterance_id}: speaker {entry.speaker_id} of {len(index.speakers)}")
        if not _FILE.fullmatch(entry.file):
            raise ValueError(f"{entry.utterance_id}: the file {entry.file} does not lie in {UTTERANCES}/")
