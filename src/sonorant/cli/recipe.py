"""`sonorant recipe`: list the shipped recipes, or show one with every default written out."""

from typing import Annotated

import typer


def recipe(
    name: Annotated[str | None, typer.Argument(help="A shipped recipe or a YAML file; without it, list them.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="section.key=value ...")] = None,
) -> None:
    """List the shipped recipes, or show one resolved, as YAML."""
    import yaml

    from sonorant.config import dump_recipe, list_recipes, load_recipe

    if name is None:
        for shipped in list_recipes():
            print(f"{shipped:<20} {load_recipe(shipped).description}")
        return
    print(yaml.safe_dump(dump_recipe(load_recipe(name, overrides or ())), sort_keys=False), end="")
