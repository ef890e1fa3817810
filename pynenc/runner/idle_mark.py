"""What other processes are told this one has room for, by its mark among the wake-ups."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from pynenc.ports.wakeups import Wakeups


class Room(NamedTuple):
    """What a process could take now."""

    #: Every kind of work.
    slots: bool
    #: Coroutines, at least.
    coroutines: bool


class IdleMark:
    """The one mark of a pool. It has many slots, and whoever sends work takes the mark away.

    No wake-up is lost as long as (1) a slot asks before the look after which it rests, and (2) a slot that finds, once
    it rests, that the mark does not ask any more, corrects it and looks again. A mark taken away by a sender needs no
    rule: the sender tells us, and that is a look of its own.
    """

    def __init__(
        self, wakeups: Wakeups, *, picky: bool, room: Callable[[], Room], queue_elsewhere: bool = False
    ) -> None:
        """``picky``: not every queue is served here. ``room`` is asked whenever the mark is corrected.

        ``queue_elsewhere``: queue and wake-ups may be two products. Then the mark cannot travel with the look: what is
        queued between a look that found nothing and its mark would be told nobody.
        """
        self._wakeups = wakeups
        self._at_once = queue_elsewhere
        self._picky = picky
        self._room = room
        # What is decided first is written first.
        self._lock = threading.Lock()
        self._asks = False

    def ask(self) -> None:
        """Ask for any work, ahead of a look whose answer decides whether a slot rests."""
        with self._lock:
            if self._at_once:
                self._wakeups.set_idle(True, picky=self._picky)
            else:
                self._wakeups.ask_ahead(picky=self._picky)
            self._asks = True

    def correct(self) -> bool:
        """Say what there is room for now; whether that is every kind of work."""
        with self._lock:
            room = self._room()
            self._wakeups.set_idle(room.slots or room.coroutines, picky=self._picky, coroutines_only=not room.slots)
            self._asks = room.slots
            return self._asks

    def pass_on(self) -> None:
        """Told of work that there is no room for: tell another process, and say what there is room for here.

        Without our mark meanwhile: else the other process would be this one, and its mark be gone.
        """
        self.withdraw()
        self._wakeups.wake_workers(1, coroutines=True)
        self.correct()

    def asks(self) -> bool:
        """Whether it asks for every kind of work, as far as is known."""
        with self._lock:
            return self._asks and self._wakeups.asks()

    def withdraw(self) -> None:
        """Ask for nothing."""
        with self._lock:
            self._wakeups.set_idle(False)
            self._asks = False
