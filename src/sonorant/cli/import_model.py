"""`sonorant import`: a published checkpoint to a model of ours."""

import math
from collections.abc import Mapping, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonorant.errors import RequestError, VoiceError
from sonorant.files import check_writable

if TYPE_CHECKING:
    from sonorant.voice.trained import TrainedModel

LJSPEECH_SPEAKER = "ljspeech"
LJSPEECH_PITCH = (214.72203, 65.72038)
"""Mean and standard deviation in Hz that NVIDIA normalised the pitch of LJ Speech with."""

Pitch = tuple[float, float]
"""Mean and standard deviation in Hz."""


def import_model(
    checkpoint: Annotated[Path, typer.Argument(help="The file of a published network; its kind is found out.")],
    out: Annotated[Path, typer.Argument(help="The .safetensors file to write; `pack` takes it.")],
    config: Annotated[
        Path | None,
        typer.Option(help="config.json of HiFi-GAN's authors; default: the one beside the checkpoint, if any."),
    ] = None,
    speaker: Annotated[
        list[str] | None,
        typer.Option(help=f"Name of an acoustic model's speaker, once per speaker; default: {LJSPEECH_SPEAKER}."),
    ] = None,
    pitch: Annotated[
        Pitch | None,
        typer.Option(
            help="Mean and standard deviation in Hz of an acoustic model's speakers; default: what a FastPitch says "
            "itself, else those of LJ Speech.",
        ),
    ] = None,
    licence: Annotated[str, typer.Option(help="The licence of the weights, kept with them.")] = "unknown",
) -> None:
    """Read a published checkpoint, strictly: every weight is named, none is missing.

    HiFi-GAN generators of their authors or of NVIDIA, and NVIDIA's Tacotron 2, WaveGlow and FastPitch 1.1. The acoustic
    models keep NVIDIA's 148 symbols: Tacotron 2 reads every word in letters, FastPitch reads phones, and in letters
    those words that are pronounced in several ways (all words, if its settings say that it was trained so).
    """
    from sonorant.models.convert import kind_of_checkpoint, load_checkpoint

    if out.suffix != ".safetensors":
        raise RequestError(f"{out}: a model is a .safetensors file; name it so")
    if pitch and not (0 < pitch[0] < math.inf and 0 < pitch[1] < math.inf):
        raise RequestError(f"--pitch: a mean and a standard deviation in Hz are positive, found {pitch[0]} {pitch[1]}")
    check_writable(out)
    content = load_checkpoint(checkpoint)
    kind = kind_of_checkpoint(content, checkpoint)
    if config is not None and kind != "hifigan":
        raise RequestError(f"--config: {checkpoint} is a {kind}, whose settings are in the file; leave it out")
    if kind in ("fastpitch", "tacotron2"):
        model = _acoustic_model(content, kind, checkpoint, tuple(speaker or [LJSPEECH_SPEAKER]), pitch)
    elif speaker or pitch:
        raise RequestError(f"--speaker, --pitch: {checkpoint} is a {kind}, which has neither; leave them out")
    else:
        model = _vocoder(content, kind, checkpoint, config)
    replace(model, facts={"imported_from": checkpoint.name, "licence": licence}).save(out)
    count = sum(weight.numel() for weight in model.weights.values())
    print(f"{out}: {kind}, {count:,} weights, mel {model.mel.signature()}")


def _vocoder(content: Mapping[str, Any], kind: str, path: Path, config_path: Path | None) -> "TrainedModel":
    from sonorant.models.convert import convert_hifigan, convert_waveglow
    from sonorant.voice.trained import TrainedModel

    if kind == "waveglow":
        flow = convert_waveglow(content, path)
        return TrainedModel(config=flow.config, mel=flow.mel, weights=flow.state)
    beside = path.parent / "config.json"
    generator = convert_hifigan(content, path, config_path or (beside if beside.is_file() else None))
    return TrainedModel(config=generator.config, mel=generator.mel, weights=generator.state)


def _acoustic_model(
    content: Mapping[str, Any], kind: str, path: Path, speakers: tuple[str, ...], pitch: Pitch | None
) -> "TrainedModel":
    from sonorant.config import FrontendConfig
    from sonorant.models.convert import FastPitchCheckpoint, convert_fastpitch, convert_tacotron2
    from sonorant.text.symbols import symbol_table
    from sonorant.voice.trained import TrainedModel

    published = convert_fastpitch(content, path) if kind == "fastpitch" else convert_tacotron2(content, path)
    if isinstance(published, FastPitchCheckpoint):
        frontend, pitch = published.frontend, pitch or published.pitch
    else:
        frontend = FrontendConfig(symbols="english_basic", grapheme_words="all")
    symbols = symbol_table(frontend.symbols).symbols
    _check_counts(published.state, len(symbols), len(speakers), path)
    return TrainedModel(
        config=published.config,
        mel=published.mel,
        weights=published.state,
        frontend=frontend,
        symbols=symbols,
        speakers=speakers,
        pitch=(pitch or LJSPEECH_PITCH,) * len(speakers),
    )


def _check_counts(state: Mapping[str, Sized], num_symbols: int, num_speakers: int, path: Path) -> None:
    found = len(state["embedding.weight"])
    if found != num_symbols:
        raise VoiceError(
            f"{path}: trained on a table of {found} symbols; only NVIDIA's english_basic of {num_symbols} can be read"
        )
    found = len(state["speaker_embedding.weight"]) if "speaker_embedding.weight" in state else 1
    if found != num_speakers:
        raise RequestError(f"--speaker: {path} has {found} speaker(s), {num_speakers} named; name them all, in order")
