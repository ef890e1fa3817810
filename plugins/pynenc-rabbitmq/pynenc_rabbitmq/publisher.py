"""Sending entries: kept until RabbitMQ has confirmed them, sent again when the connection was lost meanwhile.

Everything here belongs to the thread of the event loop.
"""

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pynenc.invocation.record import QueueEntry
from pynenc.module_loggers import module_logger
from pynenc_rabbitmq.amqp import Channel
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.names import LEVELS, Place, decode, encode, level, queue_name

_logger = module_logger(__name__)

#: Entries kept while they cannot be sent; the sweep finds what is beyond.
BACKLOG_LIMIT = 100_000
#: Until what the server has refused is sent again.
_AGAIN_SECONDS = 5.0


class Batch:
    """Entries that somebody waits for."""

    __slots__ = ("_waiting", "left", "settled")

    def __init__(self, size: int) -> None:
        self.left = size
        #: There is nothing to wait for: all are confirmed, or there is no telling when they will be.
        self.settled = threading.Event()
        self._waiting: list[asyncio.Future[None]] = []
        if not size:
            self.settled.set()

    def one_less(self) -> None:
        """One more of them was confirmed."""
        self.left -= 1
        if self.left <= 0:
            self.settle()

    def settle(self) -> None:
        """Nobody need wait any longer. On the thread of the event loop."""
        self.settled.set()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def wait_here(self) -> None:
        """Wait for it on the event loop."""
        if not self.settled.is_set():
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting


class _Sent(NamedTuple):
    entry: QueueEntry
    batch: Batch


class Publisher:
    """What was pushed, on its way to the server."""

    def __init__(self, conf: ConfigRabbitMq, app_id: str, on_confirmed: Callable[[Sequence[str]], None]) -> None:
        """``on_confirmed`` is called with the ids of entries that the server has."""
        self._conf = conf
        self._app_id = app_id
        self._on_confirmed = on_confirmed
        #: What came back once on this connection, for its queue was gone.
        self._came_back: set[str] = set()
        #: Called before the first entry of a place is sent on a connection.
        self.announce: Callable[[Place], None] = lambda _: None
        self._channel: Channel | None = None
        self._known: set[Place] = set()
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        self._waiting: deque[_Sent] = deque()
        self._count = 0
        #: Entries that are about to be sent, by other threads.
        self._expected = 0
        self._lock = threading.Lock()

    @property
    def backlog(self) -> int:
        """How many entries the server has not confirmed. May be asked on any thread."""
        return self._expected + len(self._waiting) + len(self._sent)

    def expect(self, count: int) -> None:
        """So many entries are about to be sent. May be said on any thread."""
        with self._lock:
            self._expected += count

    def send(self, entries: Sequence[QueueEntry]) -> Batch:
        """Send entries that were expected now, or as soon as that is possible."""
        batch = Batch(len(entries))
        with self._lock:
            self._expected -= len(entries)
        for entry in entries:
            self._send(_Sent(entry, batch))
        return batch

    async def settled(self) -> None:
        """Return when all that was sent is confirmed, or there is no telling when it will be."""
        for batch in {id(sent.batch): sent.batch for sent in self._sent.values()}.values():
            await batch.wait_here()

    def write(self, queue: str, body: bytes, arguments: Mapping[str, Any]) -> bool:
        """Send something else than an entry; False: there is no connection."""
        channel = self._channel
        if channel is None or not channel.is_open:
            return False
        channel.declare_unanswered("", "", queue, arguments)
        self._count += 1
        channel.publish("", queue, body, mandatory=False)
        return True

    def opened(self, channel: Channel) -> None:
        """There is a connection: send what waits."""
        self._known.clear()
        self._came_back.clear()
        self._count = 0
        channel.confirm(self._confirmed, self._returned)
        self._channel = channel
        self._send_waiting()

    def lost(self) -> None:
        """The connection is gone: what was not confirmed is sent again. It may have arrived; that does no harm."""
        self._channel = None
        unconfirmed, self._sent = list(self._sent.values()), OrderedDict()
        for sent in unconfirmed:
            self._keep(sent)

    def blocked(self) -> None:
        """The server takes nothing for now: nobody is to wait for it."""
        for sent in self._sent.values():
            sent.batch.settle()

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for sent in waiting:
            self._send(sent)

    def _send(self, sent: _Sent) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            self._keep(sent)
            return
        entry = sent.entry
        place = (entry.queue, entry.lane)
        name = queue_name(self._conf.rabbitmq_queue_prefix, self._app_id, place)
        exchange = self._conf.rabbitmq_exchange_name
        if place not in self._known:
            channel.declare_unanswered(exchange, self._conf.rabbitmq_exchange_type, name, queue_arguments(self._conf))
            self.announce(place)
            self._known.add(place)
        self._count += 1
        self._sent[self._count] = sent
        channel.publish(
            exchange,
            name,
            encode(entry),
            priority=level(entry.priority),
            expires_ms=self._conf.rabbitmq_message_ttl,
            mandatory=True,
        )

    def _keep(self, sent: _Sent) -> None:
        sent.batch.settle()
        if len(self._waiting) < BACKLOG_LIMIT:
            self._waiting.append(sent)

    def _try_later(self, refused: Sequence[_Sent]) -> None:
        for sent in refused:
            self._keep(sent)
        asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._send_waiting)

    def _confirmed(self, tag: int, multiple: bool, accepted: bool) -> None:
        tags = [tag]
        if multiple:
            tags = list[int]()
            for each in self._sent:
                if each > tag:
                    break
                tags.append(each)
        done = [self._sent.pop(each) for each in tags if each in self._sent]
        if accepted:
            for sent in done:
                sent.batch.one_less()
            self._on_confirmed([sent.entry.invocation_id for sent in done])
        elif done:
            _logger.warning(
                "RabbitMQ has refused %d entries of application %r; they are sent again in %.0f s. Look at the limits "
                "and policies of its queues.",
                len(done),
                self._app_id,
                _AGAIN_SECONDS,
            )
            self._try_later(done)

    def _returned(self, body: bytes) -> None:
        """No queue took it: somebody has deleted the queue. It is sent once more, which makes the queue again."""
        entry = decode(body)
        if entry is None:
            return
        self._known.discard((entry.queue, entry.lane))
        if entry.invocation_id in self._came_back:
            self._try_later([_Sent(entry, Batch(1))])
        else:
            self._came_back.add(entry.invocation_id)
            self._send(_Sent(entry, Batch(1)))


def queue_arguments(conf: ConfigRabbitMq) -> Mapping[str, Any]:
    """What the queues are declared with; always the same, for RabbitMQ refuses another declaration."""
    if conf.rabbitmq_queue_type == "quorum":
        return {"x-queue-type": "quorum"}
    return {"x-queue-type": "classic", "x-max-priority": LEVELS}
