"""What the documentation says: commands parse, recipes load, links lead somewhere; and the wheel is whole."""

import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from sonorant.cli.app import app
from sonorant.config import load_recipe

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
OVERRIDE = re.compile(r"[a-z_]+(\.[a-z_]+)*=\S+")


def _commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.findall(r"```(?:bash|sh)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.split("|"):
                    if part.strip().startswith("sonorant "):
                        yield page.name, part.split(" #")[0].split(" > ")[0].strip()


@pytest.mark.parametrize(("page", "command"), list(_commands()))
def test_a_documented_command_is_understood(page: str, command: str) -> None:
    words = shlex.split(command)[1:]
    group = typer.main.get_command(app)
    verb = group.commands[words[0]]  # type: ignore[attr-defined]
    if words[1:] and words[1] in getattr(verb, "commands", ()):
        verb, words = verb.commands[words[1]], words[1:]
    context = verb.make_context(words[0], words[1:])
    overrides = [word for word in words if OVERRIDE.fullmatch(word)]
    recipe = context.params.get("recipe") or (context.params.get("name") if words[0] == "recipe" else None)
    assert context.params, f"{page}: {command} gives nothing to {words[0]}"
    if recipe and not recipe.endswith(".yaml"):
        load_recipe(recipe, overrides)


def test_there_are_documented_commands() -> None:
    verbs = {command.split()[1] for _, command in _commands()}
    assert verbs >= {"say", "check", "prepare", "train", "resume", "pack", "import", "voices", "recipe"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_to_a_file_that_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_wheel_holds_all_that_is_shipped(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    shipped = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True)
    expected = {line.removeprefix("src/") for line in shipped.stdout.splitlines()}
    assert expected and expected <= names
