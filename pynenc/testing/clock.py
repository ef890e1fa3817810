"""A clock that a test moves."""

import threading

from pynenc.ports.clock import Clock

#: Where a fake clock starts unless it is told otherwise: some moment in 2025, so that times look like times.
START = 1_750_000_000.0


class FakeClock(Clock):
    """Stands still until a test moves it. May be shared between threads."""

    def __init__(self, now: float = START) -> None:
        self._lock = threading.Lock()
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> float:
        """Let time pass; the new time of day.

        Raises:
            ValueError: time does not go back; ``set_back`` does that to the time of day.
        """
        if seconds < 0:
            raise ValueError(f"Time does not go back ({seconds} s): set_back() moves the time of day only")
        with self._lock:
            self._now += seconds
            self._monotonic += seconds
            return self._now

    def set_back(self, seconds: float) -> float:
        """Turn the time of day back, as a correction of a machine's clock does; the new time of day."""
        with self._lock:
            self._now -= seconds
            return self._now
