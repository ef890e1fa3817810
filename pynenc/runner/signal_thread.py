"""SIGINT and SIGTERM, acted upon on a thread of their own.

A handler of signals runs on the main thread, between two instructions of whatever that is doing. If it wants a lock
that the main thread holds at this moment (of an event, of a log handler), both wait for ever. So the handler puts the
signal into a queue that is made for this, and a thread does the rest.
"""

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType
from typing import Any

_HANDLED = (signal.SIGINT, signal.SIGTERM)


class SignalThread:
    """Hands signals to a function, one after the other, while it runs. May be started again."""

    def __init__(self, act: Callable[[signal.Signals], None]) -> None:
        self._act = act
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._before: dict[signal.Signals, Any] = {}

    def handle(self, signum: int, frame: FrameType | None = None) -> None:  # noqa: ARG002 - what handlers are called with
        """A signal came. May be called at any moment, and before the thread is started."""
        self._queue.put(signum)

    def start(self) -> None:
        """Begin to act. Takes the signals of the process over if this is the main thread; no other can."""
        self._thread = threading.Thread(target=self._main, name="pynenc-signals", daemon=True)
        self._thread.start()
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self.handle) for number in _HANDLED}

    def stop(self) -> None:
        """Give the signals back, and end once everything that came was acted upon."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _main(self) -> None:
        while (signum := self._queue.get()) is not None:
            self._act(signal.Signals(signum))
