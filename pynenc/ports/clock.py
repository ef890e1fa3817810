"""Time, passed in (design law 9)."""

import time
from abc import ABC, abstractmethod


class Clock(ABC):
    """Where the engine and the stores get the time from."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since the epoch (UTC): for what is stored."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that never go back: for what is measured."""


class SystemClock(Clock):
    """The clocks of this machine."""

    def now(self) -> float:  # noqa: D102 - inherits the contract
        return time.time()

    def monotonic(self) -> float:  # noqa: D102 - inherits the contract
        return time.monotonic()
