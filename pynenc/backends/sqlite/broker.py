"""Queues in SQLite: a table, and an index in the order in which entries come out."""

from collections.abc import Mapping, Sequence

from pynenc.backends.sqlite.mapping import Row
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.invocation.record import ANY_QUEUE, QueueEntry
from pynenc.ports.broker import Broker

#: An id that is pushed again keeps its place, or moves up.
_PUSH = """
    INSERT INTO {p}queue ({queue_entry}) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (invocation_id) DO UPDATE SET priority = excluded.priority WHERE excluded.priority > priority
"""
_PROMOTE = """
    UPDATE {p}queue SET priority = max(priority, ?), dependents = dependents + ?
    WHERE invocation_id = ? AND (priority < ? OR ? > 0)
"""

_FIRST = """
    SELECT number, {queue_entry} FROM {p}queue WHERE queue = ? AND lane = ?
    ORDER BY priority DESC, dependents DESC, number LIMIT ?
"""
_TAKE = "DELETE FROM {p}queue WHERE number = ?"
_REMOVE = ByIds("DELETE FROM {p}queue WHERE invocation_id IN ({ids})")
_QUEUED = ByIds("SELECT invocation_id FROM {p}queue WHERE invocation_id IN ({ids})")

#: From each (queue, lane) to the next: a step for each of them, however many entries they hold.
_PLACES = """
    WITH RECURSIVE places(queue, lane) AS (
        SELECT * FROM (SELECT queue, lane FROM {p}queue ORDER BY queue, lane LIMIT 1)
        UNION ALL
        SELECT entry.queue, entry.lane FROM places JOIN {p}queue AS entry ON entry.number = coalesce(
            (SELECT number FROM {p}queue WHERE queue = places.queue AND lane > places.lane ORDER BY lane LIMIT 1),
            (SELECT number FROM {p}queue WHERE queue > places.queue ORDER BY queue, lane LIMIT 1)
        )
    )
    SELECT queue, lane FROM places
"""
_SIZES = "SELECT queue, lane, count(*) FROM {p}queue GROUP BY queue, lane"


class SQLiteBroker(SQLitePart, Broker):
    """Queues of invocation ids."""

    def push(self, entries: Sequence[QueueEntry]) -> None:
        with self._unit:
            self._store.write_many(_PUSH, entries)

    def pop(self, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        with self._unit:
            rows = self._next(self._meant(places), limit)
            self._store.write_many(_TAKE, [row[:1] for row in rows])
            return [QueueEntry._make(row[1:]) for row in rows]

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        with self._unit:
            rows = [(e.priority, e.dependents, e.invocation_id, e.priority, e.dependents) for e in entries]
            self._store.write_many(_PROMOTE, rows)

    def remove(self, invocation_ids: Sequence[str]) -> None:
        with self._unit:
            self._store.write_by_ids(_REMOVE, invocation_ids)

    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        queued = {invocation_id for [invocation_id] in self._store.rows_by_ids(_QUEUED, invocation_ids)}
        return [invocation_id for invocation_id in invocation_ids if invocation_id not in queued]

    def sizes(self) -> Mapping[tuple[str, str], int]:
        return {(queue, lane): size for queue, lane, size in self._store.rows(_SIZES)}

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        rows = self._next([place for place in self._places() if place[0] == queue], limit)
        return [QueueEntry._make(row[1:]) for row in rows]

    def purge(self, queue: str | None = None) -> None:
        with self._unit:
            if queue is None:
                self._store.write("DELETE FROM {p}queue")
            else:
                self._store.write("DELETE FROM {p}queue WHERE queue = ?", (queue,))

    def _meant(self, places: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """The places that are named, or stand behind ``ANY_QUEUE`` or behind no name at all."""
        if places and not any(queue == ANY_QUEUE for queue, _ in places):
            return places
        return [place for place in self._places() if not places or place in places or (ANY_QUEUE, place[1]) in places]

    def _places(self) -> list[tuple[str, str]]:
        """Every (queue, lane) that holds something."""
        return [(queue, lane) for queue, lane in self._store.rows(_PLACES)]

    def _next(self, places: Sequence[tuple[str, str]], limit: int) -> list[Row]:
        """The next entries of these places with their numbers: the next of each, merged."""
        rows = [row for place in dict.fromkeys(places) for row in self._store.rows(_FIRST, (*place, limit))]
        if len(places) > 1:
            rows.sort(key=_rank)
        return rows[:limit]


def _rank(row: Row) -> tuple[int, int, int]:
    number, _, _, _, priority, dependents = row
    return -priority, -dependents, number
