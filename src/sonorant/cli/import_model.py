"""`sonorant import`: a published checkpoint to a model of ours."""

from pathlib import Path
from typing import Annotated

import typer

from sonorant.errors import RequestError
from sonorant.files import check_writable


def import_model(
    generator: Annotated[Path, typer.Argument(help="A generator of HiFi-GAN's authors or of NVIDIA.")],
    out: Annotated[Path, typer.Argument(help="The .safetensors file to write; `pack` takes it as a vocoder.")],
    config: Annotated[
        Path | None, typer.Option(help="Its config.json; default: the one beside the generator, if there is one.")
    ] = None,
    licence: Annotated[str, typer.Option(help="The licence of the weights, kept with them.")] = "unknown",
) -> None:
    """Read a published HiFi-GAN generator, strictly: every weight is named, none is missing."""
    from sonorant.models.convert import read_hifigan_checkpoint
    from sonorant.voice.trained import TrainedModel

    if out.suffix != ".safetensors":
        raise RequestError(f"{out}: a model is a .safetensors file; name it so")
    check_writable(out)
    beside = generator.parent / "config.json"
    model_config, mel, weights = read_hifigan_checkpoint(generator, config or (beside if beside.is_file() else None))
    facts = {"imported_from": generator.name, "licence": licence}
    TrainedModel(config=model_config, mel=mel, weights=weights, facts=facts).save(out)
    print(f"{out}: hifigan, {sum(weight.numel() for weight in weights.values()):,} weights, mel {mel.signature()}")
