"""Hints inside one process: function calls."""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from pynenc.ports.wakeups import Wakeups

#: Numbers the bundles of a process, so that an address never means another bundle than it did.
_numbers = count(1)


class MemoryWakeups(Wakeups):
    """Calls its one listener directly, on the thread of the sender.

    So the two callbacks must do no more than set a flag or an event: a sender may stand inside a unit of work,
    and whatever takes time or a lock in a callback takes it from the sender.
    """

    can_wake = True

    def __init__(self) -> None:
        self._address = f"memory:{next(_numbers)}"
        self._on_message: Callable[[Sequence[str]], None] | None = None
        self._on_work: Callable[[], None] | None = None
        self._waiting = False
        self._idle = False
        self._picky = False
        self._coroutines_only = False
        #: Two senders do not tell the same idle worker twice. Never held while a callback runs.
        self._lock = threading.Lock()

    def address(self) -> str | None:
        return self._address

    def listen(self, on_message: Callable[[Sequence[str]], None], on_work: Callable[[], None]) -> None:
        with self._lock:
            self._on_message, self._on_work = on_message, on_work

    def set_waiting(self, waiting: bool) -> None:  # as the port has it
        self._waiting = waiting

    def set_idle(
        self,
        idle: bool,  # as the port has it
        *,
        picky: bool = False,
        coroutines_only: bool = False,
    ) -> None:
        with self._lock:
            self._idle, self._picky, self._coroutines_only = idle, picky, coroutines_only

    def set_standby(self, standby: bool) -> None:  # as the port has it
        # There is one listener: when it is on standby, nobody else is idle.
        self.set_idle(standby)

    def wake_workers(self, count: int, *, coroutines: bool = False) -> int:
        with self._lock:
            on_work = self._on_work
            if count < 1 or on_work is None or not self._idle or (self._coroutines_only and not coroutines):
                return 0
            self._idle = False
            told = 0 if self._picky else 1
        on_work()
        return told

    def notify(self, messages: Mapping[str, Sequence[str]]) -> int:
        on_message = self._on_message
        if not self._waiting or on_message is None or self._address not in messages:
            return 0
        on_message(messages[self._address])
        return 1

    def close(self) -> None:
        with self._lock:
            self._on_message = self._on_work = None
            self._waiting = self._idle = False
