"""The machine that a benchmark runs on: its names, its memory, its speed at one product of matrices."""

import gc
import importlib.metadata
import os
import platform
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np

from sonorant.training.hardware import processor_name

PRODUCT_REPEATS = 5
CPU_PRODUCT_SIZE = 1024
"""Rows and columns of the factors: large enough to keep every unit busy, over in a tenth of a second."""

_PACKAGES = ("sonorant", "numpy", "onnxruntime", "torch")
_MATRIX_PRODUCT = bytes.fromhex(
    "08083a4e0a110a01610a016212016322064d61744d756c12066d61746d756c5a0f0a0161120a0a08080112040a000a00"
    "5a0f0a0162120a0a08080112040a000a00620f0a0163120a0a08080112040a000a0042040a00100d"
)
"""An ONNX model of one MatMul, opset 13: inputs a and b, output c, float32."""


class CpuInstruments:
    """The monotonic clock, and the resident memory of this process; see `Instruments`.

    Linux forgets a process's peak on request. Elsewhere the peak is that of the whole life of the process, so a row's
    memory counts what came before it.
    """

    def __init__(self) -> None:
        gc.collect()
        self._before = _resident_bytes()

    def now(self) -> float:
        """Return the monotonic time."""
        return time.perf_counter()

    def processor_now(self) -> float:
        """Return the time of all threads together."""
        return time.process_time()

    def forget_peak(self) -> None:
        """Let the peak begin at what is resident now."""
        try:
            Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM
        except OSError:
            pass

    def peak_bytes(self) -> int:
        """Return by how much the peak exceeds what was resident at first."""
        return max(0, process_peak_bytes() - self._before)


def _resident_bytes() -> int:
    return _status("VmRSS") or process_peak_bytes()


def process_peak_bytes() -> int:
    """Return the most memory that this process has held, since Linux was last asked to forget."""
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int:
    """Return a figure that Linux keeps of this process, in bytes; 0 elsewhere."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def describe_cpu() -> dict[str, str | int | float]:
    """Name the processor, its cores and the memory, and tell how many processes have lately wanted a core."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory / 2**30, 1),
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of what computes, as far as it is installed; nothing is imported."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def onnx_product(threads: int) -> dict[str, str | int | float]:
    """Measure ONNX Runtime's best speed at a product of square float32 matrices: the floor under a voice's figures."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(_MATRIX_PRODUCT, options, providers=["CPUExecutionProvider"])
    factor = np.ones((CPU_PRODUCT_SIZE, CPU_PRODUCT_SIZE), dtype=np.float32)
    seconds = []
    for _ in range(PRODUCT_REPEATS):
        start = time.perf_counter()
        session.run(None, {"a": factor, "b": factor})
        seconds.append(time.perf_counter() - start)
    return product_speed("onnxruntime", "fp32", CPU_PRODUCT_SIZE, min(seconds))


def product_speed(library: str, precision: str, size: int, seconds: float) -> dict[str, str | int | float]:
    """Describe a product of two square matrices, which takes 2 size³ operations."""
    speed = 2 * size**3 / seconds / 1e9
    return {"library": library, "precision": precision, "size": size, "gflop_per_s": round(speed, 1)}
