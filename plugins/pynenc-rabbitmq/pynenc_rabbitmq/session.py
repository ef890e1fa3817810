"""What one process has of RabbitMQ: a thread that owns two connections, one to send and one to take.

The client library is not made for several threads, so one thread owns everything and the others ask it. Two
connections, for RabbitMQ stops reading from one that sends while its memory is used up, acknowledgements included.
Both are opened again for ever when they are lost. After a fork the child has nothing: it opens its own.
"""

import asyncio
import atexit
import logging
import os
import sys
import time
import weakref
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any, TypeVar

from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.record import QueueEntry
from pynenc.module_loggers import module_logger
from pynenc_rabbitmq.amqp import Connection, LinkLostError
from pynenc_rabbitmq.arrivals import Arrivals
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.consumer import Consumer
from pynenc_rabbitmq.delivery import Delivery, ack
from pynenc_rabbitmq.directory import Directory
from pynenc_rabbitmq.event_loop import EventLoop
from pynenc_rabbitmq.link import Link
from pynenc_rabbitmq.names import Place
from pynenc_rabbitmq.publisher import BACKLOG_LIMIT, Batch, Publisher
from pynenc_rabbitmq.queued import Queued

_logger = module_logger(__name__)
_Answer = TypeVar("_Answer")

#: A caller waits so long for the first connection, before anything is locked.
FIRST_CONNECTION_SECONDS = 12.0
#: A caller waits so long for a confirmation; then it comes later.
CONFIRM_SECONDS = 10.0
_CLOSE_SECONDS = 5.0
#: Sends follow one another that are no further apart; after so many of them callers leave entries unconfirmed behind
#: them. With more than so many unconfirmed, the next caller waits until all are.
ROW_SECONDS = 0.05
ROW_SENDS = 8
CONFIRM_AHEAD = 500
#: Sends that are no further apart are so many that those of this time go together.
DENSE_SECONDS = 0.002

_TRY_LATER = "Nothing of the call was kept. Try again later"


