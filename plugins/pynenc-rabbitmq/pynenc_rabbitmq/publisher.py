"""Sending entries: kept until RabbitMQ has confirmed them, sent again when the connection was lost meanwhile.

Everything here belongs to the thread of the event loop.
"""

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


class Batch:
    """Entries that somebody waits for to be confirmed."""

    __slots__ = ("confirmed", "left")

    def __init__(self, size: int) -> None:
        self.left = size
        self.confirmed = threading.Event()

    def one_less(self) -> None:
        """One more of them was confirmed."""
        self.left -= 1
        if self.left <= 0:
            self.confirmed.set()


class _Sent(NamedTuple):
    entry: QueueEntry
    batch: Batch


class Publisher:
    """What was pushed, on its way to the server."""

    def __init__(self, conf: ConfigRabbitMq, app_id: str) -> None:
        self._conf = conf
        self._app_id = app_id
        #: Called before the first entry of a place is sent on a connection.
        self.announce: Callable[[Place], None] = lambda _: None
        self._channel: Channel | None = None
        self._known: set[Place] = set()
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        self._waiting: deque[_Sent] = deque()
        self._count = 0
        #: Called with the ids of entries that the server has.
        self.on_confirmed: Callable[[Sequence[str]], None] = lambda _: None

    @property
    def backlog(self) -> int:
        """How many entries wait for a connection."""
        return len(self._waiting)

    def send(self, entries: Sequence[QueueEntry]) -> Batch:
        """Send entries now, or as soon as that is possible."""
        batch = Batch(len(entries))
        if not entries:
            batch.confirmed.set()
        for entry in entries:
            self._send(_Sent(entry, batch))
        return batch

    def last_batch(self) -> Batch:
        """What is not confirmed yet, as one batch."""
        pending = [*self._sent.values(), *self._waiting]
        return pending[-1].batch if pending else self.send([])

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
        self._count = 0
        channel.confirm(self._confirmed, self._returned)
        self._channel = channel
        waiting, self._waiting = self._waiting, deque()
        if waiting:
            _logger.info("%d entries of application %r wait no longer for RabbitMQ", len(waiting), self._app_id)
        for sent in waiting:
            self._send(sent)

    def lost(self) -> None:
        """The connection is gone: what was not confirmed is sent again. It may have arrived; that does no harm."""
        self._channel = None
        unconfirmed, self._sent = list(self._sent.values()), OrderedDict()
        for sent in unconfirmed:
            self._keep(sent)

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
        if len(self._waiting) < BACKLOG_LIMIT:
            self._waiting.append(sent)
        else:
            sent.batch.one_less()

    def _confirmed(self, tag: int, multiple: bool, accepted: bool) -> None:
        tags = [tag]
        if multiple:
            tags = []
            for each in self._sent:
                if each > tag:
                    break
                tags.append(each)
        done = [self._sent.pop(each) for each in tags if each in self._sent]
        for sent in done:
            if accepted:
                sent.batch.one_less()
            else:
                # Refused, for example by a limit of the queue's length: later, with what waits for a connection.
                self._keep(sent)
        if accepted:
            self.on_confirmed([sent.entry.invocation_id for sent in done])
        elif done:
            _logger.warning(
                "RabbitMQ has refused %d entries of application %r; they are sent again with the next connection, or "
                "found by the sweep. Look at the limits and policies of its queues.",
                len(done),
                self._app_id,
            )

    def _returned(self, body: bytes) -> None:
        """No queue took it: somebody has deleted the queue. Its confirmation follows; it is sent once more."""
        entry = decode(body)
        if entry is not None:
            self._known.discard((entry.queue, entry.lane))
            self.send([entry])


def queue_arguments(conf: ConfigRabbitMq) -> Mapping[str, Any]:
    """What the queues are declared with; always the same, for RabbitMQ refuses another declaration."""
    if conf.rabbitmq_queue_type == "quorum":
        return {"x-queue-type": "quorum"}
    return {"x-queue-type": "classic", "x-max-priority": LEVELS}
