"""Without the extra "eval" the command says what is missing, in one line, before it does anything."""

import subprocess
import sys
from pathlib import Path


def test_a_missing_package_is_told_before_the_work(tmp_path: Path) -> None:
    code = "import sys\nsys.modules['pystoi'] = None\nsys.argv = ['sonorant', 'evaluate', 'kathleen']\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "from sonorant.cli import main\nmain()"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "needs pystoi" in done.stderr and 'pip install "sonorant[eval]"' in done.stderr
    assert not list(tmp_path.iterdir())
