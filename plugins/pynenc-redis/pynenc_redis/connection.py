"""The way to the server: connections, and many commands in one trip.

The driver (redis-py) makes connections, speaks TLS, asks sentinels and parses replies. Its pool and its client are left
out: they cost as much for each command as the server does.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pynenc_redis.failures import translated
from pynenc_redis.functions import library

#: A command: its name and its arguments.
Command = Sequence[Any]

#: What the server says of a function that it does not know (any more).
_UNKNOWN_FUNCTION = "Function not found"


class Server:
    """Connections to one server, each used by one thread at a time."""

    def __init__(self, make_pool: Callable[[], redis.ConnectionPool], location: str) -> None:
        """``make_pool`` makes the driver's factory of connections; called once for each process."""
        self.location = location
        self._make_pool = make_pool
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._pool: redis.ConnectionPool | None = None
        self._free: list[Any] = []
        self._pid = os.getpid()

    def take(self) -> Any:
        """A connection for this thread; to be given back or dropped."""
        if os.getpid() != self._pid:
            # A fork has copied them, and two processes would read each other's replies.
            self._forget()
        try:
            return self._free.pop()
        except IndexError:
            return self.connect()

    def connect(self) -> Any:
        """A new connection.

        Raises:
            StoreUnavailableError: the server does not answer, or refuses.
        """
        with self._lock:
            if self._pool is None:
                self._pool = self._make_pool()
            connection: Any = self._pool.make_connection()
        try:
            connection.connect()
            _bring_library(connection)
        except (RedisError, OSError) as error:
            raise translated(self.location, error) from error
        return connection

    def give_back(self, connection: Any) -> None:
        """Another thread may use it."""
        self._free.append(connection)

    @staticmethod
    def drop(connection: Any) -> None:
        """Close it: nobody knows what is still to be read from it."""
        connection.disconnect()

    def close(self) -> None:
        """Close what nobody uses."""
        while self._free:
            self.drop(self._free.pop())

    # ---------------------------------------------------------------- trips

    def ask(self, *commands: Command) -> list[Any]:
        """The replies to commands, in one trip; they may be repeated if the connection is lost.

        Raises:
            StoreUnavailableError: the server does not answer, or refuses.
        """
        connection = self.take()
        try:
            replies = self.exchange(connection, commands)
        except (RedisConnectionError, RedisTimeoutError, OSError):
            self.drop(connection)
            connection = self.connect()
            try:
                replies = self.exchange(connection, commands)
            except (RedisError, OSError) as error:
                self.drop(connection)
                raise translated(self.location, error) from error
        except BaseException:
            self.drop(connection)
            raise
        self.give_back(connection)
        return self.checked(replies)

    def exchange(self, connection: Any, commands: Sequence[Command]) -> list[Any]:
        """Send commands and read the replies; errors that the server replies are among them."""
        replies = _exchange(connection, commands)
        if any(_is_unknown_function(reply) for reply in replies):
            # The server was restarted without its file, or another one took its place. Nothing of a command that
            # needs the library has happened; the others are reads, or parts of a transaction that was refused.
            _bring_library(connection)
            replies = _exchange(connection, commands)
        return replies

    def checked(self, replies: list[Any]) -> list[Any]:
        """The replies, if none of them is an error."""
        for reply in replies:
            if isinstance(reply, RedisError):
                raise translated(self.location, reply) from reply
        return replies


def _exchange(connection: Any, commands: Sequence[Command]) -> list[Any]:
    connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    return [_read(connection) for _ in commands]


def _bring_library(connection: Any) -> None:
    """Have the server know our functions: asked for at each connection, for a restart ends all of them.

    In a transaction it would be too late: the rest of it would be done.
    """
    name, source = library()
    [known] = _exchange(connection, [("FUNCTION", "LIST", "LIBRARYNAME", name)])
    if not known or isinstance(known, RedisError):
        [loaded] = _exchange(connection, [("FUNCTION", "LOAD", "REPLACE", source)])
        if isinstance(loaded, RedisError):
            raise loaded


def _read(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _is_unknown_function(reply: object) -> bool:
    return isinstance(reply, NoScriptError) or (isinstance(reply, ResponseError) and _UNKNOWN_FUNCTION in str(reply))
