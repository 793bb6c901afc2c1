"""A voice's networks in torch, from the weights that it carries to fine-tune from."""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonorant.errors import RequestError, VoiceError
from sonorant.synthesis.runtime import Floats
from sonorant.voice import Voice
from sonorant.voice.manifest import ACOUSTIC_WEIGHTS_NAME, VOCODER_WEIGHTS_NAME
from sonorant.voice.trained import parse_trained


class TorchRuntime:
    """Runs the networks on any device of torch; each is read when it is first needed."""

    def __init__(self, voice: Voice, threads: int | None = None, device: str = "cpu") -> None:
        if ACOUSTIC_WEIGHTS_NAME not in voice.manifest.files:
            raise VoiceError(f"{voice.where}: packed without weights, so only the onnx runtime can speak with it")
        try:
            self._device = torch.device(device)
            torch.empty(0, device=self._device)
        except (RuntimeError, AssertionError) as error:
            raise RequestError(f"device: {device} cannot be used: {str(error).splitlines()[0]}") from None
        self._voice = voice
        if threads is not None:
            torch.set_num_threads(threads)

    def encode(
        self, ids: NDArray[np.int64], speaker_id: int, pitch_scale: float, pitch_offset: float
    ) -> tuple[Floats, Floats]:
        """See `Runtime.encode`."""
        encodings, log_durations = self._acoustic.encode(
            self._tensor(ids[None]),
            self._tensor(np.array([len(ids)])),
            self._tensor(np.array([speaker_id])),
            self._tensor(np.array([pitch_scale], dtype=np.float32)),
            self._tensor(np.array([pitch_offset], dtype=np.float32)),
        )
        return _array(encodings), _array(log_durations)

    def decode(self, frames: Floats) -> Floats:
        """See `Runtime.decode`."""
        lengths = self._tensor(np.array([len(frames)]))
        return _array(self._acoustic.decode(self._tensor(frames[None]), lengths))

    def vocode(self, mel: Floats) -> Floats:
        """See `Runtime.vocode`."""
        return _array(self._vocoder(self._tensor(mel[None])))

    @cached_property
    def _acoustic(self) -> Any:
        return self._network(ACOUSTIC_WEIGHTS_NAME)

    @cached_property
    def _vocoder(self) -> Any:
        return self._network(VOCODER_WEIGHTS_NAME)

    def _network(self, name: str) -> torch.nn.Module:
        trained = parse_trained(self._voice.read(name), f"{self._voice.where}/{name}")
        return trained.network().to(self._device)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def _array(batch: Tensor) -> Floats:
    return batch[0].float().cpu().numpy()