class Session:
    """The connections of this process, for one application."""

    def __init__(self, conf: ConfigRabbitMq, app_id: str) -> None:
        self._conf = conf
        self._pid = os.getpid()
        logging.getLogger("pika").setLevel(conf.rabbitmq_pika_log_level.upper())
        self.queued = Queued()
        self._publisher = Publisher(conf, app_id, self.queued.add)
        self._directory = Directory(conf, app_id, self._publisher.write)
        self._publisher.announce = self._directory.announce
        self._arrivals = Arrivals()
        self._consumer = Consumer(conf, app_id, self._directory, self._arrivals.tell, self._sent)
        self._loop = EventLoop()
        self._sending = Link(conf, "send", self._sending_opened, self._sending_lost)
        self._sending.on_blocked = self._publisher.blocked
        self._taking = Link(conf, "take", self._taking_opened, self._consumer.lost)
        #: It was connected once: what it is told is right, and the server comes back.
        self._proved = False
        #: It has taken entries: what it pushes is part of work that was accepted already.
        self._works = False
        #: When something was sent last, and how many sends followed one another.
        self._last_send, self._in_row = 0.0, 0
        self._closed = False
        self._keeping = [self._loop.begin(link.keep()) for link in (self._sending, self._taking)]
        _sessions.add(self)
        _close_with_child()

    # -------------------------------------------------------------- connection

    def await_first_connection(self) -> None:
        """Wait until connecting has been tried; to be called before anything is locked."""
        if not self._proved:
            self._taking.tried.wait(FIRST_CONNECTION_SECONDS)
            self._sending.tried.wait(FIRST_CONNECTION_SECONDS)
            self._proved = self._sending.is_up and self._taking.is_up

    def require(self) -> None:
        """Make sure that the server was reached once.

        Raises:
            StoreUnavailableError: it was not.
        """
        self.await_first_connection()
        if not self._proved:
            problem = self._sending.problem or self._taking.problem or "it does not answer"
            raise self._unavailable(
                problem, "Check rabbitmq_host, rabbitmq_port, the credentials and the virtual host, and that it runs"
            )

    def check_accepts(self, count: int) -> None:
        """Refuse what could not be queued, while the step can still be undone.

        A connection that was lost is no reason: the entries wait for the next one, and the ledger knows them.

        Raises:
            StoreUnavailableError: there never was a connection, or the server takes no messages.
        """
        if not self._proved:
            self.require()
        blocked = self._sending.blocked
        if blocked is not None and not self._works:
            raise self._unavailable(
                f"it takes no messages for now ({blocked})", f"{_TRY_LATER}, or give the server more memory or disk"
            )
        backlog = self._publisher.backlog
        if backlog + count > BACKLOG_LIMIT:
            raise self._unavailable(f"{backlog} entries wait for it already", f"{_TRY_LATER}, when it is back")

    # -------------------------------------------------------------------- send

    def send(self, entries: Sequence[QueueEntry], done: Sequence[Delivery]) -> None:
        """Send what was pushed, acknowledge what was popped; waits for confirmations if that is wanted.

        Whoever sends one after the other leaves a few on their way, as hints are: to wait for each would be a trip and
        a write to disk for each, and the ledger has the calls.
        """
        sent: Future[Batch] = Future()

        def send_and_ack() -> None:
            sent.set_result(self._publisher.send(entries))
            ack(done)

        if not entries:
            self._loop.post(send_and_ack)
            return
        gap = self._gap()
        self._publisher.expect(len(entries))
        may_leave = self._in_row > ROW_SENDS and self._publisher.backlog <= CONFIRM_AHEAD
        self._loop.post(send_and_ack, later_seconds=DENSE_SECONDS if may_leave and gap < DENSE_SECONDS else 0.0)
        if may_leave or not self._conf.rabbitmq_confirm_delivery:
            return
        with suppress(FutureTimeoutError):
            batch = sent.result(CONFIRM_SECONDS)
            # Without a connection nobody waits: the ledger has the calls, and the entries follow.
            if self._sending.blocked is None and not batch.settled.wait(CONFIRM_SECONDS) and self._sending.is_up:
                _logger.warning("RabbitMQ has not confirmed %d entries for %.0f s", batch.left, CONFIRM_SECONDS)

    def _gap(self) -> float:
        """Seconds since the send before this one; counts those in a row."""
        now = time.monotonic()
        before, self._last_send = self._last_send, now
        self._in_row = self._in_row + 1 if now - before < ROW_SECONDS else 0
        return now - before

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Put deliveries back to where they were."""
        if deliveries:
            self._loop.post(lambda: self._consumer.take_back(deliveries))

    # -------------------------------------------------------------------- take

    def pop(self, places: Sequence[Place], limit: int) -> list[Delivery]:
        """What these places hold, up to the limit; nothing while there is no connection."""
        self.require()
        self._works = True
        return self._ask(self._consumer.pop(places, limit), [], self.give_back)

    def expect(self, places: Sequence[Place], on_arrival: Callable[[], None]) -> bool:
        """Call ``on_arrival`` when something arrives there, or the connection is back; whether something is there."""
        self._arrivals.tell_to(on_arrival)
        known = self._consumer.is_expecting(places)
        return self._ask(self._consumer.expect(places), otherwise=False) if known is None else known

    def sizes(self) -> dict[Place, int]:
        """How many entries each place holds, as far as is known here."""
        self.require()
        return self._ask(self._consumer.sizes(), {})

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        """The next entries of a queue."""
        self.require()
        return self._ask(self._peek(queue, limit), [])

    def purge(self, queue: str | None) -> None:
        """Empty one queue, or all.

        Raises:
            StoreUnavailableError: there is no connection.
        """
        self.require()
        if not self._ask(self._consumer.purge(queue), otherwise=False):
            raise self._unavailable(self._taking.problem or "it does not answer", "Purge again when it is back")
        self.queued.clear()

    def _ask(
        self,
        question: Coroutine[Any, Any, _Answer],
        otherwise: _Answer,
        undo: Callable[[_Answer], None] = lambda _: None,
    ) -> _Answer:
        try:
            return self._loop.ask(question, otherwise, undo)
        except LinkLostError:
            return otherwise

    async def _sent(self) -> None:
        # It goes by the other connection, and what this process looks for may be on its way there.
        if self._sending.is_up and self._sending.blocked is None:
            await self._publisher.settled()

    async def _peek(self, queue: str, limit: int) -> list[QueueEntry]:
        connection = self._taking.connection
        if connection is None:
            return []
        channel = await connection.channel()
        try:
            return await self._consumer.peek(channel, queue, limit)
        finally:
            await channel.close()

    # ------------------------------------------- on the thread of the loop

    async def _sending_opened(self, connection: Connection) -> None:
        self._publisher.opened(await connection.channel())

    def _sending_lost(self) -> None:
        # A server that comes back may have lost what it had.
        self.queued.clear()
        self._publisher.lost()

    async def _taking_opened(self, connection: Connection) -> None:
        # The marker behind which everything was read goes by the other connection.
        await self._sending.tried_here.wait()
        await self._directory.follow(await connection.channel())
        self._consumer.opened(await connection.channel())

    # --------------------------------------------------------------------- end

    def close(self) -> None:
        """Send what waits, as far as there is a connection, and end the connections. May be repeated."""
        if self._closed or self._pid != os.getpid():
            return
        self._closed = True
        self._arrivals.end()
        if self._sending.is_up:
            self._loop.ask(self._sent(), None)
        self._loop.ask(self._end(), None)
        self._loop.end()

    async def _end(self) -> None:
        for keeping in self._keeping:
            keeping.cancel()
        farewells: list[asyncio.Future[None]] = []
        for link in (self._sending, self._taking):
            if link.connection is not None:
                farewells.append(link.connection.gone)
                link.connection.end("closed")
        if farewells:
            await asyncio.wait(farewells, timeout=_CLOSE_SECONDS / 2)

    def let_go(self) -> None:
        """In a forked child: drop the parent's sockets, without a word to the server."""
        self._loop.let_go()

    def _unavailable(self, why: str, what_to_do: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"RabbitMQ at {self._conf.host}:{self._conf.port} cannot be used: {why}. {what_to_do}."
        )


_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session.let_go()
    _sessions.clear()


def _close_with_child() -> None:
    """Have a child of multiprocessing close its sessions: it ends without atexit."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _at_exit, exitpriority=0)


def _at_exit() -> None:
    for session in list(_sessions):
        session.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
