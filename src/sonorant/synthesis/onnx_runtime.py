"""A voice's networks in ONNX Runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from sonorant.errors import VoiceError
from sonorant.voice import Voice


class OnnxRuntime:
    """Runs the exported graphs.

    They are read and verified at once, and made ready when first needed.
    """

    def __init__(self, voice: Voice, threads: int | None = None) -> None:
        self._where = voice.where
        self._threads = threads
        self._graphs = {name: voice.read(name) for name in voice.manifest.graphs}
        self._sessions: dict[str, Any] = {}
        self._lock = Lock()

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """See `Runtime.run`."""
        with _explained(f"{self._where}: {graph}"):
            with self._lock:
                if graph not in self._sessions:
                    self._sessions[graph] = self._open(graph)
            outputs: list[NDArray[Any]] = self._sessions[graph].run(None, inputs)
            return outputs

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
