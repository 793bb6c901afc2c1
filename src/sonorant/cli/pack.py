"""`sonorant pack`: trained models to a voice."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sonorant.errors import RequestError

GRIFFIN_LIM = "griffin-lim"
SAMPLE_TEXT = "The quick brown fox jumps over the lazy dog, and nobody minds."


def pack(
    out: Annotated[Path, typer.Argument(help="The folder of the new voice, or a file named NAME.voice.")],
    acoustic: Annotated[Path, typer.Option(help="A run folder, a checkpoint or a .safetensors file.")],
    name: Annotated[str, typer.Option(help="The voice's name: lower-case letters, digits, - and _.")],
    data_licence: Annotated[str, typer.Option(help="The licence of the recordings.")],
    weights_licence: Annotated[str, typer.Option(help="The licence of the weights.")],
    vocoder: Annotated[
        str, typer.Option(help=f"The same for the vocoder, or '{GRIFFIN_LIM}' to do without.")
    ] = GRIFFIN_LIM,
    description: Annotated[str, typer.Option(help="One sentence about the voice.")] = "",
    keep_weights: Annotated[
        bool, typer.Option(help="Put the weights in too, for fine-tuning and the torch runtime.")
    ] = True,
    int8: Annotated[
        bool, typer.Option("--int8", help="Tacotron 2's decoder in int8: several times faster, about 1 % off.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits: half the size.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a voice that is there.")] = False,
) -> None:
    """Export models to ONNX, prove them equal to torch, and write a voice."""
    from sonorant.training.checkpoint import load_trained
    from sonorant.voice.manifest import Licences
    from sonorant.voice.pack import pack as pack_voice

    for model in (acoustic, *(() if vocoder == GRIFFIN_LIM else (Path(vocoder),))):
        if not model.exists():
            raise RequestError(f"{model}: no such run, checkpoint or .safetensors file, nor '{GRIFFIN_LIM}'")
    trained = load_trained(acoustic), None if vocoder == GRIFFIN_LIM else load_trained(Path(vocoder))
    for part in trained:
        licence = part.facts.get("licence", weights_licence) if part else weights_licence
        if licence != weights_licence:
            print(f"sonorant: warning: a model is under {licence}, the voice says {weights_licence}", file=sys.stderr)
    written = pack_voice(
        out,
        *trained,
        name=name,
        licences=Licences(data=data_licence, weights=weights_licence),
        description=description,
        int8=int8,
        half=half,
        keep_weights=keep_weights,
        sample=_sample,
        replace=replace,
    )
    print(written)


def _sample(voice: Path) -> bytes:
    """Let the new voice speak, and tell what went wrong, as where its Tacotron 2 does not read yet."""
    from sonorant.audio import encode
    from sonorant.synthesis.synthesizer import Synthesizer

    speech = Synthesizer.load(voice).speak(SAMPLE_TEXT)
    for warning in speech.warnings:
        print(f"sonorant: warning: the voice's sample: {warning}", file=sys.stderr)
    return encode(speech, "wav")
