"""Features whose mels an acoustic model made while it was shown the recordings, for a vocoder to learn its faults.

Teacher-forced, the model keeps to the recording frame by frame: FastPitch has the durations that its own aligner finds
in it, its pitch and its energy; Tacotron 2 is fed its frames. So frame t of the mel still belongs to samples t * hop to
(t + 1) * hop of the recording, and a vocoder learns to make the recording of what the model will say
(Kong et al. 2020, section 4.4).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sonorant.config import FastPitchConfig
from sonorant.errors import CorpusError, RequestError, VoiceError
from sonorant.features.batch import AcousticBatch, acoustic_batch
from sonorant.features.order import draw
from sonorant.features.store import INDEX, UTTERANCES, Entry, FeatureStore
from sonorant.features.writing import existing_features, file_of, finish_store, write_features
from sonorant.files import remove_partial
from sonorant.text.symbols import symbol_table
from sonorant.training.source import Source
from sonorant.training.task import evaluating

Progress = Callable[[int, int], None]
"""Called with how many utterances are done and how many there are."""

BATCH = 16
"""Utterances at a time. A row differs in its last bits with the company it has, so the company is always the same."""

SEED = 0
"""Of the dropout of Tacotron 2's prenet, which is never off."""


class TeacherForcing:
    """An acoustic model and the recordings that it is shown; on the GPU where there is one.

    Args:
        source: The model, with its name.
        store: Its or another corpus's features.

    Raises:
        CorpusError: The model does not read these features; all reasons at once.
        VoiceError: It is no acoustic model.
    """

    def __init__(self, source: Source, store: FeatureStore) -> None:
        self.source, self.store = source, store
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._refuse_other_features()
        self.network: nn.Module = source.model.network().to(self.device)
        model = source.model
        self._speakers = [model.speakers.index(name) if len(model.speakers) > 1 else 0 for name in store.speakers]

    def made_by(self) -> dict[str, Any]:
        """Describe what the mels come from: the same model and the same recordings have the same description."""
        model = self.source.model
        digest = hashlib.sha256(model.to_bytes()).hexdigest()
        return {
            "name": self.source.name,
            "kind": model.kind,
            "facts": dict(model.facts),
            "sha256": digest,
            "features": self.store.signature(),
        }

    @torch.no_grad()
    def mels(self, entries: Sequence[Entry]) -> Iterator[Tensor]:
        """Yield the model's mel of each utterance: (n_mels, T), T as in the recording.

        Raises:
            VoiceError: A mel is not as long as the recording, or not finite.
        """
        batch = self._as_the_model_was_trained(acoustic_batch(self.store, entries), entries)
        with evaluating(self.network):
            torch.manual_seed(draw(SEED, 0, "teacher forcing", entries[0].utterance_id))
            mel = self._mel(batch.to(self.device)).float().cpu()
        for row, entry in zip(mel, entries, strict=True):
            if row.shape[1] < entry.num_frames or not torch.isfinite(row).all():
                raise VoiceError(
                    f"{self.source.name}: {entry.utterance_id}: {row.shape[1]} frames of a recording of "
                    f"{entry.num_frames}, or numbers that are not finite; this model cannot be used"
                )
            yield row[:, : entry.num_frames]

    def _mel(self, batch: AcousticBatch) -> Tensor:
        """Run the model teacher-forced: (B, n_mels, T)."""
        symbols, mel = (batch.symbols, batch.symbol_lengths), (batch.mel, batch.mel_lengths)
        if isinstance(self.source.model.config, FastPitchConfig):
            course = batch.pitch, batch.voiced, batch.energy
            predicted: Tensor = self.network(*symbols, *mel, *course, batch.speaker_ids).mel
        else:
            predicted = self.network(*symbols, *mel, batch.speaker_ids).mel_postnet
        return predicted

    def _as_the_model_was_trained(self, batch: AcousticBatch, entries: Sequence[Entry]) -> AcousticBatch:
        """Give the speakers the model's numbers, and the pitch its speakers' means and deviations."""
        pitch = batch.pitch.clone()
        for row, entry in enumerate(entries):
            ours = self.store.pitch[entry.speaker_id]
            mean_hz, std_hz = self.source.model.pitch[self._speakers[entry.speaker_id]]
            pitch[row] = (pitch[row] * ours.std_hz + ours.mean_hz - mean_hz) / std_hz * batch.voiced[row]
        speaker_ids = torch.tensor([self._speakers[entry.speaker_id] for entry in entries])
        return replace(batch, pitch=pitch, speaker_ids=speaker_ids)

    def _refuse_other_features(self) -> None:
        model, config = self.source.model, self.store.config
        if model.frontend is None:
            raise VoiceError(f"{self.source.name} is a {model.kind}; mels are made by a fastpitch or a tacotron2")
        problems = [f"mel {difference}" for difference in model.mel.incompatibilities(config.mel)]
        if model.mel.padding != config.mel.padding:
            problems.append(f"mel padding {model.mel.padding} and {config.mel.padding}")
        if model.symbols != symbol_table(config.frontend.symbols).symbols:
            problems.append(f"symbols {model.frontend.symbols} and {config.frontend.symbols}")
        strangers = [name for name in self.store.speakers if name not in model.speakers]
        if strangers and len(model.speakers) > 1:
            problems.append(f"speakers {', '.join(model.speakers)}, and {', '.join(strangers)} unknown to it")
        if self.store.index.mels_from:
            problems.append("mels of recordings are wanted, and these are an acoustic model's")
        if problems:
            listed = "".join(f"\n  {problem}" for problem in problems)
            name = self.source.name
            raise CorpusError(f"{self.store.path}: {name} does not read these features; its and theirs differ:{listed}")


