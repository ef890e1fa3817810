"""Wake-ups over Redis: each process that listens has a channel, and one thread that blocks in reading it.

Its keys, behind the application's prefix:

    ready, picky, coroutines, standby   set      addresses that are to be told of work (lua/wakeups.lua)
    followed                            string   there if somebody ever was on standby
    waiting                             set      addresses at which somebody waits for invocations to change
    inbox:<address>                     channel  what a process is told: ids, one in a line; "+" says there is work
    kept                                string   made up once; who finds another one knows that the data are others

Marks of processes that died stay until somebody tells them something: nobody receives it, and the mark goes.
"""

import os
import secrets
import socket
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pynenc.exceptions import StoreUnavailableError
from pynenc.module_loggers import module_logger
from pynenc.ports.wakeups import Wakeups
from pynenc_redis.connection import Command, Server
from pynenc_redis.failures import is_outage, translated
from pynenc_redis.functions import function_name
from pynenc_redis.keys import Keys
from pynenc_redis.mapping import pack
from pynenc_redis.marks import Mark

WORK = "+"

#: After so long without a message the server is asked whether it is still there.
SILENCE_SECONDS = 30.0
#: Between attempts to connect again, at first and at most.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
CLOSE_WAIT_SECONDS = 5.0

_logger = module_logger(__name__)


