"""The threads that carry slots."""

import threading
from collections.abc import Callable

from pynenc.runner.slot import Slot, start_daemon

#: Sleeping threads kept beyond one for each slot; more end themselves.
SPARE_CARRIERS = 16


class Carrier:
    """A thread that carries a slot while there is something to do, and sleeps in between."""

    __slots__ = ("_bell", "slot")

    def __init__(self) -> None:
        # A bare lock as the bell: a Condition costs four times as much to wake.
        self._bell = threading.Lock()
        self._bell.acquire()
        self.slot: Slot | None = None

    def give(self, slot: Slot | None) -> None:
        """Hand a slot over and wake the thread; None ends it."""
        self.slot = slot
        self._bell.release()

    def take(self) -> Slot | None:
        """Sleep until a slot is given."""
        self._bell.acquire()
        slot, self.slot = self.slot, None
        return slot


class Carriers:
    """As many threads as slots are carried, and some that sleep."""

    def __init__(self, drive: Callable[[Slot], None], slots: int) -> None:
        """``drive`` works as long as there is something to do for a slot."""
        self._drive = drive
        self._kept = SPARE_CARRIERS + slots
        self._lock = threading.Lock()
        self._sleeping: list[Carrier] = []
        self._closed = False

    def carry(self, slot: Slot) -> None:
        """Have a thread drive a busy slot."""
        with self._lock:
            carrier = self._sleeping.pop() if self._sleeping else None
        if carrier is None:
            carrier = Carrier()
            start_daemon(self._main, carrier)
        carrier.give(slot)

    def _main(self, carrier: Carrier) -> None:
        while True:
            slot = carrier.take()
            if slot is None:
                return
            self._drive(slot)
            with self._lock:
                if self._closed or len(self._sleeping) >= self._kept:
                    return
                self._sleeping.append(carrier)

    def close(self) -> None:
        """End the sleeping threads, and each other one when it has done its work."""
        with self._lock:
            self._closed = True
            sleeping, self._sleeping = self._sleeping, []
        for carrier in sleeping:
            carrier.give(None)
