"""Taking entries: what RabbitMQ has delivered and nobody has popped, and how it is asked for more.

Each place that this process pops from has a consumer, and a *hand*: what was delivered to it. As long as the process
wants more than there is, the consumers stay, and the next delivery is its wake-up. What it does not take soon goes back
to the queue, for others may be idle.

Everything here belongs to the thread of the event loop.
"""

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pynenc.invocation.record import ANY_QUEUE, QueueEntry
from pynenc.module_loggers import module_logger
from pynenc_rabbitmq.amqp import Channel, LinkLostError
from pynenc_rabbitmq.conf import ConfigRabbitMq
from pynenc_rabbitmq.delivery import Delivery
from pynenc_rabbitmq.directory import Directory
from pynenc_rabbitmq.names import Place, decode, queue_name
from pynenc_rabbitmq.publisher import queue_arguments

_logger = module_logger(__name__)

#: What nobody has popped for so long goes back to its queue.
HAND_SECONDS = 0.2
#: A process that takes no more than this at a time runs long tasks, or its first: it holds nothing meanwhile.
_FEW = 4
#: Pops in a row that are given less than they want before a consumer is made anew.
_SCANTY_POPS = 2
#: A consumer is made anew when it is given so many times more than is wanted.
_TOO_MANY = 4


