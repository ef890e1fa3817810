"""Queues in RabbitMQ."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from pynenc.invocation.record import QueueEntry, is_served
from pynenc.ports.broker import Broker
from pynenc_rabbitmq.names import Place
from pynenc_rabbitmq.session import Session
from pynenc_rabbitmq.unit import RabbitMqUnit

#: What this process has queued is not looked for so long: RabbitMQ cannot say whether it is there.
TRUSTED_SECONDS = 600.0
_REMEMBERED = 200_000


class RabbitMqBroker(Broker):
    """Queues of invocation ids, one AMQP queue for each (queue, lane)."""

    #: RabbitMQ cannot move what is queued.
    reorders = False

    def __init__(self, unit: RabbitMqUnit) -> None:
        self._unit = unit
        self._queued = _Queued()

    @property
    def _session(self) -> Session:
        return self._unit.session

    def push(self, entries: Sequence[QueueEntry]) -> None:
        if not entries:
            return
        with self._unit:
            self._session.check_accepts(len(entries))
            self._unit.step.pushed += entries
            self._queued.add([entry.invocation_id for entry in entries])

    def pop(self, places: Sequence[Place], limit: int) -> list[QueueEntry]:
        with self._unit:
            session, step = self._session, self._unit.step
            session.require()
            session.works = True
            own = [entry for entry in step.pushed if is_served(entry.queue, entry.lane, places)]
            delivered = session.ask(session.consumer.pop(places, limit), [])
            if own:
                # What this step has pushed is in nobody's queue yet.
                ranked = [(-e.priority, -e.dependents, 1, n) for n, e in enumerate(own)]
                ranked += [(-d.entry.priority, -d.entry.dependents, 0, n) for n, d in enumerate(delivered)]
                chosen = sorted(ranked)[: max(limit, 0)]
                mine = [own[n] for _, _, is_own, n in chosen if is_own]
                kept = [delivered[n] for _, _, is_own, n in chosen if not is_own]
                for entry in mine:
                    step.pushed.remove(entry)
                session.give_back([each for each in delivered if each not in kept])
                step.popped += kept
                popped = [own[n] if is_own else delivered[n].entry for _, _, is_own, n in chosen]
            else:
                step.popped += delivered
                popped = [each.entry for each in delivered]
            self._queued.forget([entry.invocation_id for entry in popped])
            return popped

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        """Without effect: what is waited for is found through the wait graph."""

    def remove(self, invocation_ids: Sequence[str]) -> None:
        """Without effect on the queue: what is not available any more is skipped when it is popped."""
        self._queued.forget(invocation_ids)

    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        if not any(self.sizes().values()):
            self._queued.clear()
        return self._queued.others(invocation_ids)

    def sizes(self) -> Mapping[Place, int]:
        session = self._session
        session.require()
        return session.ask(session.consumer.sizes(), {})

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        session = self._session
        session.require()
        return session.ask(session.peek(queue, limit), [])

    def purge(self, queue: str | None = None) -> None:
        session = self._session
        session.require()
        session.ask(session.consumer.purge(queue), None)
        self._queued.clear()

    def expect(self, places: Sequence[Place], on_work: Callable[[], None]) -> None:
        session = self._session
        session.consumer.on_arrival = on_work
        if not session.consumer.is_expecting(places):
            session.ask(session.consumer.expect(places), None)


class _Queued:
    """Ids that this process has queued and not seen since: certainly or probably they are in a queue.

    Without it the sweep would queue everything that waits once more each time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: OrderedDict[str, float] = OrderedDict()

    def add(self, ids: Sequence[str]) -> None:
        now = time.monotonic()
        with self._lock:
            for each in ids:
                self._since.pop(each, None)
                self._since[each] = now
            while len(self._since) > _REMEMBERED:
                self._since.popitem(last=False)

    def forget(self, ids: Sequence[str]) -> None:
        with self._lock:
            for each in ids:
                self._since.pop(each, None)

    def clear(self) -> None:
        with self._lock:
            self._since.clear()

    def others(self, ids: Sequence[str]) -> list[str]:
        """Those of which nothing is known."""
        oldest = time.monotonic() - TRUSTED_SECONDS
        with self._lock:
            return [each for each in ids if self._since.get(each, oldest) <= oldest]
