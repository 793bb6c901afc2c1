"""Networks in torch: those of a voice that carries its weights, or trained models that are no voice yet."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sonorant.errors import RequestError, VoiceError
from sonorant.models.precision import DTYPES, computing
from sonorant.voice import Voice
from sonorant.voice.graphs import GRAPHS
from sonorant.voice.manifest import ACOUSTIC_WEIGHTS_NAME, VOCODER_WEIGHTS_NAME, GriffinLimPart
from sonorant.voice.trained import TrainedModel, parse_trained


class TorchRuntime:
    """Runs networks on any device of torch.

    Args:
        networks: Kind of model -> what makes its network, called when it is first needed.
        threads: Of the CPU; None lets torch choose.
        device: As torch names it.
        precision: fp32, tf32, bf16 or fp16. TF32 is a switch of the whole process: while runtimes of several precisions
            compute at the same moment on a GPU, the last one's holds.

    Raises:
        RequestError: The device cannot be used, or there is no such precision.
    """

    def __init__(
        self,
        networks: Mapping[str, Callable[[], nn.Module]],
        threads: int | None = None,
        device: str = "cpu",
        precision: str = "fp32",
    ) -> None:
        if precision not in DTYPES:
            raise RequestError(f"precision: {precision!r}, allowed are {', '.join(DTYPES)}")
        self._precision = precision
        try:
            self._device = torch.device(device)
            torch.empty(0, device=self._device)
        except (RuntimeError, AssertionError) as error:
            raise RequestError(f"device: {device} cannot be used: {str(error).splitlines()[0]}") from None
        if threads is not None:
            torch.set_num_threads(threads)
        self._makers = networks
        self._networks: dict[str, nn.Module] = {}
        self._methods = {graph.file: (kind, graph) for kind in networks for graph in GRAPHS[kind]}
        self._lock = Lock()

    @classmethod
    def of_voice(
        cls, voice: Voice, threads: int | None = None, device: str = "cpu", precision: str = "fp32"
    ) -> "TorchRuntime":
        """Run the networks of a voice.

        Raises:
            VoiceError: It was packed without weights, or they are not those of the manifest's models; the latter is
                told when they are first needed.
            RequestError: The device cannot be used, or there is no such precision.
        """
        if ACOUSTIC_WEIGHTS_NAME not in voice.manifest.files:
            raise VoiceError(f"{voice.where}: packed without weights, so only the onnx runtime can speak with it")
        parts = {ACOUSTIC_WEIGHTS_NAME: voice.manifest.acoustic, VOCODER_WEIGHTS_NAME: voice.manifest.vocoder}
        makers: dict[str, Callable[[], nn.Module]] = {
            part.kind: partial(_network, voice, name) for name, part in parts.items() if part.kind in GRAPHS
        }
        return cls(makers, threads, device, precision)

    @classmethod
    def of_models(
        cls, *models: TrainedModel, threads: int | None = None, device: str = "cpu", precision: str = "fp32"
    ) -> "TorchRuntime":
        """Run trained models.

        Raises:
            RequestError: The device cannot be used, or there is no such precision.
        """
        return cls({model.kind: model.network for model in models}, threads, device, precision)

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """See `Runtime.run`."""
        kind, described = self._methods[graph]
        with self._lock:
            if kind not in self._networks:
                self._networks[kind] = self._makers[kind]().to(self._device)
        tensors = [torch.from_numpy(np.ascontiguousarray(inputs[name])).to(self._device) for name in described.inputs]
        with torch.no_grad(), computing(self._device, self._precision):
            outputs = getattr(self._networks[kind], described.method)(*tensors)
        listed = outputs if isinstance(outputs, tuple) else (outputs,)
        return [output.float().cpu().numpy() for output in listed]


def _network(voice: Voice, name: str) -> nn.Module:
    """Return the network that the manifest describes, with one of the voice's files of weights."""
    part = voice.manifest.acoustic if name == ACOUSTIC_WEIGHTS_NAME else voice.manifest.vocoder
    assert not isinstance(part, GriffinLimPart)
    return replace(parse_trained(voice.read(name), f"{voice.where}/{name}"), config=part.config).network()
