"""The mark by which a process asks to be told of work: kept on the server, and known here as far as that is possible.

A worker asks before it looks for work, and takes the mark back when it has found some: two trips around each look. So a
mark is sent along with the look, ahead of it. What need not be written is not written, where this process knows what
the server has.
"""

import threading
from collections.abc import Callable

from pynenc_redis.connection import Command, Server
from pynenc_redis.keys import Keys

#: Sets of addresses (see wakeups.py); a process is in one of them at most.
KINDS = ("ready", "picky", "coroutines", "standby")


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
        #: By thread: how many changes there were with what it had go ahead.
        self._local = threading.local()

    def put(self, kind: str | None) -> None:
        """Have the server keep this mark, or none."""
        with self._lock:
            if kind == self._kind and self._certain:
                return
            commands = self._change(kind)
            changes = self._changes
        if commands:
            self._server.ask(*commands)
        with self._lock:
            self._certain = self._changes == changes

    def put_ahead(self, kind: str) -> None:
        """The same with the next trip of this thread."""
        with self._lock:
            self._server.send_ahead(self._change(kind))
            self._local.ahead = self._changes

    def asks(self) -> bool:
        """Whether the server certainly has a mark for every kind of work."""
        sent = self._server.went_ahead()
        with self._lock:
            if sent and getattr(self._local, "ahead", None) == self._changes:
                # It went ahead of this thread's look, and nobody was told of work since.
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
