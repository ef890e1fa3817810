"""One unit of work, put together: what it knows (views.py), what it writes (writes.py), its trips (exchange.py)."""

from collections.abc import Callable, Iterable
from typing import Any

from pynenc.invocation.record import QueueEntry
from pynenc_redis.connection import Command, Server
from pynenc_redis.exchange import Exchange
from pynenc_redis.keys import Keys
from pynenc_redis.views import Hashes, Records, Sets, Strings
from pynenc_redis.writes import Writes


class Session:
    """What is read is watched, what is written is kept back and happens at the end, or nothing.

    Inside a unit its own writes are seen by what reads ``records``, ``sets``, ``hashes`` and ``strings``.
    """

    __slots__ = ("_exchange", "_writes", "arguments", "hashes", "queued", "records", "sets", "strings")

    def __init__(self, server: Server, keys: Keys) -> None:
        self._exchange = exchange = Exchange(server, keys)
        self._writes = writes = Writes(keys)
        self.records = Records(exchange, writes, keys)
        self.sets = Sets(exchange, writes)
        self.hashes = Hashes(exchange, writes)
        self.strings = Strings(exchange, writes)
        #: Entries that the unit has put into queues.
        self.queued: list[QueueEntry] = []
        #: Arguments that the unit has stored.
        self.arguments: dict[str, str] = {}

    def ask(self, *commands: Command, watch: Iterable[str] = ()) -> list[Any]:
        """The replies to any other reads, after these keys are watched; they do not see what this unit writes."""
        return self._exchange.ask(*commands, watch=watch)

    def write(self, *command: Any) -> None:
        """Any other write; it is not seen by reads of this unit."""
        self._writes.add(*command)

    def call(self, function: str, *args: Any) -> None:
        """Call a function of the library at the end."""
        self._writes.call(function, *args)

    def delete(self, *keys: str) -> None:
        """Remove keys of any kind but records."""
        if keys:
            self._writes.add("DEL", *keys)
            for key in keys:
                self.sets.forget(key)
                self.hashes.forget(key)
                self.strings.forget(key)

    def undo_by(self, action: Callable[[], None]) -> None:
        """Call it when nothing came of the unit."""
        self._exchange.undo.append(action)

    def commit(self) -> None:
        """Write everything.

        Raises:
            UnitConflict: nothing was written, for something that was read has changed.
            StoreUnavailableError: the server does not answer, or refuses.
        """
        self._exchange.commit(self._writes.commands())

    def rollback(self) -> None:
        """Nothing comes of it."""
        self._exchange.rollback()
