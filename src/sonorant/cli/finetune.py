"""`sonorant finetune`: a trained model goes on with another corpus."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sonorant.cli.train import Devices
from sonorant.errors import RequestError


def finetune(
    source: Annotated[str, typer.Argument(help="A voice packed with weights, a run, a .pt or a .safetensors file.")],
    data: Annotated[Path, typer.Argument(help="Features made by `prepare`, or for a vocoder by `mels`.")],
    run: Annotated[Path, typer.Argument(help="A new folder for checkpoints and logs.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="section.key=value ...")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Instead of finetune_KIND; its run.steps are for one hour of recordings.")
    ] = None,
    acoustic: Annotated[bool, typer.Option("--acoustic", help="Of a voice: the acoustic model.")] = False,
    vocoder: Annotated[bool, typer.Option("--vocoder", help="Of a voice: the vocoder.")] = False,
    begin_only: Annotated[
        bool, typer.Option("--begin-only", help="Write the first checkpoint and stop; `resume` trains.")
    ] = False,
    devices: Devices = 1,
) -> None:
    """Go on from a trained model with other recordings: another speaker, more of the same, an acoustic model's mels."""
    from sonorant.features.store import FeatureStore
    from sonorant.training import launch
    from sonorant.training.checkpoint import CheckpointFolder
    from sonorant.training.data import open_store
    from sonorant.training.finetune import begin, finetuning_recipe, half_of_recipe
    from sonorant.training.source import read_source

    if acoustic and vocoder:
        raise RequestError("--acoustic, --vocoder: they are trained one at a time; say one of them")
    if "RANK" in os.environ:
        raise RequestError("finetune: not under a launcher; run it once with --begin-only, then launch sonorant resume")
    CheckpointFolder(run).refuse_used()
    half = "acoustic" if acoustic else "vocoder" if vocoder else half_of_recipe(recipe)
    begun_with = read_source(source, half)
    resolved, notes = finetuning_recipe(begun_with, FeatureStore(data), recipe, overrides or ())
    notes += begin(begun_with, resolved, open_store(data, resolved, devices), run, notes)
    for note in notes:
        print(f"sonorant: {note}", file=sys.stderr)
    if not begin_only:
        launch.train(resolved, data, run, resume=True, devices=devices)
