"""Making a voice of trained models: graphs, weights, manifest and model card in one folder or one .voice file."""

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sonorant.config import FastPitchConfig, Tacotron2Config
from sonorant.errors import RequestError, VoiceError
from sonorant.voice.card import write_card
from sonorant.voice.export import export
from sonorant.voice.load import load_voice
from sonorant.voice.manifest import (
    ACOUSTIC_WEIGHTS_NAME,
    CARD_NAME,
    MANIFEST_NAME,
    NAME_PATTERN,
    SAMPLE_NAME,
    VOCODER_WEIGHTS_NAME,
    ZIP_SUFFIX,
    AcousticPart,
    FastPitchPart,
    FileEntry,
    GriffinLimPart,
    HifiganPart,
    Licences,
    SourceFilterPart,
    Speaker,
    Tacotron2Part,
    VocoderPart,
    VoiceManifest,
    WaveglowPart,
    explain,
)
from sonorant.voice.trained import TrainedModel, VocoderConfig, make_network

_VOCODER_PARTS: dict[str, type[HifiganPart] | type[WaveglowPart] | type[SourceFilterPart]] = {
    "hifigan": HifiganPart,
    "waveglow": WaveglowPart,
    "source_filter": SourceFilterPart,
}


def pack(
    out: Path,
    acoustic: TrainedModel,
    vocoder: TrainedModel | None,
    *,
    name: str,
    licences: Licences,
    description: str = "",
    metrics: Mapping[str, float] | None = None,
    griffin_lim_iterations: int = 60,
    int8: bool = False,
    half: bool = False,
    keep_weights: bool = True,
    sample: Callable[[Path], bytes] | None = None,
    replace: bool = False,
) -> Path:
    """Make a voice; it appears at `out` complete or not at all.

    Args:
        out: A folder to make, or a file if it ends in ".voice".
        acoustic: The acoustic model.
        vocoder: The vocoder; None speaks through Griffin-Lim.
        name, licences, description, metrics, griffin_lim_iterations: See `describe`.
        int8: Pack a Tacotron 2's decoder step in int8: several times faster on a CPU, and within about 1 %.
        half: Round all weights to 16 bits, which takes half the room; they are computed with in 32 bits.
        keep_weights: Put the weights in as well, to fine-tune from and for the torch runtime.
        sample: Given the finished folder, returns the WAV file that shows how the voice sounds.
        replace: Allow `out` to be a voice already; it survives any failure.

    Returns:
        `out`.

    Raises:
        RequestError: `out` exists, or cannot be written; or `int8` is asked of another model.
        VoiceError: The models do not fit together, or a graph does not compute what torch computes.
    """
    _check_target(out, replace)
    manifest = describe(
        acoustic,
        vocoder,
        name=name,
        licences=licences,
        description=description,
        metrics=metrics,
        griffin_lim_iterations=griffin_lim_iterations,
        int8=int8,
    )
    if half:
        acoustic, vocoder = acoustic.rounded(), vocoder.rounded() if vocoder else None
    files = {**export(acoustic, int8, half), **(export(vocoder, half=half) if vocoder else {})}
    if keep_weights:
        files |= _weights(acoustic, vocoder)
    try:
        _make(out, files, manifest, sample)
    except OSError as error:
        raise RequestError(f"{out}: cannot be written: {error.strerror or error}") from None
    return out


def _weights(acoustic: TrainedModel, vocoder: TrainedModel | None) -> dict[str, bytes]:
    weights = {ACOUSTIC_WEIGHTS_NAME: acoustic.to_bytes()}
    return weights | {VOCODER_WEIGHTS_NAME: vocoder.to_bytes()} if vocoder else weights


def _make(
    out: Path, files: Mapping[str, bytes], manifest: VoiceManifest, sample: Callable[[Path], bytes] | None
) -> None:
    """Write the voice beside its place, look whether it opens, and move it there."""
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as room:
        folder = Path(room) / "voice"
        folder.mkdir()
        _write_voice(folder, files, manifest)
        if sample is not None:
            _write_voice(folder, {**files, SAMPLE_NAME: sample(folder)}, manifest)
        load_voice(folder)
        made = _zipped(folder) if out.suffix == ZIP_SUFFIX else folder
        _put_in_place(made, out, Path(room) / "replaced")


def _check_target(out: Path, replace: bool) -> None:
    if not out.parent.is_dir():
        raise RequestError(f"{out}: the folder {out.parent} is missing; make it first")
    if not os.path.lexists(out):
        return
    if not replace:
        raise RequestError(f"{out}: is there already; choose another name, or replace it (--replace)")
    is_voice = (out / MANIFEST_NAME).is_file() if out.is_dir() else out.suffix == ZIP_SUFFIX and out.is_file()
    if out.is_symlink() or not is_voice:
        raise RequestError(f"{out}: is there already and is not a voice, so it is not replaced; choose another name")


