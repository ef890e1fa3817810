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
    it rests, that the mark does not ask any more, corrects it and looks again. A sender that takes the mark away tells
    us, and that is a look of its own. It may (3) find the others busy with a crowd and not ask, by which (2) is left to
    it: what was asked before counts no more. And (4) whoever begins to ask for coroutines after a look of its own looks
    for them once more.
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
        #: Coroutines were asked for, and nobody has told us of work since.
        self._stands = False

    def taken(self) -> None:
        """Somebody tells us of work, and has taken the mark for it."""
        with self._lock:
            self._asks = self._stands = False

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
            self._write(room)
            return room.slots

    def lower(self) -> bool:
        """Say what is left of the room; whether it asks for coroutines from now on, and may not have before.

        It never begins to ask for work for slots: the slot that rests would take that for a look it need not take.
        """
        with self._lock:
            room = self._room()
            asked = self._asks and self._wakeups.asks()
            begins = room.coroutines and not (self._stands or asked)
            self._write(room._replace(slots=room.slots and self._asks))
            return begins

    def _write(self, room: Room) -> None:
        self._wakeups.set_idle(room.slots or room.coroutines, picky=self._picky, coroutines_only=not room.slots)
        self._asks = room.slots
        self._stands = room.coroutines

    def asks(self) -> bool:
        """Whether it asks for every kind of work, as far as is known."""
        with self._lock:
            return self._asks and self._wakeups.asks()

    def withdraw(self) -> None:
        """Ask for nothing."""
        with self._lock:
            self._write(Room(slots=False, coroutines=False))
