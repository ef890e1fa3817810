"""One connection that is opened again for ever. Everything here belongs to the thread of the event loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

from pynenc.module_loggers import module_logger
from pynenc_rabbitmq import amqp
from pynenc_rabbitmq.amqp import Connection
from pynenc_rabbitmq.conf import ConfigRabbitMq

_logger = module_logger(__name__)

#: So long a server that accepts connections may refuse everything else, before that counts as its answer.
STARTING_SECONDS = 8.0


class Link:
    """A connection for one use: to send, or to take."""

    def __init__(
        self, conf: ConfigRabbitMq, use: str, opened: Callable[[Connection], Awaitable[None]], lost: Callable[[], None]
    ) -> None:
        """``opened`` makes a new connection ready; ``lost`` is told of its end."""
        #: Told when the server takes no messages any more.
        self.on_blocked: Callable[[], None] = lambda: None
        self._conf = conf
        self._use = use
        self._opened = opened
        self._lost = lost
        self.is_up = False
        #: Set once the first try has come to an end: for other threads, and for this one.
        self.tried = threading.Event()
        self.tried_here = asyncio.Event()
        #: Why there is no connection.
        self.problem: str | None = None
        #: Why the server takes no messages now.
        self.blocked: str | None = None
        self.connection: Connection | None = None

    async def keep(self) -> None:
        """Open it, and open it again whenever it is lost."""
        conf = self._conf
        pause = conf.rabbitmq_retry_initial_delay
        patient_until = asyncio.get_running_loop().time() + STARTING_SECONDS
        while True:
            reason = await self._try()
            if reason is None:
                pause = conf.rabbitmq_retry_initial_delay
                assert self.connection is not None  # noqa: S101 - it was opened just now
                reason = await self.connection.closed
                self.is_up = False
                self._lost()
            self._trouble(reason)
            # A server that lets us in and then cannot do what it is asked is, as a rule, about to be up.
            starting = self.connection is not None and asyncio.get_running_loop().time() < patient_until
            self.connection, self.blocked = None, None
            if not starting:
                self._tried()
            await asyncio.sleep(pause)
            pause = min(pause * conf.rabbitmq_retry_exponential_base, conf.rabbitmq_retry_max_delay)

    async def _try(self) -> str | None:
        """Open the connection; why that did not succeed, or None."""
        self.connection = None
        try:
            self.connection = await amqp.connect(amqp.parameters(self._conf), self._set_blocked)
            await self._opened(self.connection)
        except Exception as error:  # noqa: BLE001 - design law 10: whatever happens, it is tried again
            if self.connection is not None:
                self.connection.end(str(error))
                self._lost()
            return str(error)
        if self.problem is not None:
            _logger.info("RabbitMQ at %s:%d is reached again, to %s", self._conf.host, self._conf.port, self._use)
        self.problem, self.is_up = None, True
        self._tried()
        return None

    def _tried(self) -> None:
        self.tried_here.set()
        self.tried.set()

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
            self.on_blocked()
        else:
            _logger.info("RabbitMQ at %s:%d takes messages again", self._conf.host, self._conf.port)
