"""The way to the server: connections, and many commands in one trip.

The driver (redis-py) makes connections, speaks TLS, asks sentinels and parses replies. Its pool and its client are left
out: they cost as much for each command as the server does.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
import redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from pynenc_redis.failures import is_outage, is_refusal, translated
from pynenc_redis.functions import library

#: Between attempts to connect again, at first and at most; the first thread that gets through wakes the others.
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0
#: Before a server is asked again that is there and refuses: a replica that is about to become the primary.
REFUSED_PAUSE_SECONDS = 0.2
#: How long one is waited for that was never reached: an address that is wrong should be told soon.
FIRST_REACH_SECONDS = 1.0

#: A command: its name and its arguments.
Command = Sequence[Any]

# The driver has no full types for it.
_pack_command: Callable[[tuple[Any, ...]], bytes] = getattr(hiredis, "pack_command")  # noqa: B009 - checkers know it

#: What the server says of a function that it does not know (any more).
_UNKNOWN_FUNCTION = "Function not found"


class Server:
    """Connections to one server, each used by one thread at a time.

    A server that was there and is gone is waited for: it is being restarted, or another takes its place. Whoever never
    reached it is told at once.
    """

    def __init__(
        self, make_pool: Callable[[], redis.ConnectionPool], location: str, outage_seconds: float, kept: int
    ) -> None:
        """``make_pool`` makes the driver's factory of connections; called once for each process.

        ``kept``: how many connections stay open while nobody uses them.
        """
        self.location = location
        self._outage_seconds = outage_seconds
        self._kept = kept
        self._make_pool = make_pool
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._pool: redis.ConnectionPool | None = None
        self._free: list[Any] = []
        self._pid = os.getpid()
        self._reached = False
        #: Nobody could connect when it was tried last; told when somebody can again.
        self._away = False
        self._returned = threading.Condition()
        self._token = secrets.token_hex(8)
        #: What each thread sends with its next trip.
        self._ahead = threading.local()
        #: Since when units come to nothing for want of the server.
        self._trouble_since: float | None = None

    def _heed_fork(self) -> None:
        if os.getpid() != self._pid:
            # It has copied the connections, and two processes would read each other's replies.
            self._forget()

    @property
    def token(self) -> str:
        """Names this process where the server keeps what it answered last."""
        self._heed_fork()
        return self._token

    def take(self) -> Any:
        """A connection for this thread; to be given back or dropped."""
        self._heed_fork()
        try:
            return self._free.pop()
        except IndexError:
            return self.connect()

    def connect(self) -> Any:
        """A new connection.

        Raises:
            StoreUnavailableError: the server does not answer in time, or refuses.
        """
        self._heed_fork()
        deadline = time.monotonic() + (self._outage_seconds if self._reached else FIRST_REACH_SECONDS)
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                connection = self._connect()
            except (RedisError, OSError) as error:
                left = deadline - time.monotonic()
                if left <= 0 or not is_outage(error):
                    raise translated(self.location, error) from error
                self._pause(min(pause, left), away=True)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._reached = True
                self._announce_return()
                return connection

    def _pause(self, seconds: float, *, away: bool = False) -> None:
        """Wait for the server, no longer than this."""
        with self._returned:
            # Under the lock: whoever finds it true and tells us, tells us who wait.
            self._away = self._away or away
            self._returned.wait(seconds)

    def _announce_return(self) -> None:
        if self._away:
            with self._returned:
                self._away = False
                self._returned.notify_all()

    def _connect(self) -> Any:
        with self._lock:
            if self._pool is None:
                self._pool = self._make_pool()
            connection: Any = self._pool.make_connection()
        try:
            connection.connect()
            _bring_library(connection)
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def give_back(self, connection: Any) -> None:
        """Another thread may use it."""
        if len(self._free) < self._kept:
            self._free.append(connection)
        else:
            self.drop(connection)

    @staticmethod
    def drop(connection: Any) -> None:
        """Close it: nobody knows what is still to be read from it."""
        connection.disconnect()

    def close(self) -> None:
        """Close what nobody uses."""
        while self._free:
            self.drop(self._free.pop())

    def wait_out(self, error: BaseException) -> None:
        """A unit was broken off by this error: return when it may begin again.

        Raises:
            StoreUnavailableError: the error will not pass, or the outage lasts for too long.
        """
        now = time.monotonic()
        since = now if self._trouble_since is None else self._trouble_since
        if not is_outage(error) or now - since > self._outage_seconds:
            self._trouble_since = None
            raise translated(self.location, error) from error
        self._trouble_since = since
        self.close()
        if is_refusal(error):
            self._pause(REFUSED_PAUSE_SECONDS)
        self.give_back(self.connect())

    def in_order(self) -> None:
        """A unit came to its end."""
        self._trouble_since = None

    # ---------------------------------------------------------------- trips

    def ask(self, *commands: Command) -> list[Any]:
        """The replies to commands, in one trip; they may be repeated if the connection is lost.

        Raises:
            StoreUnavailableError: the server does not answer, or refuses.
        """
        deadline = time.monotonic() + self._outage_seconds
        pause = 0.0
        while True:
            connection = self.take()
            try:
                replies = self.exchange(connection, commands)
            except (RedisError, OSError) as error:
                self.drop(connection)
                # Those that lay ready were lost with it, as a rule.
                self.close()
                if not is_outage(error) or time.monotonic() > deadline:
                    raise translated(self.location, error) from error
                # At once if it was only the connection; a server that accepts and refuses is given time.
                self._pause(pause)
                pause = min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
                continue
            except BaseException:
                self.drop(connection)
                raise
            self.give_back(connection)
            return self.checked(replies)

    def try_ask(self, *commands: Command) -> None:
        """Send commands, and do not mind if nobody is there."""
        if not self._free:
            return
        connection = self.take()
        try:
            self.exchange(connection, commands)
        except (RedisError, OSError):
            self.drop(connection)
        else:
            self.give_back(connection)

    def send_ahead(self, commands: Sequence[Command]) -> None:
        """Have commands go ahead of the next trip of this thread, in place of others; nobody reads the replies."""
        self._ahead.commands = commands
        self._ahead.sent = False

    def went_ahead(self) -> bool:
        """Whether what this thread last had go ahead was done."""
        return getattr(self._ahead, "sent", False)

    def exchange(self, connection: Any, commands: Sequence[Command]) -> list[Any]:
        """Send commands and read the replies; errors that the server replies are among them.

        Raises:
            RedisError: the connection is lost, or the server cannot serve it now.
            OSError: the same.
        """
        ahead = getattr(self._ahead, "commands", None)
        if ahead:
            replies = _exchange(connection, (*ahead, *commands))
            self._ahead.sent = not any(isinstance(reply, RedisError) for reply in replies[: len(ahead)])
            self._ahead.commands = None
            replies = replies[len(ahead) :]
        else:
            replies = _exchange(connection, commands)
        unknown = False
        for reply in replies:
            if isinstance(reply, RedisError):
                if is_outage(reply):
                    raise reply
                unknown = unknown or _is_unknown_function(reply)
        if unknown:
            # Somebody has removed it: what needs it has not happened. In a transaction it cannot be noticed in time.
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
    # The driver's own packing ends there, too, and takes three times as long.
    packed = b"".join([_pack_command(tuple(command)) for command in commands])
    connection.send_packed_command((packed,), check_health=False)
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


def _is_unknown_function(reply: RedisError) -> bool:
    return isinstance(reply, NoScriptError) or (isinstance(reply, ResponseError) and _UNKNOWN_FUNCTION in str(reply))
