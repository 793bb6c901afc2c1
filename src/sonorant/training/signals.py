"""Ending a run politely when the machine or a person asks for it."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Notes SIGTERM and SIGINT while it is entered, so that a run can save before it ends.

    A second signal acts as usual: a run that hangs can still be ended. Off the main thread, where Python delivers no
    signals, it notes nothing.

    Args:
        launched: Whether a launcher started this process among others. Launchers send more than one signal, and kill in
            the end what hangs; so the second one is ignored.

    Attributes:
        name: The signal that came, or None.
    """

    def __init__(self, launched: bool = False) -> None:
        self.name: str | None = None
        self._launched = launched
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        if not self._launched:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
