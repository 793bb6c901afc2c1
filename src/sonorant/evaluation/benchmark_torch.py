"""The instruments and the floor of what torch computes, on a CPU or a GPU."""

import time

import torch

from sonorant.errors import RequestError
from sonorant.evaluation.benchmark import Instruments
from sonorant.evaluation.benchmark_machine import CPU_PRODUCT_SIZE, PRODUCT_REPEATS, CpuInstruments, product_speed
from sonorant.models.precision import DTYPES, allow_tf32, autocast

GPU_PRODUCT_SIZE = 8192


class CudaInstruments:
    """A clock that waits for the GPU, and the memory that torch has allocated there; see `Instruments`."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = torch.cuda.memory_allocated(device)

    def now(self) -> float:
        """Return the monotonic time when the GPU has done what it was told."""
        torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def processor_now(self) -> float:
        """Return the time that the CPU has spent on telling the GPU what to do, all threads together."""
        return time.process_time()

    def forget_peak(self) -> None:
        """Let the peak begin at what is allocated now."""
        torch.cuda.reset_peak_memory_stats(self._device)

    def peak_bytes(self) -> int:
        """Return by how much the peak exceeds what was allocated at first."""
        return torch.cuda.max_memory_allocated(self._device) - self._before


def open_device(name: str, threads: int) -> torch.device:
    """Return a device of torch, once it is known to work; `threads` is for the CPU.

    Raises:
        RequestError: It cannot be used.
    """
    torch.set_num_threads(threads)
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise RequestError(f"device: {name} cannot be used: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def choose_precision(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which networks compute in a precision; whether float32 may be tf32 changes at once."""
    allow_tf32(precision)
    return autocast(device, precision)


def make_instruments(device: torch.device) -> Instruments:
    """Return what measures on a device."""
    return CudaInstruments(device) if device.type == "cuda" else CpuInstruments()


def describe_gpu(device: torch.device) -> dict[str, str | int | float]:
    """Name the GPU and its memory; empty for a CPU."""
    if device.type != "cuda":
        return {}
    properties = torch.cuda.get_device_properties(device)
    return {
        "gpu": properties.name,
        "gpu_memory_gib": round(properties.total_memory / 2**30, 1),
        "cuda": str(torch.version.cuda),
    }


def torch_product(device: torch.device, precision: str) -> dict[str, str | int | float]:
    """Measure torch's best speed at a product of square matrices: the floor under a network's figures."""
    size = GPU_PRODUCT_SIZE if device.type == "cuda" else CPU_PRODUCT_SIZE
    choose_precision(device, precision)
    factor = torch.ones(size, size, device=device, dtype=DTYPES[precision])
    instruments, seconds = make_instruments(device), []
    for _ in range(PRODUCT_REPEATS):
        start = instruments.now()
        factor @ factor
        seconds.append(instruments.now() - start)
    return product_speed("torch", precision, size, min(seconds))
