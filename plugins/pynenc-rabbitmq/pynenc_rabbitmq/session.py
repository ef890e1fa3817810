"""What one process has of RabbitMQ: a thread that owns two connections, one to send and one to take.

The client library is not made for several threads, so one thread owns everything and the others ask it. Two
connections, for RabbitMQ stops reading from one that sends while its memory is used up, acknowledgements included.
Both are opened again for ever when they are lost. After a fork the child has nothing: it opens its own.
"""

import asyncio
import logging
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.record import QueueEntry
from pynenc.module_loggers import module_logger
from pynenc_rabbitmq import amqp
from pynenc_rabbitmq.amqp import Connection, LinkLostError
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.consumer import Consumer, Delivery
from pynenc_rabbitmq.directory import Directory
from pynenc_rabbitmq.publisher import BACKLOG_LIMIT, Batch, Publisher

_logger = module_logger(__name__)
_Answer = TypeVar("_Answer")

#: A step waits so long for an answer, then it goes on without: the ledger's lock may be held meanwhile.
STEP_SECONDS = 5.0
#: A caller waits so long for the first connection, before anything is locked.
FIRST_CONNECTION_SECONDS = 12.0
#: A caller waits so long for a confirmation; then it comes later.
CONFIRM_SECONDS = 10.0
_CLOSE_SECONDS = 5.0


class _Loop(asyncio.SelectorEventLoop):
    """Remembers its file descriptors, so that a forked child can let go of them without a word to the server."""

    def __init__(self) -> None:
        self.descriptors: set[int] = set()
        super().__init__()

    def _add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:
        self.descriptors.add(fd if isinstance(fd, int) else fd.fileno())
        return super()._add_reader(fd, callback, *args)  # type: ignore[misc]


class Link:
    """One connection that is opened again for ever."""

    def __init__(
        self, conf: ConfigRabbitMq, use: str, opened: Callable[[Connection], Awaitable[None]], lost: Callable[[], None]
    ) -> None:
        self._conf = conf
        self._use = use
        self._opened = opened
        self._lost = lost
        self.is_up = False
        #: Set once the first try has come to an end.
        self.tried = threading.Event()
        #: Why there is no connection.
        self.problem: str | None = None
        #: Why the server takes no messages now.
        self.blocked: str | None = None
        self.connection: Connection | None = None

    async def keep(self) -> None:
        """Open it, and open it again whenever it is lost."""
        conf = self._conf
        pause = conf.rabbitmq_retry_initial_delay
        while True:
            try:
                self.connection = await amqp.connect(amqp.parameters(conf), self._set_blocked)
                await self._opened(self.connection)
            except Exception as error:  # noqa: BLE001 - design law 10: whatever happens, it is tried again
                self._trouble(str(error))
                if self.connection is not None:
                    self.connection.end(str(error))
            else:
                if self.problem is not None:
                    _logger.info("RabbitMQ at %s:%d is reached again, to %s", conf.host, conf.port, self._use)
                self.problem, self.is_up = None, True
                pause = conf.rabbitmq_retry_initial_delay
                self.tried.set()
                reason = await self.connection.closed
                self.is_up = False
                self._lost()
                self._trouble(reason)
            self.connection, self.blocked = None, None
            self.tried.set()
            await asyncio.sleep(pause)
            pause = min(pause * conf.rabbitmq_retry_exponential_base, conf.rabbitmq_retry_max_delay)

    def _trouble(self, reason: str) -> None:
        if self.problem is None:
            _logger.warning(
                "There is no connection to RabbitMQ at %s:%d to %s (%s); it is tried again for ever",
                self._conf.host,
                self._conf.port,
                self._use,
                reason,
            )
        self.problem = reason

    def _set_blocked(self, reason: str | None) -> None:
        self.blocked = reason
        if reason is not None:
            _logger.warning("RabbitMQ at %s:%d takes no messages: %s", self._conf.host, self._conf.port, reason)


