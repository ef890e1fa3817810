"""Trigger definitions and occurrences in memory."""

from pynenc.backends.memory.storage import MemoryUnit
from pynenc.ports.trigger import Trigger


class MemTrigger(Trigger):
    """Keeps nothing until the port asks for it."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._lock = unit.lock

    def purge(self) -> None:
        """There is nothing to remove."""
