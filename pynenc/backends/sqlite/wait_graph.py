"""The waits-for graph in SQLite."""

from collections.abc import Sequence

from pynenc.backends.sqlite.mapping import record_of, row_of_wait, wait_of
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.invocation.record import ANY_QUEUE, InvocationRecord, Wait
from pynenc.ports.orchestrator import WaitGraph

_ADD = "INSERT INTO {p}waits VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_TO = ByIds("SELECT awaited_id, waiter_id, address FROM {p}waits WHERE awaited_id IN ({ids})")
_FROM = ByIds("SELECT awaited_id, waiter_id, address FROM {p}waits WHERE waiter_id IN ({ids}) AND waiter_id <> ''")
_FORGET_TO = ByIds("DELETE FROM {p}waits WHERE awaited_id IN ({ids})")
_FORGET_FROM = ByIds("DELETE FROM {p}waits WHERE waiter_id IN ({ids}) AND waiter_id <> ''")

#: UNION takes nobody twice, so a circle ends; SQLite goes on from those found first, so the nearest come first.
_ABOVE = """
    WITH RECURSIVE above(id) AS (
        SELECT waiter_id FROM {p}waits WHERE awaited_id = ? AND waiter_id <> ''
        UNION
        SELECT waiter_id FROM above JOIN {p}waits ON awaited_id = id WHERE waiter_id <> ''
        LIMIT ?
    )
    SELECT id FROM above WHERE id <> ?
"""

#: From the edges to the invocations: somebody waits for few of those that are available.
_AWAITED_AVAILABLE = """
    SELECT awaited.invocation_id, awaited.queue, awaited.lane
    FROM (SELECT DISTINCT awaited_id, waiter_id FROM {p}waits WHERE waiter_id <> '') AS edges
    CROSS JOIN {p}invocations AS awaited ON awaited.invocation_id = awaited_id
    LEFT JOIN {p}invocations AS waiter ON waiter.invocation_id = waiter_id
    WHERE {awaited_is_available}
    GROUP BY awaited.invocation_id
    ORDER BY max(awaited.priority, max(coalesce(waiter.priority, awaited.priority))) DESC, count(*) DESC, 1
"""

_PAUSED_CALLS = ByIds("SELECT {record} FROM {p}invocations WHERE status = 'paused' AND args_id IN ({ids})")


class SQLiteWaitGraph(SQLitePart, WaitGraph):
    """Edges, by both of their ends."""

    def add_waits(self, waits: Sequence[Wait]) -> None:
        with self._unit:
            self._store.write_many(_ADD, [row_of_wait(wait) for wait in waits])

    def release(self, awaited_ids: Sequence[str]) -> list[Wait]:
        with self._unit:
            released = self.waiting_for(awaited_ids)
            if released:
                self._store.write_by_ids(_FORGET_TO, awaited_ids)
            return released

    def forget_waiters(self, waiter_ids: Sequence[str]) -> None:
        with self._unit:
            self._store.write_by_ids(_FORGET_FROM, waiter_ids)

    def waiting_for(self, awaited_ids: Sequence[str]) -> list[Wait]:
        return [wait_of(row) for row in self._store.rows_by_ids(_TO, awaited_ids)]

    def awaited_by(self, waiter_ids: Sequence[str]) -> list[Wait]:
        return [wait_of(row) for row in self._store.rows_by_ids(_FROM, waiter_ids)]

    def paused_calls(self, args_ids: Sequence[str]) -> list[InvocationRecord]:
        return [record_of(row) for row in self._store.rows_by_ids(_PAUSED_CALLS, args_ids)]

    def waiters_above(self, invocation_id: str, limit: int) -> list[str]:
        # One more than asked for: in a circle the invocation itself is among them.
        rows = self._store.rows(_ABOVE, (invocation_id, limit + 1, invocation_id))
        return [waiter_id for [waiter_id] in rows][:limit]

    def awaited_available(self, places: Sequence[tuple[str, str]], limit: int) -> list[str]:
        found = [
            invocation_id
            for invocation_id, queue, lane in self._store.rows(_AWAITED_AVAILABLE)
            if not places or (queue, lane) in places or (ANY_QUEUE, lane) in places
        ]
        return found[:limit]
