"""Without the training extra the command says what is missing, in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = "import sys\nfor name in ('torch', 'swift_f0', 'safetensors', 'onnx'):\n    sys.modules[name] = None\n"


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("train", "tiny_fastpitch", "data", "run"), "torch"),
        (("import", "generator", "model.safetensors"), "torch"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_verb_that_needs_more_than_the_core_says_so(
    arguments: tuple[str, ...], missing: str, tmp_path: Path
) -> None:
    code = f"{BLOCKED}sys.argv = ['sonorant', *{arguments!r}]\nfrom sonorant.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"needs {missing}" in done.stderr and "sonorant[train]" in done.stderr