class RedisWakeups(Wakeups):
    """Hints between the processes of one application."""

    can_wake: bool = True

    def __init__(self, server: Server, keys: Keys) -> None:
        self._server = server
        self._keys = keys
        #: What this process may be told of.
        self.mark = Mark(server, keys, lambda: self._address)
        self._start_anew()
        _wakeups_of_this_process.add(self)

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        #: Held while the mark of those who wait is changed.
        self._mark_lock = threading.Lock()
        self._address = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._listener: threading.Thread | None = None
        self._connection: Any = None
        self._closing = threading.Event()
        self._on_message: Callable[[Sequence[str]], None] | None = None
        self._on_work: Callable[[], None] | None = None
        self.mark.start_anew()
        #: It follows work as one on standby, and has said so.
        self._follows = False
        #: Whether somebody waits here, and whether the server has been told so.
        self._waiting = False
        self._marked_waiting = False
        #: What the server has at ``kept``.
        self._kept: bytes | None = None

    def address(self) -> str | None:
        return self._address

    def listen(self, on_message: Callable[[Sequence[str]], None], on_work: Callable[[], None]) -> None:
        with self._lock:
            self._on_message, self._on_work = on_message, on_work
            if self._listener is None:
                self._closing.clear()
                self._connection = self._subscribed()
                self._look_whether_kept()
                self._listener = threading.Thread(target=self._receive, name="pynenc-wakeups", daemon=True)
                self._listener.start()

    # ----------------------------------------------------------------- marks

    def set_waiting(self, waiting: bool) -> None:
        self._waiting = waiting
        # The mark is taken away when a message comes that nobody waits for: a trip less for each wait.
        if waiting and not self._marked_waiting:
            with self._mark_lock:
                self._mark_waiting()

    def _mark_waiting(self) -> None:
        # Without the server nobody is told anything; the mark is renewed with the connection.
        with suppress(StoreUnavailableError):
            self._server.ask(("SADD", self._keys("waiting"), self._address))
            self._marked_waiting = True

    def _unmark_waiting(self) -> None:
        with self._mark_lock:
            if self._marked_waiting:
                self._marked_waiting = False
                self._server.ask(("SREM", self._keys("waiting"), self._address))
            if self._waiting:
                # Somebody has begun to wait meanwhile, and may have seen the mark.
                self._mark_waiting()

    def set_idle(self, idle: bool, *, picky: bool = False, coroutines_only: bool = False) -> None:
        self.mark.put(("coroutines" if coroutines_only else "picky" if picky else "ready") if idle else None)

    def ask_ahead(self, *, picky: bool = False) -> None:
        self.mark.put_ahead("picky" if picky else "ready")

    def asks(self) -> bool:
        return self.mark.asks()

    def set_standby(self, standby: bool) -> None:
        if standby and not self._follows:
            # Never taken away: who has read it may send work after the next look of one on standby.
            self._server.ask(("SET", self._keys("followed"), "1"))
        self._follows = self._follows or standby
        self.mark.put("standby" if standby else None)

    # --------------------------------------------------------------- telling

    def wake_workers(self, count: int, *, coroutines: bool = False) -> int:
        if count <= 0:
            return 0
        [told] = self._server.ask(self._fcall("wake", count, int(coroutines)))
        return int(told)

    def notify(self, messages: Mapping[str, Sequence[str]]) -> int:
        if not messages:
            return 0
        lines = [(address, "\n".join(ids)) for address, ids in messages.items()]
        [told] = self._server.ask(self._fcall("notify", pack(lines)))
        return int(told)

    def _fcall(self, function: str, *args: Any) -> tuple[Any, ...]:
        return ("FCALL", function_name(function), 1, self._keys.prefix, *args)

    # ------------------------------------------------------------- receiving

    def _subscribed(self) -> Any:
        # The server may go between the two; the second connection waits until it is back.
        for tries_left in (1, 0):
            connection = self._server.connect()
            try:
                connection.send_command("SUBSCRIBE", self._keys("inbox", self._address), check_health=False)
                connection.read_response()
            except (RedisError, OSError) as error:
                self._server.drop(connection)
                if not tries_left or not is_outage(error):
                    raise translated(self._server.location, error) from error
            else:
                return connection
        raise AssertionError("one of the two returns or raises")

    def _receive(self) -> None:
        """Read what others say, until this inbox is given up."""
        connection = self._connection
        try:
            while not self._closing.is_set():
                try:
                    text = self._next(connection)
                except (RedisError, OSError) as error:
                    if self._closing.is_set():
                        return
                    self._server.drop(connection)
                    connection = self._connect_again(error)
                    if connection is None:
                        return
                    # Whatever was said meanwhile is lost.
                    self._call_back([], look_at_everything=True)
                    continue
                if text is not None:
                    self._call_back(text.split("\n"), look_at_everything=False)
        finally:
            if connection is not None:
                self._server.drop(connection)

    def _next(self, connection: Any) -> str | None:
        """The next message; None after a silence in which the server turned out to be there."""
        try:
            reply: Any = connection.read_response(timeout=SILENCE_SECONDS, disconnect_on_error=False)
        except RedisTimeoutError:
            connection.send_command("PING", check_health=False)
            reply = connection.read_response(disconnect_on_error=True)
        if reply and reply[0] == b"message":
            message: bytes = reply[2]
            return message.decode()
        return None

    def _connect_again(self, error: BaseException) -> Any:
        _logger.warning(
            "Process %d lost the Redis server %s, over which it is woken (%s). It connects again.",
            os.getpid(),
            self._server.location,
            error,
        )
        pause = FIRST_PAUSE_SECONDS
        while not self._closing.wait(pause):
            try:
                connection = self._subscribed()
            except StoreUnavailableError:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            with self._lock:
                self._connection = connection
            self._renew_marks()
            self._look_whether_kept()
            _logger.info("Process %d is connected to the Redis server %s again.", os.getpid(), self._server.location)
            return connection
        return None

    def _renew_marks(self) -> None:
        """The server may have forgotten them."""
        marked = self._waiting or self._marked_waiting
        commands: list[Command] = [("SADD", self._keys("waiting"), self._address)] if marked else []
        commands += self.mark.renewal()
        if self._follows:
            commands.append(("SET", self._keys("followed"), "1"))
        try:
            if commands:
                self._server.ask(*commands)
                self._marked_waiting = marked
        except StoreUnavailableError:
            return

    def _look_whether_kept(self) -> None:
        """Say so if the server has come back without what it was told."""
        with suppress(StoreUnavailableError):
            made_up = secrets.token_hex(8).encode()
            [present] = self._server.ask(("SET", self._keys("kept"), made_up, "NX", "GET"))
            before, self._kept = self._kept, present or made_up
            if before not in (None, self._kept):
                _logger.error(
                    "The Redis server %s has lost the data of application %s: it was restarted without its files, "
                    "emptied, or replaced by one that has others. All invocations, results, queues, workflows and "
                    "events from before are gone: whoever waits for one is told that it is not found, and what is "
                    "still running is not published. Runners enter themselves and their triggers again; schedules "
                    "start anew. Have the server keep its data (appendonly yes) if that must not happen.",
                    self._server.location,
                    self._keys.app_id,
                )

    def _call_back(self, lines: list[str], *, look_at_everything: bool) -> None:
        ids = [line for line in lines if line and line != WORK]
        if WORK in lines:
            self.mark.taken_away()
        try:
            if ids and not self._waiting:
                self._unmark_waiting()
            if self._on_message is not None and (ids or look_at_everything):
                self._on_message(ids)
            if self._on_work is not None and (WORK in lines or look_at_everything):
                self._on_work()
        except Exception:
            # A process that went deaf would be slow from then on; a hint that is lost costs it a moment.
            _logger.exception("Process %d was woken, but could not act on it: an error in pynenc.", os.getpid())

    # --------------------------------------------------------------- the end

    def close(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            connection, self._connection = self._connection, None
        if listener is None:
            return
        self._closing.set()
        # Marks that stay find nobody.
        self._server.try_ask(("SREM", self._keys("waiting"), self._address), *self.mark.removal())
        self._marked_waiting = False
        _interrupt(connection)
        if listener is not threading.current_thread():
            listener.join(CLOSE_WAIT_SECONDS)

    def leave_to_parent(self) -> None:
        """Forget, in a child that was just forked, what belongs to its parent."""
        self._start_anew()


def _interrupt(connection: Any) -> None:
    """Have a read of another thread return."""
    sock = getattr(connection, "_sock", None)
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


#: A fork concerns all wake-ups of the process, whoever made them.
_wakeups_of_this_process: "weakref.WeakSet[RedisWakeups]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for wakeups in list(_wakeups_of_this_process):
        wakeups.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork_in_child)