def write_mels(forcing: TeacherForcing, out: Path, progress: Progress | None = None) -> FeatureStore:
    """Write features like the model's, but for their mels; they are finished when the index is there, at the end.

    A run that was interrupted goes on: each file has a name that is made of all that it depends on.

    Args:
        forcing: The model and the recordings.
        out: A new folder, or one that this function has begun or made.
        progress: Called with utterances done and utterances in all.

    Raises:
        CorpusError: A file of the features is missing or damaged, or `out` cannot be written.
        RequestError: `out` holds something else.
    """
    store, made_by = forcing.store, forcing.made_by()
    _refuse_other_content(out)
    entries = [_renamed(entry, made_by) for entry in store.entries]
    by_length = sorted(zip(store.entries, entries, strict=True), key=lambda pair: pair[0].num_frames)
    try:
        (out / UTTERANCES).mkdir(parents=True, exist_ok=True)
        remove_partial(out)
        for start in range(0, len(by_length), BATCH):
            _write_batch(forcing, out, by_length[start : start + BATCH])
            if progress:
                progress(min(start + BATCH, len(by_length)), len(by_length))
        finish_store(out, replace(store.index, mels_from=made_by), entries)
    except OSError as error:
        raise CorpusError(f"{error.filename or out}: cannot be written: {error.strerror or error}") from None
    return FeatureStore(out)


def _write_batch(forcing: TeacherForcing, out: Path, pairs: Sequence[tuple[Entry, Entry]]) -> None:
    """Write the files of utterances that are computed together, unless they are all there."""
    if all(existing_features(out / target.file) for _, target in pairs):
        return
    mels = forcing.mels([original for original, _ in pairs])
    for (original, target), mel in zip(pairs, mels, strict=True):
        write_features(out / target.file, replace(forcing.store.read(original), mel=mel.contiguous().numpy()))


def _renamed(entry: Entry, made_by: dict[str, Any]) -> Entry:
    key = hashlib.sha256(f"{entry.key}\n{made_by['sha256']}\n{made_by['features']}".encode()).hexdigest()
    return replace(entry, key=key, file=file_of(entry.utterance_id, key))


def _refuse_other_content(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise RequestError(f"{out}: is a file; features are a folder")
    if (out / INDEX).is_file():
        if not FeatureStore(out).index.mels_from:
            raise RequestError(f"{out}: holds features that were prepared; choose a new folder")
    elif {path.name for path in out.iterdir()} - {UTTERANCES}:
        raise RequestError(f"{out}: holds other things than features; choose a new folder")
