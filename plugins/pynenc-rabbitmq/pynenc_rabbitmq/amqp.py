"""The few commands of AMQP that we use, awaitable; the only module that knows pika.

Everything here belongs to the thread of the event loop. What has no answer is sent and not awaited; a channel that
closes ends its connection, for a channel of ours does so only when something is wrong at all.
"""

# The border to a library without published types: what comes from it is Any, and what we give out is typed.
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportMissingTypeStubs=false, reportUnknownParameterType=false

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import pika  # type: ignore[import-untyped]
from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection  # type: ignore[import-untyped]

from pynenc_rabbitmq.conf import ConfigRabbitMq

#: Until a connection is open, its greeting included.
_CONNECT_SECONDS = 10.0
#: Connections look for a dead peer in this rhythm of the server's clock.
_PERSISTENT = 2


class LinkLostError(Exception):
    """The connection has ended; what was under way may have happened."""


#: What a consumer is told of a message: its tag and its body.
OnMessage = Callable[[int, bytes], None]


def parameters(conf: ConfigRabbitMq) -> Any:
    """How to reach the server."""
    options = None
    if conf.rabbitmq_tls:
        context = ssl.create_default_context(cafile=conf.rabbitmq_tls_ca_file or None)
        if conf.rabbitmq_tls_cert_file:
            context.load_cert_chain(conf.rabbitmq_tls_cert_file, conf.rabbitmq_tls_key_file or None)
        options = pika.SSLOptions(context, conf.host)
    return pika.ConnectionParameters(
        host=conf.host,
        port=conf.port,
        virtual_host=conf.rabbitmq_virtual_host,
        credentials=pika.PlainCredentials(conf.rabbitmq_username, conf.rabbitmq_password),
        heartbeat=conf.rabbitmq_heartbeat,
        ssl_options=options,
        connection_attempts=1,
        socket_timeout=_CONNECT_SECONDS,
        stack_timeout=_CONNECT_SECONDS,
        client_properties={"product": "pynenc-rabbitmq"},
    )


class Connection:
    """One open connection."""

    def __init__(self, connection: Any, on_blocked: Callable[[str | None], None]) -> None:
        self._connection = connection
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        #: Set when nothing of it is left, the farewell included.
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.add_on_close_callback(self._on_close)
        connection.add_on_connection_blocked_callback(
            lambda _, frame: on_blocked(str(frame.method.reason or "no reason given"))
        )
        connection.add_on_connection_unblocked_callback(lambda _, frame: on_blocked(None))  # noqa: ARG005

    async def channel(self) -> "Channel":
        """Open a channel."""
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._connection.channel(on_open_callback=lambda channel: _settle(opened, channel))
        await asyncio.wait([opened, self.closed], return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            raise LinkLostError(self.closed.result())
        return Channel(opened.result(), self.end)

    def end(self, reason: str) -> None:
        """It is of no more use."""
        if not self.closed.done():
            self.closed.set_result(reason)
        if self._connection.is_open:
            self._connection.close()

    def _on_close(self, _: object, reason: object) -> None:
        self.end(str(reason))
        _settle(self.gone, None)


def _settle(future: "asyncio.Future[Any]", value: object) -> None:
    """Who waited may have given up."""
    if not future.done():
        future.set_result(value)


async def connect(how: Any, on_blocked: Callable[[str | None], None]) -> Connection:
    """Open a connection.

    Raises:
        LinkLostError: it cannot be opened; the message says why.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[Any] = loop.create_future()

    def failed(_: object, error: object) -> None:
        if not opened.done():
            opened.set_exception(LinkLostError(_reason(error)))

    AsyncioConnection(
        how,
        on_open_callback=lambda connection: _settle(opened, connection),
        on_open_error_callback=failed,
        custom_ioloop=loop,
    )
    return Connection(await opened, on_blocked)


def _reason(error: Any) -> str:
    """The innermost reason of pika's nested errors; none of them carries credentials."""
    nested = getattr(error, "exceptions", None) or ([error.exception] if hasattr(error, "exception") else None)
    if nested:
        return _reason(nested[-1])
    return f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)


