"""What computes a voice's networks: ONNX Runtime (the default, no torch) or torch (any device)."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sonorant.errors import RequestError
from sonorant.voice import Voice
from sonorant.voice.graphs import VOCODER_NAMES

Floats = NDArray[np.float32]


class Runtime(Protocol):
    """Computes the graphs of `sonorant.voice.graphs`, from any number of threads at once."""

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Put a batch through a graph, named by its file; inputs go by name, outputs come in the graph's order."""
        ...


class PairedRuntime:
    """The acoustic model of one runtime with the vocoder of another."""

    def __init__(self, acoustic: Runtime, vocoder: Runtime) -> None:
        self._acoustic, self._vocoder = acoustic, vocoder

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """See `Runtime.run`."""
        return (self._vocoder if graph in VOCODER_NAMES else self._acoustic).run(graph, **inputs)


def load_runtime(
    name: str, voice: Voice, threads: int | None = None, device: str = "cpu", precision: str | None = None
) -> Runtime:
    """Prepare the networks of a voice.

    Args:
        name: onnx or torch.
        voice: Holds the networks.
        threads: Of the CPU; None lets the runtime choose.
        device: For onnx, cpu; for torch, any that it has.
        precision: For torch, fp32 (as None), tf32, bf16 or fp16; onnx computes as the voice was packed.

    Raises:
        RequestError: There is no such runtime, it is not installed, or does not go with the other arguments.
        VoiceError: The voice holds nothing that the runtime can run.
    """
    if threads is not None and threads < 1:
        raise RequestError(f"threads: {threads}, at least 1 is allowed")
    if name == "onnx":
        if device != "cpu":
            raise RequestError(f"device: the onnx runtime computes on cpu, found {device}; use runtime torch")
        if precision is not None:
            raise RequestError(
                f"precision: the onnx runtime computes as the voice was packed, found {precision}; use runtime torch"
            )
        from sonorant.synthesis.onnx_runtime import OnnxRuntime

        return OnnxRuntime(voice, threads)
    if name == "torch":
        try:
            from sonorant.synthesis.torch_runtime import TorchRuntime
        except ModuleNotFoundError as error:
            raise RequestError(f"runtime: torch needs {error.name}; pip install 'sonorant[train]'") from None
        return TorchRuntime.of_voice(voice, threads, device, precision or "fp32")
    raise RequestError(f"runtime: {name!r}, allowed are onnx and torch")
