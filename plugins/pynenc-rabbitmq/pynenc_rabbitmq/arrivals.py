"""Telling the process that something has arrived, on a thread that may ask the broker in turn."""

import threading
from collections.abc import Callable

from pynenc.module_loggers import module_logger

_logger = module_logger(__name__)


class Arrivals:
    """A thread that calls somebody once for all that has arrived meanwhile. Begins with the first one to be called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._listener: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def tell_to(self, listener: Callable[[], None]) -> None:
        """Whom to call from now on."""
        self._listener = listener
        with self._lock:
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._run, name="pynenc-rabbitmq-arrivals", daemon=True)
                self._thread.start()

    def tell(self) -> None:
        """Something has arrived."""
        self._arrived.set()

    def end(self) -> None:
        """Call nobody any more."""
        with self._lock:
            self._ended = True
        self._arrived.set()

    def _run(self) -> None:
        while True:
            self._arrived.wait()
            self._arrived.clear()
            if self._ended:
                return
            try:
                if self._listener is not None:
                    self._listener()
            except Exception:  # design law 10: whatever the listener does, the next arrival is told
                _logger.exception("A process could not look for what has arrived in RabbitMQ")