class _Source:
    """One place: its consumer and its hand."""

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.name = name
        self.hand: list[Delivery] = []
        self.consumer: str | None = None
        self.ahead = 0
        #: The queue is there, as far as this connection knows.
        self.made = False
        #: Pops in a row that were given less than they wanted, for the consumer is given so few at a time.
        self.scanty = 0
        #: Told to nobody yet: the process wants the next delivery.
        self.wanting = False
        #: How many the server said it had left for anybody.
        self.ready = 0
        self.timer: asyncio.TimerHandle | None = None

    def forget(self) -> None:
        """The channel is gone, and all deliveries with it."""
        self.hand.clear()
        self.consumer = None
        self.made = False
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Consumer:
    """Every place this process takes entries from."""

    def __init__(
        self,
        conf: ConfigRabbitMq,
        app_id: str,
        directory: Directory,
        on_arrival: Callable[[], None],
        own_sent: Callable[[], Awaitable[None]],
    ) -> None:
        """``on_arrival`` is called when something was delivered that this process wants.

        ``own_sent`` is waited for before a look: what this process has sent is to be found by it.
        """
        self._own_sent = own_sent
        self._conf = conf
        self._app_id = app_id
        self._directory = directory
        directory.on_new = self._new_place
        self._channel: Channel | None = None
        #: What the channel was told to deliver at a time, to each consumer that follows.
        self._limit = 0
        self._sources: dict[Place, _Source] = {}
        #: Lanes of which every queue is wanted.
        self._wanted_lanes: set[str] = set()
        # One at a time: two that ask for the same places would share the answers unfairly.
        self._turn = asyncio.Lock()
        self._arrived = on_arrival
        #: Somebody wants to be woken at all.
        self._told = False
        self._waking: asyncio.Task[None] | None = None

    def opened(self, channel: Channel) -> None:
        """There is a connection; whoever wanted something is to ask again."""
        self._channel = channel
        self._limit = 0
        self._arrived()

    def lost(self) -> None:
        """There is none; what was delivered goes to others."""
        self._channel = None
        for source in self._sources.values():
            source.forget()

    async def pop(self, places: Sequence[Place], limit: int) -> list[Delivery]:
        """Take up to ``limit`` of what these places hold."""
        async with self._turn:
            channel = self._channel
            if channel is None or limit <= 0:
                return []
            sources = self._meant(places)
            if _held(sources) < limit and not self._is_fed(sources, limit):
                await self._fetch(channel, sources, limit)
            taken = self._take(sources, limit)
            satisfied = len(taken) == limit
            for source in sources:
                # Who was given something comes again before it rests, or says that it expects more.
                source.wanting = not taken
            if satisfied and limit <= _FEW:
                self._rest(channel, sources)
            elif not taken and self._told and any(source.consumer is None for source in sources):
                # After this answer, for a ledger is locked until it is there.
                self._waking = asyncio.ensure_future(self._await_next(sources))
            return taken

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        """What was popped is not wanted after all: the next pop finds it, here or, if there is none soon, elsewhere."""
        for delivery in deliveries:
            source = self._sources.get((delivery.entry.queue, delivery.entry.lane))
            if source is None or source.consumer is None or delivery.channel is not self._channel:
                delivery.give_back()
                continue
            insort(source.hand, delivery, key=lambda each: each.rank)
            if source.timer is None:
                self._watch(source)

    async def _await_next(self, sources: Sequence[_Source]) -> None:
        """Be woken by the next delivery, unless somebody has popped again meanwhile."""
        async with self._turn:
            if self._channel is not None and self._channel.is_open:
                # A connection that is lost meanwhile wakes by itself when it is back.
                with suppress(LinkLostError):
                    await self._consume(self._channel, [s for s in sources if s.wanting and s.consumer is None], 1)

    async def expect(self, places: Sequence[Place]) -> bool:
        """Be woken by the next delivery to these places; whether there is one already."""
        async with self._turn:
            self._told = True
            self._wanted_lanes = {lane for queue, lane in places if queue == ANY_QUEUE}
            if self._channel is None:
                return False
            sources = self._meant(places)
            for source in sources:
                source.wanting = not source.hand
            await self._consume(self._channel, [s for s in sources if s.consumer is None], 1)
            return _held(sources) > 0

    def is_expecting(self, places: Sequence[Place]) -> bool | None:
        """What ``expect`` would say, if it would change nothing; else None.

        May be asked on any thread: an answer that comes too late is put right by the wake-up.
        """
        found = [self._sources.get(place) for place in self._resolve(places)]
        sources = [source for source in found if source is not None]
        if _held(sources):
            return True
        if not sources or len(sources) < len(found) or not all(s.wanting and s.consumer for s in sources):
            return None
        return False

    async def sizes(self) -> dict[Place, int]:
        """How many entries wait in each known place: for anybody, or in our hand."""
        async with self._turn:
            await self._own_sent()
            channel = self._channel
            if channel is None:
                return {}
            sources = self._meant(())
            for source in sources:
                source.ready = await self._declare(channel, source)
            return {source.place: source.ready + len(source.hand) for source in sources}

    async def peek(self, channel: Channel, queue: str, limit: int) -> list[QueueEntry]:
        """The next entries of a queue, on a channel for this only: closing it puts them back."""
        async with self._turn:
            await self._own_sent()
            sources = [source for source in self._meant(()) if source.place[0] == queue]
            for source in sources:
                # Else ours would be missing; nobody else's can be seen.
                self._drop_hand(source)
            found: list[Delivery] = []

            def seen(tag: int, body: bytes) -> None:
                entry = decode(body)
                if entry is not None:
                    found.append(Delivery(entry, channel, tag))

            await channel.limit(limit)
            for source in sources:
                await channel.consume(source.name, seen)
            for source in sources:
                await self._declare(channel, source)
            if sources:
                await self._declare(channel, sources[-1])
            return [each.entry for each in sorted(found, key=lambda each: each.rank)[:limit]]

    async def purge(self, queue: str | None) -> bool:
        """Empty one queue, or all; False: there is no connection."""
        async with self._turn:
            await self._own_sent()
            channel = self._channel
            if channel is None:
                return False
            for source in self._meant(()):
                if queue in (None, source.place[0]):
                    self._rest(channel, [source])
                    await self._declare(channel, source)
                    await channel.purge(source.name)
            if self._told:
                # It is told of nothing now: whoever wants to be is to say so again.
                self._arrived()
            return True

    # ------------------------------------------------------------------ places

    def _resolve(self, places: Sequence[Place]) -> list[Place]:
        """The places that are named, or stand behind ``ANY_QUEUE`` or behind no name at all."""
        known = self._directory.places
        if not places:
            return list(known | self._sources.keys())
        lanes = {lane for queue, lane in places if queue == ANY_QUEUE}
        named = [place for place in places if place[0] != ANY_QUEUE]
        return list(dict.fromkeys([*named, *(place for place in tuple(known) if place[1] in lanes)]))

    def _meant(self, places: Sequence[Place]) -> list[_Source]:
        return [self._source(place) for place in self._resolve(places)]

    def _source(self, place: Place) -> _Source:
        source = self._sources.get(place)
        if source is None:
            name = queue_name(self._conf.rabbitmq_queue_prefix, self._app_id, place)
            source = self._sources[place] = _Source(place, name)
        return source

    def _new_place(self, place: Place) -> None:
        if place[1] in self._wanted_lanes:
            self._arrived()

    # -------------------------------------------------------------- deliveries

    def _ahead(self, limit: int) -> int:
        """How many to be given at a time: what is asked for, rounded so that it rarely changes."""
        return min(1 << (limit - 1).bit_length(), self._conf.rabbitmq_prefetch_count)

    def _is_fed(self, sources: Sequence[_Source], limit: int) -> bool:
        """Whether what is in hand is about all there is: the server has been asked for more already.

        Who is told of deliveries need not ask for those on their way. One that is given few at a time is left so for
        the first such pop: at rest, one is mostly all there is.
        """
        if not (self._told or _held(sources)) or any(source.consumer is None for source in sources):
            return False
        ahead = self._ahead(limit)
        scanty = False
        for source in sources:
            source.scanty = source.scanty + 1 if source.hand and source.ahead < ahead else 0
            scanty = scanty or source.scanty >= _SCANTY_POPS
        return not scanty

    async def _fetch(self, channel: Channel, sources: Sequence[_Source], limit: int) -> None:
        """Have up to so many in hand, if there are that many."""
        await self._own_sent()
        for source in sources:
            source.ready = await self._declare(channel, source)
        ahead = self._ahead(limit)
        wrong = [s for s in sources if s.consumer is None and s.ready]
        wrong += [s for s in sources if s.ahead < ahead and s.consumer and (s.ready or s.scanty >= _SCANTY_POPS)]
        wrong += [s for s in sources if s.consumer is not None and s.ahead > _TOO_MANY * ahead and not s.hand]
        if wrong and _held(sources) < limit:
            await self._consume(channel, wrong, ahead)
            for source in wrong:
                source.ready = await self._declare(channel, source)
        for source in reversed(sources):
            if source.consumer is not None:
                # The answer to a command may overtake deliveries, but not those before the command before it.
                await self._declare(channel, source)
                break

    async def _consume(self, channel: Channel, sources: Sequence[_Source], ahead: int) -> None:
        """Be given the entries of these places, so many at a time."""
        if not sources:
            return
        self._rest(channel, sources)
        if self._limit != ahead:
            self._limit = ahead
            await channel.limit(ahead)
        for source in sources:
            if not source.made:
                await self._declare(channel, source)
            source.ahead, source.scanty = ahead, 0
            source.consumer = await channel.consume(source.name, self._into_hand(source, channel))

    def _rest(self, channel: Channel, sources: Iterable[_Source]) -> None:
        """Be given nothing more, and give back what was not popped."""
        for source in sources:
            if source.consumer is not None:
                consumer, source.consumer = source.consumer, None
                channel.cancel(consumer)
            self._drop_hand(source)

    async def _declare(self, channel: Channel, source: _Source) -> int:
        ready = await channel.declare(source.name, self._arguments)
        source.made = True
        return ready

    @property
    def _arguments(self) -> Mapping[str, Any]:
        return queue_arguments(self._conf)

    def _into_hand(self, source: _Source, channel: Channel) -> Callable[[int, bytes], None]:
        def delivered(tag: int, body: bytes) -> None:
            entry = decode(body)
            if entry is None:
                _logger.warning("A message in the queue %r of RabbitMQ is none of Pynenc's; it is dropped", source.name)
                channel.ack(tag)
                return
            insort(source.hand, Delivery(entry, channel, tag), key=lambda each: each.rank)
            if source.timer is None:
                source.timer = asyncio.get_running_loop().call_later(HAND_SECONDS, self._overdue, source)
            if source.wanting:
                source.wanting = False
                self._arrived()

        return delivered

    def _take(self, sources: Sequence[_Source], limit: int) -> list[Delivery]:
        held = [(delivery.rank, number, delivery) for number, s in enumerate(sources) for delivery in s.hand]
        held.sort(key=lambda each: each[:2])
        for _, number, delivery in held[:limit]:
            sources[number].hand.remove(delivery)
        for source in sources:
            self._watch(source)
        return [delivery for _, _, delivery in held[:limit]]

    def _watch(self, source: _Source) -> None:
        """Begin to count anew how long what is in the hand was not popped."""
        if source.timer is not None:
            source.timer.cancel()
            source.timer = None
        if source.hand:
            source.timer = asyncio.get_running_loop().call_later(HAND_SECONDS, self._overdue, source)

    def _overdue(self, source: _Source) -> None:
        source.timer = None
        if self._turn.locked():
            # Somebody is about to take them.
            self._watch(source)
        elif self._channel is not None and self._channel.is_open:
            self._rest(self._channel, [source])

    def _drop_hand(self, source: _Source) -> None:
        for delivery in source.hand:
            delivery.give_back()
        source.hand.clear()
        self._watch(source)


def _held(sources: Sequence[_Source]) -> int:
    return sum(len(source.hand) for source in sources)