class Session:
    """The connections of this process, for one application."""

    def __init__(self, conf: ConfigRabbitMq, app_id: str) -> None:
        self.conf = conf
        self.publisher = Publisher(conf, app_id)
        directory = Directory(conf, app_id, self.publisher.write)
        self.publisher.announce = directory.announce
        self.consumer = Consumer(conf, app_id, directory)
        self._directory = directory
        self._sending = Link(conf, "send", self._sending_opened, self.publisher.lost)
        self._taking = Link(conf, "take", self._taking_opened, self.consumer.lost)
        #: It was connected once: what it is told is right, and the server comes back.
        self.proved = False
        #: It has taken entries: what it pushes is part of work that was accepted already.
        self.works = False
        self._loop = _Loop()
        self._links: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._run, name="pynenc-rabbitmq", daemon=True)
        self._closed = False
        logging.getLogger("pika").setLevel(conf.rabbitmq_pika_log_level.upper())
        _sessions.add(self)
        self._thread.start()

    # ------------------------------------------------- from any thread

    def await_first_connection(self) -> None:
        """Wait until connecting has been tried; to be called before anything is locked."""
        if not self.proved:
            self._taking.tried.wait(FIRST_CONNECTION_SECONDS)
            self._sending.tried.wait(FIRST_CONNECTION_SECONDS)
            self.proved = self._sending.is_up and self._taking.is_up

    def check_accepts(self, count: int) -> None:
        """Refuse what could not be queued, while the step can still be undone.

        A connection that was lost is no reason: the entries wait for the next one, and the ledger knows them.

        Raises:
            StoreUnavailableError: there never was a connection, or the server takes no messages.
        """
        if not self.proved:
            self.require()
        blocked = self._sending.blocked
        if blocked is not None and not self.works:
            raise self._unavailable(
                f"it takes no messages for now ({blocked})",
                "Nothing of the call was kept; try again later, or give the server more memory or disk.",
            )
        if self.publisher.backlog + count > BACKLOG_LIMIT:
            raise self._unavailable(
                f"there is no connection, and {self.publisher.backlog} entries wait for one already",
                "Nothing of the call was kept; try again when the server is back.",
            )

    def require(self) -> None:
        """Make sure that the server was reached once.

        Raises:
            StoreUnavailableError: it was not.
        """
        self.await_first_connection()
        if not self.proved:
            problem = self._sending.problem or self._taking.problem or "it does not answer"
            raise self._unavailable(
                problem, "Check rabbitmq_host, rabbitmq_port, the credentials and the virtual host, and that it runs."
            )

    def send(self, entries: Sequence[QueueEntry], done: Sequence[Delivery]) -> None:
        """Send what was pushed, acknowledge what was popped; waits for confirmations if that is wanted."""
        sent: Future[Batch] = Future()

        def send_and_ack() -> None:
            sent.set_result(self.publisher.send(entries))
            for delivery in done:
                delivery.ack()

        self._post(send_and_ack)
        if entries and self.conf.rabbitmq_confirm_delivery:
            try:
                batch = sent.result(CONFIRM_SECONDS)
            except FutureTimeoutError:
                return
            # While there is no connection nobody waits: the ledger has the call, and the entry follows.
            while self._sending.is_up and not self._sending.blocked:
                if batch.confirmed.wait(CONFIRM_SECONDS):
                    return
                _logger.warning("RabbitMQ has not confirmed %d entries for %.0f s", batch.left, CONFIRM_SECONDS)
                return

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Put deliveries back to where they were."""
        if deliveries:
            self._post(lambda: [delivery.give_back() for delivery in deliveries])

    def ask(self, question: Coroutine[Any, Any, _Answer], otherwise: _Answer) -> _Answer:
        """Have the thread of the connections do something; without a connection, or in time, the other answer."""
        try:
            future = asyncio.run_coroutine_threadsafe(question, self._loop)
        except RuntimeError:
            question.close()  # The session is closed.
            return otherwise
        try:
            return future.result(STEP_SECONDS)
        except LinkLostError:
            return otherwise
        except FutureTimeoutError:
            future.cancel()
            return otherwise

    async def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        """The next entries of a queue."""
        connection = self._taking.connection
        if connection is None:
            return []
        channel = await connection.channel()
        try:
            return await self.consumer.peek(channel, queue, limit)
        finally:
            await channel.close()

    def _post(self, action: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            pass  # The session is closed: the sweep finds what was to be queued.

    def close(self) -> None:
        """Send what waits, as far as there is a connection, and end the connections. May be repeated."""
        if self._closed:
            return
        self._closed = True
        try:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(2 * _CLOSE_SECONDS)
        except (RuntimeError, FutureTimeoutError):
            pass
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_SECONDS)

    def let_go(self) -> None:
        """In a forked child: drop the parent's sockets, without a word to the server."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in self._loop.descriptors:
            try:
                os.dup2(nowhere, descriptor)
            except OSError:
                continue
        os.close(nowhere)

    def _unavailable(self, why: str, what_to_do: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"RabbitMQ at {self.conf.host}:{self.conf.port} cannot be used: {why}. {what_to_do}"
        )

    # --------------------------------------------- on the thread of the loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._links = [self._loop.create_task(self._sending.keep()), self._loop.create_task(self._taking.keep())]
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _sending_opened(self, connection: Connection) -> None:
        self.publisher.opened(await connection.channel())

    async def _taking_opened(self, connection: Connection) -> None:
        # The marker behind which everything was read goes by the other connection.
        await asyncio.to_thread(self._sending.tried.wait, FIRST_CONNECTION_SECONDS)
        await self._directory.follow(await connection.channel())
        self.consumer.opened(await connection.channel())

    async def _end(self) -> None:
        if self._sending.is_up and not self._sending.blocked:
            batch = self.publisher.last_batch()
            await asyncio.to_thread(batch.confirmed.wait, _CLOSE_SECONDS)
        for link in self._links:
            link.cancel()
        for link in (self._sending, self._taking):
            if link.connection is not None:
                link.connection.end("closed")
        # One turn, so that the farewell is written.
        await asyncio.sleep(0.01)
        self._loop.call_soon(self._loop.stop)


_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session.let_go()
        _sessions.discard(session)


os.register_at_fork(after_in_child=_after_fork_in_child)
