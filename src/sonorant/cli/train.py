"""`sonorant train` and `sonorant resume`."""

from pathlib import Path
from typing import Annotated

import typer

from sonorant.errors import RequestError

Devices = Annotated[int, typer.Option(help="GPUs of this machine, or processes where it has none.")]


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a YAML file.")],
    data: Annotated[Path, typer.Argument(help="Features made by `prepare`.")],
    run: Annotated[Path, typer.Argument(help="A new folder for checkpoints and logs.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="section.key=value ...")] = None,
    devices: Devices = 1,
) -> None:
    """Train a model. Interrupt it at will; `resume` goes on exactly where it was."""
    from sonorant.config import load_recipe
    from sonorant.training import launch

    launch.train(load_recipe(recipe, overrides or ()), data, run, devices=devices)


def resume(
    run: Annotated[Path, typer.Argument(help="The folder of an interrupted run.")],
    data: Annotated[Path, typer.Argument(help="The same features.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="What may change on the way, as run.steps=20000.")
    ] = None,
    devices: Devices = 1,
) -> None:
    """Go on with an interrupted run."""
    from sonorant.config import load_recipe
    from sonorant.training import launch

    if not (run / "recipe.yaml").is_file():
        raise RequestError(f"{run}: there is no run to resume here; start one with sonorant train")
    launch.train(load_recipe(run / "recipe.yaml", overrides or ()), data, run, resume=True, devices=devices)
