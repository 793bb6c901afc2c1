"""The import rules of docs/architecture.md, and what must stay unloaded."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sonorant

SOURCE = Path(sonorant.__file__).parent

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "files": {"errors"},
    "config": {"errors"},
    "text": {"errors", "config"},
    "audio": {"errors", "files", "config"},
    "models": {"errors", "config"},
    "corpus": {"errors", "files", "config", "audio", "text"},
    "features": {"errors", "files", "config", "corpus", "audio", "text"},
    "voice": {"errors", "files", "config", "text", "audio", "models"},
    "synthesis": {"errors", "config", "text", "audio", "models", "voice"},
    "training": {"errors", "files", "config", "text", "audio", "features", "models", "voice", "synthesis"},
    "evaluation": {
        "errors", "files", "config", "text", "audio", "models", "corpus", "features", "voice", "synthesis", "training",
    },
    "__main__": {"cli"},
    "cli": {
        "errors", "files", "config", "text", "audio", "models", "corpus", "features", "voice", "synthesis", "training",
        "evaluation",
    },
}  # fmt: skip

# The only modules of these rooms that may touch torch or the models.
TORCH_DOORS = {
    "audio": {"audio/mel_torch.py"},
    "features": {"features/batch.py", "features/loader.py"},
    "voice": {"voice/export.py", "voice/pack.py", "voice/trained.py"},
    "synthesis": {"synthesis/torch_runtime.py"},
    "evaluation": {
        "evaluation/benchmark_networks.py",
        "evaluation/benchmark_torch.py",
        "evaluation/benchmark_training.py",
    },
}
NO_TORCH = (
    "errors", "files", "config", "text", "audio", "corpus", "features", "voice", "synthesis", "evaluation", "cli",
)  # fmt: skip


def _modules() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE)


def _room(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def _imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relatively"
            yield node.module or ""
            if node.module == "sonorant":
                yield from (f"sonorant.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", [m for m in _modules() if m.name != "__init__.py" or len(m.parts) > 1], ids=str)
def test_a_room_imports_only_what_the_plan_allows(module: Path) -> None:
    room = _room(module)
    for name in _imports(module):
        parts = name.split(".")
        if parts[0] == "sonorant" and len(parts) > 1 and parts[1] != "__version__":
            assert parts[1] == room or parts[1] in ALLOWED[room], f"{module} imports {name}"


@pytest.mark.parametrize("module", [m for m in _modules() if _room(m) in NO_TORCH], ids=str)
def test_torch_enters_only_by_its_doors(module: Path) -> None:
    if module.as_posix() in TORCH_DOORS.get(_room(module), set()):
        return
    for name in _imports(module):
        assert name.split(".")[0] != "torch", f"{module} imports {name}"
        if _room(module) in ("voice", "synthesis"):
            assert not name.startswith("sonorant.models"), f"{module} imports {name}"


def test_the_plan_names_every_room() -> None:
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and (p / "__init__.py").exists()} | {
        "errors", "files", "__main__",
    }  # fmt: skip
    assert rooms == set(ALLOWED)


def _loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


HEAVY = {"torch", "onnxruntime", "soundfile", "numpy", "scipy", "matplotlib", "safetensors", "tensorboard"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not _loaded_after("import sonorant") & HEAVY


def test_help_loads_nothing_heavy() -> None:
    code = "import sys\nsys.argv = ['sonorant', '--help']\nfrom sonorant.cli import main\n" + (
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code"
    )
    assert not _loaded_after(code) & HEAVY


def test_the_rooms_of_speaking_load_no_torch() -> None:
    loaded = _loaded_after("import sonorant.text, sonorant.audio, sonorant.voice, sonorant.synthesis")
    assert not loaded & {"torch", "scipy", "matplotlib", "safetensors"}


def test_the_list_of_public_names_is_exact() -> None:
    assert sonorant.__all__ == ["Audio", "Speech", "Synthesizer", "__version__"]
    for name in sonorant.__all__:
        assert getattr(sonorant, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Voice'"):
        sonorant.Voice  # noqa: B018
