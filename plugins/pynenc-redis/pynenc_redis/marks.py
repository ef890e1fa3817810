"""The mark by which a process asks to be told of work: kept on the server, and known here as far as that is possible.

A worker asks before it looks for work, and takes the mark back when it has found some: two trips around each look. So a
mark is sent along with the look, and a look that is a step of the server's own (lua/steps.lua) makes it only if there
was nothing. What need not be written is not written, where this process knows what the server has.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from pynenc_redis.connection import Command, Server
from pynenc_redis.keys import Keys

#: Sets of addresses (see wakeups.py); a process is in one of them at most.
KINDS = ("ready", "picky", "coroutines", "standby")


class Asking(NamedTuple):
    """A mark that is to be made by a step if it finds nothing."""

    kind: str
    #: The mark before, if it was certain, and how many changes of it were made until then.
    before: str | None
    certain: bool
    changes: int


class Mark:
    """The mark of one process."""

    def __init__(self, server: Server, keys: Keys, address: Callable[[], str]) -> None:
        self._server = server
        self._keys = keys
        self._address = address
        self.start_anew()

    def start_anew(self) -> None:
        """Nothing was marked by this process."""
        self._lock = threading.Lock()
        #: What was marked last, and whether the server has just that: nobody took it away or crossed it.
        self._kind: str | None = None
        #: What was ever marked: most processes need two kinds.
        self._used: frozenset[str] = frozenset()
        self._certain = True
        self._changes = 0
        self._local = threading.local()

    def put(self, kind: str | None) -> None:
        """Have the server keep this mark, or none."""
        with self._lock:
            # Who asks for every kind of work must be sure that the mark is there.
            if kind in (None, "coroutines") and kind == self._kind and self._certain:
                return
            commands = self._change(kind)
            changes = self._changes
        if commands:
            self._server.ask(*commands)
        with self._lock:
            self._certain = self._changes == changes

    def put_ahead(self, kind: str) -> None:
        """The same with the next trip of this thread, unless ``take`` comes first."""
        with self._lock:
            before, certain = self._kind, self._certain
            self._server.send_ahead(self._change(kind))
            self._local.asking = Asking(kind, before, certain, self._changes)

    def take(self) -> Asking | None:
        """What this thread was about to send ahead."""
        if not self._server.take_ahead():
            return None
        asking: Asking = self._local.asking
        self._local.asking = None
        return asking

    def packed(self, asking: Asking | None) -> object:
        """As the functions of the server want it."""
        return asking is not None and (asking.kind, self._address(), [k for k in self._used if k != asking.kind])

    def settle(self, asking: Asking | None, *, asked: bool) -> None:
        """A step made the mark, or left the one before as it was."""
        if asking is None:
            return
        with self._lock:
            if self._changes != asking.changes:
                # Another thread changed it meanwhile, and nobody knows what came first.
                self._doubt()
            elif asked:
                self._certain = True
            else:
                self._kind, self._certain = asking.before, asking.certain

    def asks(self) -> bool:
        """Whether the server certainly has a mark for every kind of work."""
        asking: Asking | None = getattr(self._local, "asking", None)
        # With a broker of another product it goes with some later trip, and something may have been queued before.
        sent = asking is not None and self._server.was_ahead_of_a_look()
        with self._lock:
            if asking is not None and sent and asking.changes == self._changes:
                # It went with this thread's look, and nobody was told of work since.
                self._local.asking = None
                self._certain = True
            return self._certain and self._kind in ("ready", "picky")

    def taken_away(self) -> None:
        """Somebody has told this process that there is work, and taken its mark away."""
        with self._lock:
            self._doubt()

    def renewal(self) -> list[Command]:
        """What to say to a server that may have forgotten everything."""
        with self._lock:
            self._doubt()
            return [] if self._kind is None else [("SADD", self._keys(self._kind), self._address())]

    def removal(self) -> list[Command]:
        """What to say at the end."""
        self.start_anew()
        return [("SREM", self._keys(kind), self._address()) for kind in KINDS]

    def _doubt(self) -> None:
        self._changes += 1
        self._certain = False

    def _change(self, kind: str | None) -> list[Command]:
        # All others are taken away: what threads send may arrive in another order than they meant it.
        self._doubt()
        self._kind = kind
        address = self._address()
        commands: list[Command] = [("SREM", self._keys(other), address) for other in self._used if other != kind]
        if kind is not None:
            self._used |= {kind}
            commands.append(("SADD", self._keys(kind), address))
        return commands
