"""A voice's networks in ONNX Runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.errors import VoiceError
from sonorant.synthesis.runtime import Floats
from sonorant.voice import Voice
from sonorant.voice.manifest import DECODER_NAME, ENCODER_NAME, VOCODER_NAME


class OnnxRuntime:
    """Runs the exported graphs, from any number of threads at once.

    They are read and verified at once, and made ready when first needed.
    """

    def __init__(self, voice: Voice, threads: int | None = None) -> None:
        self._where = voice.where
        self._threads = threads
        self._graphs = {name: voice.read(name) for name in voice.manifest.graphs}
        self._sessions: dict[str, Any] = {}
        self._lock = Lock()

    def encode(
        self, ids: NDArray[np.int64], speaker_id: int, pitch_scale: float, pitch_offset: float
    ) -> tuple[Floats, Floats]:
        """See `Runtime.encode`."""
        encodings, log_durations = self._run_row(
            ENCODER_NAME,
            symbols=ids[None],
            symbol_lengths=np.array([len(ids)], dtype=np.int64),
            speaker_ids=np.array([speaker_id], dtype=np.int64),
            pitch_scale=np.array([pitch_scale], dtype=np.float32),
            pitch_offset=np.array([pitch_offset], dtype=np.float32),
        )
        return encodings, log_durations

    def decode(self, frames: Floats) -> Floats:
        """See `Runtime.decode`."""
        lengths = np.array([len(frames)], dtype=np.int64)
        (mel,) = self._run_row(DECODER_NAME, frames=frames[None], mel_lengths=lengths)
        return mel

    def vocode(self, mel: Floats) -> Floats:
        """See `Runtime.vocode`."""
        (waveform,) = self._run_row(VOCODER_NAME, mel=mel[None])
        return waveform

    def _run_row(self, name: str, **inputs: NDArray[Any]) -> list[Floats]:
        """Run a graph on a batch of one and return its one row of each output."""
        with _explained(f"{self._where}: {name}"):
            with self._lock:
                if name not in self._sessions:
                    self._sessions[name] = self._open(name)
            return [batch[0] for batch in self._sessions[name].run(None, inputs)]

    def _open(self, name: str) -> Any:
        """Make a graph ready; its threads sleep while they wait, so that they leave the cores to others."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads or 0
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # errors are raised besides
        session = ort.InferenceSession(self._graphs[name], options, providers=["CPUExecutionProvider"])
        del self._graphs[name]
        return session


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn the errors of ONNX Runtime, which share no base class of their own, into a VoiceError."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise VoiceError(f"{where}: {error}") from None
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise VoiceError(f"{where}: this graph cannot run: {' '.join(str(error).split())}") from None
        raise