class Channel:
    """One channel. A command that is not awaited keeps its place in the order of all commands."""

    def __init__(self, channel: Any, end: Callable[[str], None]) -> None:
        self._channel = channel
        self._end = end
        self._waiting: set[asyncio.Future[Any]] = set()
        #: Tags of what was delivered and neither acknowledged nor put back, in their order.
        self._open_tags: dict[int, None] = {}
        channel.add_on_close_callback(self._closed)
        channel.add_on_cancel_callback(lambda _: end("the server has cancelled a consumer: its queue was deleted"))

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return bool(self._channel.is_open)

    def publish(
        self, exchange: str, key: str, body: bytes, *, priority: int | None = None, expires_ms: int = 0, mandatory: bool
    ) -> None:
        """Send a message that survives a restart of the server."""
        properties = pika.BasicProperties(
            delivery_mode=_PERSISTENT, priority=priority, expiration=str(expires_ms) if expires_ms else None
        )
        self._channel.basic_publish(exchange, key, body, properties, mandatory=mandatory)

    def confirm(self, on_confirm: Callable[[int, bool, bool], None], on_return: Callable[[bytes], None]) -> None:
        """From now on hear of each message sent: (tag, whether all up to it are meant, whether it was accepted)."""

        def confirmed(frame: Any) -> None:
            method = frame.method
            on_confirm(method.delivery_tag, method.multiple, isinstance(method, spec.Basic.Ack))

        self._channel.add_on_return_callback(lambda _channel, _method, _properties, body: on_return(body))
        self._channel.confirm_delivery(confirmed)

    def ack(self, *tags: int) -> None:
        """Messages are dealt with: those before which nothing is open by one command."""
        wanted = {tag for tag in tags if tag in self._open_tags}
        upto = 0
        for tag in self._open_tags:
            if tag not in wanted:
                break
            upto = tag
        if upto:
            self._channel.basic_ack(upto, multiple=True)
        for tag in wanted:
            del self._open_tags[tag]
            if tag > upto:
                self._channel.basic_ack(tag)

    def nack(self, tag: int) -> None:
        """Put a message back to where it was."""
        if self._open_tags.pop(tag, tag) is None:
            self._channel.basic_nack(tag, requeue=True)

    def declare_unanswered(self, exchange: str, kind: str, queue: str, arguments: Mapping[str, Any]) -> None:
        """Make a queue and bind it to an exchange by its name; what is wrong with that ends the channel."""
        self._channel.queue_declare(queue, durable=True, arguments=dict(arguments))
        if exchange:
            self._channel.exchange_declare(exchange, kind, durable=True)
            self._channel.queue_bind(queue, exchange, routing_key=queue)

    async def declare(self, queue: str, arguments: Mapping[str, Any]) -> int:
        """Make a queue if it is not there; how many of its messages nobody has been given."""
        frame = await self._rpc(self._channel.queue_declare, queue, durable=True, arguments=dict(arguments))
        return int(frame.method.message_count)

    async def purge(self, queue: str) -> None:
        """Empty a queue."""
        await self._rpc(self._channel.queue_purge, queue)

    async def limit(self, count: int) -> None:
        """How many messages each consumer that follows may have unacknowledged."""
        await self._rpc(self._channel.basic_qos, prefetch_count=count)

    async def consume(self, queue: str, on_message: OnMessage, arguments: Mapping[str, Any] | None = None) -> str:
        """Be given the messages of a queue; the name of the consumer."""
        tag = ""

        def delivered(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
            self._open_tags[method.delivery_tag] = None
            on_message(method.delivery_tag, body)

        def start(*, callback: Callable[[Any], None]) -> None:
            nonlocal tag
            tag = self._channel.basic_consume(
                queue,
                delivered,
                arguments=dict(arguments or {}),
                callback=callback,
            )

        await self._rpc(start)
        return tag

    def cancel(self, consumer: str) -> None:
        """Be given no more; what is on its way goes back."""
        self._channel.basic_cancel(consumer, callback=lambda _: None)

    async def close(self) -> None:
        """Close it; what is unacknowledged goes back."""
        self._end = lambda _: None
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._channel.add_on_close_callback(lambda _channel, _reason: _settle(done, None))
        self._channel.close()
        await done

    async def _rpc(self, command: Callable[..., object], *arguments: object, **named: object) -> Any:
        if not self.is_open:
            raise LinkLostError("the channel is closed")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.add(answer)
        try:
            command(*arguments, callback=lambda frame: _settle(answer, frame), **named)
            return await answer
        finally:
            self._waiting.discard(answer)

    def _closed(self, _: object, reason: object) -> None:
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(LinkLostError(str(reason)))
        self._end(str(reason))
