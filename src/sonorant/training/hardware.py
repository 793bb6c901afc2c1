"""What a run or a measurement was made on."""

import platform
import re
from pathlib import Path


def processor_name() -> str:
    """Name the CPU, which Python itself does not know on Linux."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
