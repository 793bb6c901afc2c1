"""`sonorant train` and `sonorant resume`."""

from pathlib import Path
from typing import Annotated

import typer

from sonorant.errors import RequestError


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a YAML file.")],
    data: Annotated[Path, typer.Argument(help="Features made by `prepare`.")],
    run: Annotated[Path, typer.Argument(help="A new folder for checkpoints and logs.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="section.key=value ...")] = None,
) -> None:
    """Train a model. Interrupt it at will; `resume` goes on exactly where it was."""
    from sonorant.config import load_recipe
    from sonorant.training.fit import fit

    fit(load_recipe(recipe, overrides or ()), data, run)


def resume(
    run: Annotated[Path, typer.Argument(help="The folder of an interrupted run.")],
    data: Annotated[Path, typer.Argument(help="The same features.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="What may change on the way, as run.steps=20000.")
    ] = None,
) -> None:
    """Go on with an interrupted run."""
    from sonorant.config import load_recipe
    from sonorant.training.fit import fit

    if not (run / "recipe.yaml").is_file():
        raise RequestError(f"{run}: there is no run to resume here; start one with sonorant train")
    fit(load_recipe(run / "recipe.yaml", overrides or ()), data, run, resume=True)
