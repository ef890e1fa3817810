"""The way of one unit to the server: reads under WATCH, then everything it writes in one transaction, or nothing.

The server has no locks that a dead client would hold. A unit reads what it needs under WATCH, decides, and sends its
writes in one transaction (MULTI, EXEC), which the server refuses if another client has changed anything of what was
read. Then the unit ends with ``UnitConflict``, and whoever opened it begins again.

An answer may be lost on its way. So each transaction leaves a mark of its own, by which it is found out afterwards
whether it was done.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, NoReturn

from redis.exceptions import RedisError

from pynenc.exceptions import StoreUnavailableError
from pynenc.ports.backend import UnitConflict
from pynenc_redis.connection import Command, Server
from pynenc_redis.failures import translated
from pynenc_redis.keys import Keys

#: How long the server remembers the last unit of a thread: longer than any outage is waited for.
MARK_SECONDS = 600

#: What the marks of this process say: no two of its transactions have the same.
_numbers = count(1)


class Exchange:
    """One connection, from the first read of a unit to its end."""

    __slots__ = ("_connection", "_failed", "_keys", "_server", "_watched", "undo")

    def __init__(self, server: Server, keys: Keys) -> None:
        self._server = server
        self._keys = keys
        self._connection: Any = None
        self._watched: set[str] = set()
        #: The connection is lost, and with it what was watched: nothing can come of the unit any more.
        self._failed = False
        #: Called when nothing came of the unit, the last one first.
        self.undo: list[Callable[[], None]] = []

    # ---------------------------------------------------------------- reading

    def ask(self, *commands: Command, watch: Iterable[str] = ()) -> list[Any]:
        """The replies to reads, after these keys are watched.

        Raises:
            UnitConflict: the connection was lost, and is back.
            StoreUnavailableError: the server does not answer, or refuses.
        """
        if self._failed:
            raise UnitConflict
        if self._connection is None:
            self._connection = self._server.take()
        fresh = [key for key in watch if key not in self._watched]
        if fresh:
            self._watched.update(fresh)
            commands = (("WATCH", *fresh), *commands)
        try:
            replies = self._server.exchange(self._connection, commands)
        except (RedisError, OSError) as error:
            self._lose()
            self._begin_again_after(error)
        except BaseException:
            # Interrupted in the middle: nobody knows what is still to be read from it.
            self._lose()
            raise
        return self._server.checked(replies)[1 if fresh else 0 :]

    # ---------------------------------------------------------------- the end

    def commit(self, commands: Sequence[Command]) -> None:
        """Write everything.

        Raises:
            UnitConflict: nothing was written, for something that was read has changed.
            StoreUnavailableError: the server does not answer, or refuses.
        """
        if self._failed:
            # Somebody has gone on after an error: with what was read, but is not watched any more.
            self._come_to_nothing()
            raise UnitConflict
        if not commands:
            self._close()
            self._server.in_order()
            return
        replies = self._transact(commands)
        if replies is not None:
            self._server.in_order()
            self._conclude(replies)

    def _transact(self, commands: Sequence[Command]) -> list[Any] | None:
        """The replies to a transaction; None: it was done, only they were lost."""
        if self._connection is None:
            self._connection = self._server.take()
        mark, value = self._mark_key(), b"%d" % next(_numbers)
        try:
            step = [("MULTI",), *commands, ("SET", mark, value, "EX", MARK_SECONDS), ("EXEC",)]
            return self._server.exchange(self._connection, step)
        except (RedisError, OSError) as error:
            self._lose()
            self._server.close()
            [present] = self._server.ask(("GET", mark))
            if present == value:
                return None
            self._come_to_nothing()
            self._begin_again_after(error)
        except BaseException:
            self._lose()
            raise

    def _conclude(self, replies: Sequence[Any]) -> None:
        """What became of a transaction that the server has answered."""
        outcome = replies[-1]
        if isinstance(outcome, RedisError):
            self._lose()
            self._come_to_nothing()
            refused = next((reply for reply in replies if isinstance(reply, RedisError)), outcome)
            raise translated(self._server.location, refused) from refused
        if outcome is None:
            self._close()
            self._come_to_nothing()
            raise UnitConflict
        self._watched.clear()
        if any(isinstance(reply, RedisError) for reply in outcome):
            # Somebody has removed our functions, or it is an error of ours: new connections bring the functions again.
            self._lose()
            self._server.close()
        self._close()
        self._server.checked(outcome)

    def _mark_key(self) -> str:
        """Where the server keeps which unit of this thread was the last one done."""
        return self._keys("last", f"{self._server.token}-{threading.get_ident()}")

    def rollback(self) -> None:
        """Nothing comes of it."""
        self._close()
        self._come_to_nothing()

    # --------------------------------------------------------- the connection

    def _begin_again_after(self, error: BaseException) -> NoReturn:
        """The connection is lost, and with it what was watched; nothing has been written."""
        self._server.wait_out(error)
        raise UnitConflict from error

    def _lose(self) -> None:
        """Give the connection up; what is to be undone waits for the end, for it may need a unit of its own."""
        self._failed = True
        if self._connection is not None:
            self._server.drop(self._connection)
            self._connection = None

    def _come_to_nothing(self) -> None:
        while self.undo:
            # Hints, which the sweep replaces.
            with suppress(StoreUnavailableError):
                self.undo.pop()()

    def _close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        if self._watched:
            self._watched.clear()
            try:
                self._server.exchange(connection, [("UNWATCH",)])
            except (RedisError, OSError):
                self._server.drop(connection)
                return
            except BaseException:
                self._server.drop(connection)
                raise
        self._server.give_back(connection)
