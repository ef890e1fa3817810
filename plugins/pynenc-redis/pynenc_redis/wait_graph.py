"""The waits-for graph on Redis.

Its keys, behind the application's prefix:

    to:<awaited>    set  waiter and address of each edge (``mapping.member_of_awaited``)
    from:<waiter>   set  awaited and address of each edge of an invocation
    awaited         set  ids to which an edge of an invocation leads, and some to which one did
"""

from collections.abc import Sequence

from pynenc.invocation.record import InvocationRecord, Wait, is_served
from pynenc.invocation.status import AVAILABLE, InvocationStatus
from pynenc.ports.orchestrator import WaitGraph
from pynenc_redis.mapping import member_of_awaited, member_of_waiter, wait_from, wait_to
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session


class RedisWaitGraph(RedisPart, WaitGraph):
    """Edges, by both of their ends."""

    def add_waits(self, waits: Sequence[Wait]) -> None:
        self._unit.run(lambda session: self._add(session, waits))

    def _add(self, session: Session, waits: Sequence[Wait]) -> None:
        for wait in waits:
            session.sets.add(self._keys("to", wait.awaited_id), member_of_awaited(wait))
            if wait.waiter_id is not None:
                session.sets.add(self._keys("from", wait.waiter_id), member_of_waiter(wait))
                session.sets.add(self._keys("awaited"), wait.awaited_id)

    def release(self, awaited_ids: Sequence[str]) -> list[Wait]:
        return self._unit.run(lambda session: self._unlink(session, self._to(session, awaited_ids)))

    def forget_waiters(self, waiter_ids: Sequence[str]) -> None:
        self._unit.run(lambda session: self._unlink(session, self._from(session, waiter_ids)))

    def waiting_for(self, awaited_ids: Sequence[str]) -> list[Wait]:
        return self._unit.run(lambda session: self._to(session, awaited_ids))

    def awaited_by(self, waiter_ids: Sequence[str]) -> list[Wait]:
        return self._unit.run(lambda session: self._from(session, waiter_ids))

    def _to(self, session: Session, ids: Sequence[str]) -> list[Wait]:
        distinct = list(dict.fromkeys(ids))
        found = session.sets.read([self._keys("to", each) for each in distinct])
        return [
            wait_to(each, member) for each, members in zip(distinct, found, strict=True) for member in sorted(members)
        ]

    def _from(self, session: Session, ids: Sequence[str]) -> list[Wait]:
        distinct = list(dict.fromkeys(ids))
        found = session.sets.read([self._keys("from", each) for each in distinct])
        return [
            wait_from(each, member) for each, members in zip(distinct, found, strict=True) for member in sorted(members)
        ]

    def _unlink(self, session: Session, edges: Sequence[Wait]) -> list[Wait]:
        touched: dict[str, None] = {}
        for edge in edges:
            session.sets.remove(self._keys("to", edge.awaited_id), member_of_awaited(edge))
            if edge.waiter_id is not None:
                session.sets.remove(self._keys("from", edge.waiter_id), member_of_waiter(edge))
                touched[edge.awaited_id] = None
        for awaited_id, rest in zip(
            touched, session.sets.read([self._keys("to", each) for each in touched]), strict=True
        ):
            if not any(wait_to(awaited_id, member).waiter_id for member in rest):
                session.sets.remove(self._keys("awaited"), awaited_id)
        return list(edges)

    def _forget_edges(self, session: Session, ids: Sequence[str]) -> None:
        self._unlink(session, [*self._to(session, ids), *self._from(session, ids)])

    def paused_calls(self, args_ids: Sequence[str]) -> list[InvocationRecord]:
        return self._unit.run(lambda session: self._paused(session, list(dict.fromkeys(args_ids))))

    def _paused(self, session: Session, args_ids: Sequence[str]) -> list[InvocationRecord]:
        keys = [self._keys("pa", each) for each in args_ids]
        # Not through the session's sets: the server's function writes these.
        replies = session.ask(*(("SMEMBERS", key) for key in keys), watch=keys)
        found = session.records.read([member.decode() for reply in replies for member in reply])
        found.update((record.invocation_id, record) for record in session.records.changed())
        return [r for r in found.values() if r.status is InvocationStatus.PAUSED and r.args_id in args_ids]

    def waiters_above(self, invocation_id: str, limit: int) -> list[str]:
        return self._unit.run(lambda session: self._above(session, invocation_id, limit))

    def _above(self, session: Session, invocation_id: str, limit: int) -> list[str]:
        seen = {invocation_id: None}
        level = [invocation_id]
        while level and len(seen) <= limit:
            waiters = dict.fromkeys(edge.waiter_id for edge in self._to(session, level) if edge.waiter_id is not None)
            level = [each for each in waiters if each not in seen]
            seen.update(dict.fromkeys(level))
        return list(seen)[1 : limit + 1]

    def awaited_available(self, places: Sequence[tuple[str, str]], limit: int) -> list[str]:
        return self._unit.run(lambda session: self._awaited_available(session, places, limit))

    def _awaited_available(self, session: Session, places: Sequence[tuple[str, str]], limit: int) -> list[str]:
        # Not watched: it changes all the time, and what is chosen is claimed by compare-and-set.
        awaited = session.sets.peek([self._keys("awaited")])[0]
        available = [
            record
            for record in session.records.peek(sorted(awaited)).values()
            if record.status in AVAILABLE and is_served(record.queue, record.lane, places)
        ]
        edges = session.sets.peek([self._keys("to", record.invocation_id) for record in available])
        urgency: list[tuple[int, int, str]] = []
        waiters_of = [
            {w for member in members if (w := wait_to("", member).waiter_id) is not None} for members in edges
        ]
        waiters = session.records.peek(sorted({each for ids in waiters_of for each in ids}))
        for record, ids in zip(available, waiters_of, strict=True):
            if ids:
                priorities = [record.priority, *(waiters[each].priority for each in ids if each in waiters)]
                urgency.append((-max(priorities), -len(ids), record.invocation_id))
        return [invocation_id for *_, invocation_id in sorted(urgency)[:limit]]
