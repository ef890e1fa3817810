"""Queues on Redis: sorted sets, and functions that keep them (lua/queue.lua)."""

from collections.abc import Mapping, Sequence

from pynenc.invocation.record import QueueEntry, is_served
from pynenc.ports.broker import Broker
from pynenc_redis.keys import place_of, queue_and_lane
from pynenc_redis.mapping import pack, unpack
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session


class RedisBroker(RedisPart, Broker):
    """Queues of invocation ids."""

    def push(self, entries: Sequence[QueueEntry]) -> None:
        self._unit.run(lambda session: self._push(session, entries))

    def _push(self, session: Session, entries: Sequence[QueueEntry]) -> None:
        if entries:
            packed = [(e.invocation_id, place_of(e.queue, e.lane), e.priority, e.dependents) for e in entries]
            session.call("push", pack(packed))
            session.queued += entries

    def pop(self, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        return self._unit.run(lambda session: self._pop(session, places, limit))

    def _pop(self, session: Session, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        wanted = pack([place_of(queue, lane) for queue, lane in places])
        [reply] = self._ask(self._fcall("pop", limit, wanted))
        entries = _entries(reply)
        if entries:
            # A hint that came to nothing is given back; one that is lost with this process is found by the sweep.
            session.undo_by(lambda: self.push(entries))
        if len(entries) < limit and session.queued:
            # A list of its own: the one above is what was in the queue.
            return entries + self._pop_own(session, places, limit - len(entries))
        return entries

    @staticmethod
    def _pop_own(session: Session, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        """What this unit has queued itself."""
        own = [e for e in session.queued if is_served(e.queue, e.lane, places)]
        own = sorted(own, key=lambda e: (-e.priority, -e.dependents))[:limit]
        if own:
            session.queued = [e for e in session.queued if e not in own]
            session.call("unqueue", *(e.invocation_id for e in own))
        return own

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        if entries:
            packed = pack([(e.invocation_id, "", e.priority, e.dependents) for e in entries])
            self._unit.run(lambda session: session.call("promote", packed))

    def remove(self, invocation_ids: Sequence[str]) -> None:
        if invocation_ids:
            self._unit.run(lambda session: session.call("unqueue", *invocation_ids))

    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        if not invocation_ids:
            return []
        [places] = self._ask(("HMGET", self._keys("queued"), *invocation_ids))
        return [each for each, place in zip(invocation_ids, places, strict=True) if place is None]

    def sizes(self) -> Mapping[tuple[str, str], int]:
        [reply] = self._unit.server.ask(self._fcall("sizes"), looks=True)
        return {queue_and_lane(place): size for place, size in unpack(reply)}

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        [reply] = self._ask(self._fcall("peek", limit, queue))
        return _entries(reply)

    def purge(self, queue: str | None = None) -> None:
        self._unit.run(lambda session: session.call("empty", *([] if queue is None else [queue])))


def _entries(reply: bytes) -> list[QueueEntry]:
    return [
        QueueEntry(invocation_id, *queue_and_lane(place), priority, dependents)
        for invocation_id, place, priority, dependents in unpack(reply)
    ]
