"""What computes a voice's networks: ONNX Runtime (the default, no torch) or torch (any device)."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sonorant.errors import RequestError
from sonorant.voice import Voice

Floats = NDArray[np.float32]


class Runtime(Protocol):
    """Runs one utterance at a time through the networks of a voice."""

    def encode(
        self, ids: NDArray[np.int64], speaker_id: int, pitch_scale: float, pitch_offset: float
    ) -> tuple[Floats, Floats]:
        """Encode symbols; the predicted normalised pitch p becomes p * pitch_scale + pitch_offset.

        Shape:
            ids: (S,) -> encodings (S, C), log_durations (S,)
        """
        ...

    def decode(self, frames: Floats) -> Floats:
        """Turn encodings, one per frame, into a mel.

        Shape:
            frames: (T, C) -> (n_mels, T)
        """
        ...

    def vocode(self, mel: Floats) -> Floats:
        """Turn a mel into a waveform with the voice's trained vocoder.

        Shape:
            mel: (n_mels, T) -> (T * hop_length,)
        """
        ...


def load_runtime(name: str, voice: Voice, threads: int | None = None, device: str = "cpu") -> Runtime:
    """Prepare the networks of a voice; `threads` None lets the runtime choose.

    Raises:
        RequestError: There is no such runtime, it is not installed, or does not go with the other arguments.
        VoiceError: The voice holds nothing that the runtime can run.
    """
    if threads is not None and threads < 1:
        raise RequestError(f"threads: {threads}, at least 1 is allowed")
    if name == "onnx":
        if device != "cpu":
            raise RequestError(f"device: the onnx runtime computes on cpu, found {device}; use runtime torch")
        from sonorant.synthesis.onnx_runtime import OnnxRuntime

        return OnnxRuntime(voice, threads)
    if name == "torch":
        try:
            from sonorant.synthesis.torch_runtime import TorchRuntime
        except ModuleNotFoundError as error:
            raise RequestError(f"runtime: torch needs {error.name}; pip install 'sonorant[train]'") from None
        return TorchRuntime(voice, threads, device)
    raise RequestError(f"runtime: {name!r}, allowed are onnx and torch")