def _check_name_and_mels(acoustic: TrainedModel, vocoder: TrainedModel | None, name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise VoiceError(f"{name}: not a voice's name; lower-case letters, digits, - and _ are, 64 at most")
    differing = acoustic.mel.incompatibilities(vocoder.mel) if vocoder else []
    if differing:
        raise VoiceError(
            f"{name}: the mels of the acoustic model and of the vocoder differ: {', '.join(differing)}; "
            "train one of them on the other's features"
        )


def describe(
    acoustic: TrainedModel,
    vocoder: TrainedModel | None,
    *,
    name: str,
    licences: Licences,
    description: str = "",
    metrics: Mapping[str, float] | None = None,
    griffin_lim_iterations: int = 60,
    int8: bool = False,
) -> VoiceManifest:
    """Return the manifest, but for its files, of the voice that two models make.

    Args:
        acoustic: The acoustic model.
        vocoder: The vocoder; None speaks through Griffin-Lim.
        name: Lower-case letters, digits, "-" and "_".
        licences: Of the recordings and of the weights.
        description: A sentence or two.
        metrics: What was measured.
        griffin_lim_iterations: Where there is no vocoder.
        int8: The decoder step of a Tacotron 2 will be in int8.

    Raises:
        VoiceError: The name is not one, or the models do not fit together.
        RequestError: `int8` is asked of another model than a Tacotron 2.
    """
    said = acoustic_part(acoustic, int8)
    made = vocoder_part(vocoder) if vocoder else _griffin_lim_part(acoustic, griffin_lim_iterations)
    _check_name_and_mels(acoustic, vocoder, name)
    assert acoustic.frontend is not None
    try:
        return VoiceManifest(
            name=name,
            language=acoustic.frontend.language,
            description=description,
            sample_rate=acoustic.mel.sample_rate,
            frontend=acoustic.frontend,
            symbols=acoustic.symbols,
            speakers=tuple(
                Speaker(name=speaker, pitch_mean_hz=mean, pitch_std_hz=deviation)
                for speaker, (mean, deviation) in zip(acoustic.speakers, acoustic.pitch, strict=True)
            ),
            acoustic=said,
            vocoder=made,
            licences=licences,
            metrics=dict(metrics or {}),
            files={},
        )
    except ValidationError as error:
        raise VoiceError(f"{name}: cannot be packed: {explain(error)}") from None


def acoustic_part(model: TrainedModel, int8: bool = False) -> AcousticPart:
    """Return what a manifest says about an acoustic model.

    Raises:
        VoiceError: It is none.
        RequestError: `int8` is asked of another model than a Tacotron 2.
    """
    match model.config:
        case Tacotron2Config():
            return Tacotron2Part(config=model.config, int8=int8, **_said(model))
        case FastPitchConfig() if int8:
            raise RequestError("int8: it is for Tacotron 2's decoder step, this acoustic model is a fastpitch")
        case FastPitchConfig():
            return FastPitchPart(config=model.config, **_said(model))
        case _:
            raise VoiceError(f"the acoustic model is a {model.kind}; allowed are fastpitch and tacotron2")


def vocoder_part(model: TrainedModel) -> VocoderPart:
    """Return what a manifest says about a trained vocoder.

    Raises:
        VoiceError: It is none.
    """
    import torch

    if not isinstance(model.config, VocoderConfig):
        raise VoiceError(f"the vocoder is a {model.kind}; allowed are {', '.join(_VOCODER_PARTS)}")
    with torch.device("meta"):  # a network that takes no memory
        network: Any = make_network(model)
    context = network.receptive_field_frames()
    return _VOCODER_PARTS[model.kind](config=model.config, receptive_field_frames=context, **_said(model))


def _griffin_lim_part(acoustic: TrainedModel, iterations: int) -> GriffinLimPart:
    return GriffinLimPart(mel=acoustic.mel, mel_signature=acoustic.mel.signature(), iterations=iterations)


def _said(model: TrainedModel) -> dict[str, Any]:
    return {"mel": model.mel, "mel_signature": model.mel.signature(), "facts": dict(model.facts)}


def _entry(data: bytes) -> FileEntry:
    return FileEntry(num_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _write_voice(folder: Path, files: Mapping[str, bytes], manifest: VoiceManifest) -> None:
    """Write the files, the model card and the manifest that lists them all."""
    listed = {**files, CARD_NAME: write_card(manifest).encode()}
    entries = {name: _entry(data) for name, data in listed.items()}
    written = manifest.model_copy(update={"files": entries}).to_json().encode()
    for name, data in {**listed, MANIFEST_NAME: written}.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _zipped(folder: Path) -> Path:
    """Store a folder's files in a zip with fixed dates, so that equal voices are equal files."""
    path = folder.with_suffix(ZIP_SUFFIX)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def _put_in_place(made: Path, out: Path, replaced: Path) -> None:
    """Move the voice to its name; what it replaces goes back if that fails."""
    if made.is_file() or not out.is_dir():
        os.replace(made, out)
        return
    os.rename(out, replaced)
    try:
        os.rename(made, out)
    except OSError:
        os.rename(replaced, out)
        raise
