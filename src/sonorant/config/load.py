"""Reading recipes: a name or a file, then overrides, then every problem at once."""

import difflib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from sonorant.config.recipe import (
    RECIPE,
    FastPitchRecipe,
    HifiganRecipe,
    Recipe,
    SourceFilterRecipe,
    Tacotron2Recipe,
    WaveglowRecipe,
)
from sonorant.errors import ConfigError

_TASKS: dict[str, type[BaseModel]] = {
    "fastpitch": FastPitchRecipe,
    "tacotron2": Tacotron2Recipe,
    "hifigan": HifiganRecipe,
    "waveglow": WaveglowRecipe,
    "source_filter": SourceFilterRecipe,
}


def list_recipes() -> list[str]:
    """Return the names of the shipped recipes."""
    folder = resources.files("sonorant") / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a shipped recipe by its name, or a YAML file by its path, and apply `section.key=value` overrides.

    Raises:
        ConfigError: No such recipe, not YAML, or settings that are wrong; the message lists all of them.
    """
    where, text = _read(name)
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: a recipe is a mapping of settings, found {type(tree).__name__}")
    for override in overrides:
        _apply(tree, override)
    return parse_recipe(tree, where)


def parse_recipe(tree: Mapping[str, Any], where: str) -> Recipe:
    """Validate a recipe that was read from `where`.

    Raises:
        ConfigError: Settings are wrong; the message lists all of them.
    """
    try:
        return RECIPE.validate_python(tree)
    except ValidationError as error:
        problems = "\n".join(f"  {_explain(dict(problem), tree)}" for problem in error.errors(include_url=False))
        raise ConfigError(f"{where}: {error.error_count()} wrong setting(s)\n{problems}") from None


def dump_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the resolved recipe as plain data, every default written out."""
    return RECIPE.dump_python(recipe, mode="json")  # type: ignore[no-any-return]


def _read(name: str | Path) -> tuple[str, str]:
    path = Path(name)
    try:
        if path.suffix in (".yaml", ".yml") or path.parent != Path("."):
            return str(path), path.read_text(encoding="utf-8")
        shipped = resources.files("sonorant") / "recipes" / f"{name}.yaml"
        if shipped.is_file():
            return str(name), shipped.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    hint = _suggest(str(name), list_recipes())
    raise ConfigError(f"{name}: no such recipe{hint}; there are {', '.join(list_recipes())}, or give a .yaml file")


def _apply(tree: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    parts = key.strip().split(".")
    if not separator or not all(parts):
        raise ConfigError(f"{override}: an override is written section.key=value")
    node = tree
    for part in parts[:-1]:
        child = node.get(part)
        if child is None:
            child = node[part] = {}
        if not isinstance(child, dict):
            raise ConfigError(f"{override}: {part} is {child!r}, not a section")
        node = child
    try:
        node[parts[-1]] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override}: the value is not YAML: {' '.join(str(error).split())}") from None


def _explain(problem: dict[str, Any], tree: Mapping[str, Any]) -> str:
    location = [str(part) for part in problem["loc"] if part not in _TASKS]
    where = ".".join(location) or "recipe"
    if problem["type"] == "extra_forbidden":
        return f"{where}: no such setting{_suggest(location[-1], _siblings(tree, location[:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: missing"
    if problem["type"].startswith("union_tag"):
        return f"task: found {tree.get('task')!r}, allowed are {', '.join(_TASKS)}"
    found = problem.get("input")
    shown = "" if isinstance(found, Mapping) else f", found {found!r}"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}{shown}"


def _siblings(tree: Mapping[str, Any], location: list[str]) -> list[str]:
    model: type[BaseModel] | None = _TASKS[str(tree["task"])]
    for part in location:
        field = model.model_fields.get(part) if model else None
        model = _section(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _section(annotation: Any) -> type[BaseModel] | None:
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def _suggest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
