"""Trigger definitions, occurrences, firings and waits for events in SQLite."""

from collections.abc import Mapping, Sequence

from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.ports.trigger import (
    Evaluation,
    EventWaiter,
    EventWaiters,
    Firing,
    Firings,
    NewOccurrence,
    Occurrence,
    OccurrenceLog,
    StoredDefinition,
    Trigger,
    TriggerDefinitions,
    WaitingToken,
)

_COUNTER = "SELECT value FROM {p}trigger_counters WHERE name = ?"
_RAISE = "UPDATE {p}trigger_counters SET value = value + 1 WHERE name = ?"
_RAISE_FROM = "UPDATE {p}trigger_counters SET value = value + 1 WHERE name = 'turn' AND value = ?"

_DEFINITIONS = "SELECT definition_id, task_id, text, registered_at FROM {p}trigger_definitions ORDER BY definition_id"
_ADD_DEFINITION = (
    "INSERT INTO {p}trigger_definitions VALUES (?, ?, ?, ?) "
    "ON CONFLICT (definition_id) DO UPDATE SET text = excluded.text WHERE text <> excluded.text"
)
_REMOVE = (
    ByIds("DELETE FROM {p}trigger_marks WHERE definition_id IN ({ids})"),
    ByIds("DELETE FROM {p}trigger_tokens WHERE definition_id IN ({ids})"),
)
_REMOVE_DEFINITION = "DELETE FROM {p}trigger_definitions WHERE definition_id = ?"
_MARKS = "SELECT schedule, time FROM {p}trigger_marks"
_NEW_MARK = "INSERT INTO {p}trigger_marks VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_MOVE_MARK = "UPDATE {p}trigger_marks SET time = ? WHERE schedule = ? AND time = ?"

_COLUMNS = "position, key, source, at, data, invocation_id, attempt, status"
_RECORD = (
    "INSERT INTO {p}occurrences (key, source, at, data, invocation_id, attempt, status, pending) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING"
)
_PENDING = f"SELECT {_COLUMNS} FROM {{p}}occurrences WHERE pending = 1 ORDER BY position LIMIT ?"  # noqa: S608 - our own columns
_READ = ByIds(f"SELECT {_COLUMNS} FROM {{p}}occurrences WHERE key IN ({{ids}})")  # noqa: S608 - our own columns
_AFTER = f"SELECT {_COLUMNS} FROM {{p}}occurrences WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608 - our own columns
_AFTER_OF = f"SELECT {_COLUMNS} FROM {{p}}occurrences WHERE source = ? AND position > ? ORDER BY position LIMIT ?"  # noqa: S608 - our own columns
_FIRST_SINCE = "SELECT min(position) FROM {p}occurrences WHERE source = ? AND at >= ?"
_LAST = "SELECT coalesce(max(position), 0) FROM {p}occurrences"
_WITHDRAW = ByIds("DELETE FROM {p}occurrences WHERE key IN ({ids})")
# In portions, so that writers are never kept out for long.
_PORTION = 500
_FORGET_TOKENS = (
    "DELETE FROM {p}trigger_tokens WHERE number IN (SELECT number FROM {p}trigger_tokens WHERE at < ? LIMIT 500)"
)
_FORGET = (
    """DELETE FROM {p}occurrences WHERE position IN
    (SELECT position FROM {p}occurrences WHERE at < ? AND pending = 0
    AND NOT EXISTS (SELECT 1 FROM {p}event_waiters WHERE woken_for = key) LIMIT 500)""",
    "DELETE FROM {p}firings WHERE number IN (SELECT number FROM {p}firings WHERE at < ? AND call IS NULL LIMIT 500)",
)

_HANDLED = ByIds("UPDATE {p}occurrences SET pending = 0 WHERE key IN ({ids})")
_CONSUME = ByIds("DELETE FROM {p}trigger_tokens WHERE key IN ({ids})")
_WAIT = (
    "INSERT INTO {p}trigger_tokens (key, definition_id, place, text, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_WAITING = ByIds(
    "SELECT key, definition_id, place, text, at FROM {p}trigger_tokens WHERE definition_id IN ({ids}) ORDER BY number"
)
_FIRING = "firing_id, definition_id, task_id, at, causes, invocation_id, error, call"
_FIRE = f"INSERT INTO {{p}}firings ({_FIRING}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608 - our own columns
_UNSETTLED = f"SELECT {_FIRING} FROM {{p}}firings WHERE call IS NOT NULL ORDER BY number LIMIT ?"  # noqa: S608 - our own columns
_SETTLE = "UPDATE {p}firings SET invocation_id = ?, call = NULL WHERE firing_id = ?"
_FIRINGS = f"SELECT {_FIRING} FROM {{p}}firings ORDER BY number DESC LIMIT ?"  # noqa: S608 - our own columns
_FIRINGS_OF = f"SELECT {_FIRING} FROM {{p}}firings WHERE definition_id = ? ORDER BY number DESC LIMIT ?"  # noqa: S608 - our own columns

_WAITER = "invocation_id, wait, source, wanted, after, unchecked, woken_for"
_ADD_WAITER = "INSERT OR REPLACE INTO {p}event_waiters VALUES (?, ?, ?, ?, ?, ?, ?)"
_WAITERS_OF = f"SELECT {_WAITER} FROM {{p}}event_waiters WHERE woken_for IS NULL AND source = ? AND NOT unchecked"  # noqa: S608 - our own columns
_UNCHECKED = f"SELECT {_WAITER} FROM {{p}}event_waiters WHERE unchecked = 1 AND woken_for IS NULL"  # noqa: S608 - our own columns
_WOKEN = (
    f"SELECT {_WAITER} FROM {{p}}event_waiters WHERE woken_for IS NOT NULL AND invocation_id > ? "  # noqa: S608 - our own columns
    "ORDER BY invocation_id LIMIT ?"
)
_WAITER_OF = f"SELECT {_WAITER} FROM {{p}}event_waiters WHERE invocation_id = ?"  # noqa: S608 - our own columns
_DROP_WAITERS = ByIds("DELETE FROM {p}event_waiters WHERE invocation_id IN ({ids})")
_LOOKED = """
    UPDATE {p}event_waiters SET woken_for = ?, unchecked = 0
    WHERE invocation_id = ? AND wait = ? AND after = ? AND woken_for IS NULL
"""

_PURGE = (
    "DELETE FROM {p}event_waiters",
    "DELETE FROM {p}trigger_definitions",
    "DELETE FROM {p}trigger_marks",
    "DELETE FROM {p}trigger_tokens",
    "DELETE FROM {p}firings",
    "DELETE FROM {p}occurrences",
)


class _Definitions(SQLitePart, TriggerDefinitions):
    def version(self) -> int:
        return int(self._store.rows(_COUNTER, ("version",))[0][0])

    def definitions(self) -> list[StoredDefinition]:
        return [StoredDefinition._make(row) for row in self._store.rows(_DEFINITIONS)]

    def change_definitions(self, add: Sequence[StoredDefinition], remove: Sequence[str]) -> bool:
        with self._unit:
            changed = sum(self._store.write(_ADD_DEFINITION, each) for each in add)
            changed += sum(self._store.write(_REMOVE_DEFINITION, (each,)) for each in remove)
            for statement in _REMOVE:
                self._store.write_by_ids(statement, remove)
            if changed:
                self._store.write(_RAISE, ("version",))
        return changed > 0

    def marks(self) -> dict[str, float]:
        return dict(self._store.rows(_MARKS))

    def advance_mark(self, schedule: str, expected: float | None, to: float) -> bool:
        with self._unit:
            if expected is None:
                return self._store.write(_NEW_MARK, (schedule, schedule.partition("/")[0], to)) > 0
            return self._store.write(_MOVE_MARK, (to, schedule, expected)) > 0


class _Log(SQLitePart, OccurrenceLog):
    def record(self, new: Sequence[NewOccurrence]) -> int:
        with self._unit:
            return self._store.write_many(
                _RECORD, [(o.key, o.source, o.at, o.data, o.invocation_id, o.attempt, o.status) for o in new]
            )

    def pending(self, limit: int) -> list[Occurrence]:
        return [Occurrence._make(row) for row in self._store.rows(_PENDING, (limit,))]

    def read(self, keys: Sequence[str]) -> dict[str, Occurrence]:
        return {row[1]: Occurrence._make(row) for row in self._store.rows_by_ids(_READ, keys)}

    def after(self, position: int, limit: int, source: str | None = None) -> list[Occurrence]:
        if source is None:
            return [Occurrence._make(row) for row in self._store.rows(_AFTER, (position, limit))]
        return [Occurrence._make(row) for row in self._store.rows(_AFTER_OF, (source, position, limit))]

    def before(self, source: str, since: float) -> int:
        [[first]] = self._store.rows(_FIRST_SINCE, (source, since))
        return int(self._store.rows(_LAST)[0][0]) if first is None else int(first) - 1

    def withdraw(self, keys: Sequence[str]) -> None:
        with self._unit:
            self._store.write_by_ids(_WITHDRAW, keys)

    def forget(self, before: float) -> int:
        with self._unit:
            tokens = self._store.write(_FORGET_TOKENS, (before,))
            if tokens:
                self._store.write(_RAISE, ("turn",))
            if tokens >= _PORTION:
                # What they are made of stays until all of them are gone.
                return tokens
            return max(tokens, *(self._store.write(sql, (before,)) for sql in _FORGET))


class _Firings(SQLitePart, Firings):
    def turn(self) -> int:
        return int(self._store.rows(_COUNTER, ("turn",))[0][0])

    def complete(self, turn: int, evaluation: Evaluation) -> bool:
        with self._unit:
            if not self._store.write(_RAISE_FROM, (turn,)):
                return False
            self._store.write_by_ids(_HANDLED, evaluation.handled)
            self._store.write_by_ids(_CONSUME, evaluation.consumed)
            self._store.write_many(_WAIT, evaluation.waiting)
            self._store.write_many(_FIRE, evaluation.firings)
            self._store.write_many(_LOOKED, [(each.woken_for, *each[:3]) for each in evaluation.looked])
        return True

    def waiting(self, definition_ids: Sequence[str]) -> list[WaitingToken]:
        return [WaitingToken._make(row) for row in self._store.rows_by_ids(_WAITING, definition_ids)]

    def unsettled(self, limit: int) -> list[Firing]:
        return [Firing._make(row) for row in self._store.rows(_UNSETTLED, (limit,))]

    def settle(self, invocations: Mapping[str, str]) -> None:
        with self._unit:
            self._store.write_many(_SETTLE, [(invocation, firing) for firing, invocation in invocations.items()])

    def firings(self, limit: int, definition_id: str | None = None) -> list[Firing]:
        if definition_id is None:
            return [Firing._make(row) for row in self._store.rows(_FIRINGS, (limit,))]
        return [Firing._make(row) for row in self._store.rows(_FIRINGS_OF, (definition_id, limit))]


class _Waiters(SQLitePart, EventWaiters):
    def add_waiters(self, waiters: Sequence[EventWaiter]) -> None:
        with self._unit:
            self._store.write_many(_ADD_WAITER, waiters)

    def waiters(self, sources: Sequence[str]) -> list[EventWaiter]:
        rows = self._store.rows(_UNCHECKED)
        for source in dict.fromkeys(sources):
            rows += self._store.rows(_WAITERS_OF, (source,))
        return [_waiter_of(row) for row in rows]

    def woken(self, limit: int, after: str = "") -> list[EventWaiter]:
        return [_waiter_of(row) for row in self._store.rows(_WOKEN, (after, limit))]

    def waiter_of(self, invocation_id: str) -> EventWaiter | None:
        return next((_waiter_of(row) for row in self._store.rows(_WAITER_OF, (invocation_id,))), None)

    def drop_waiters(self, invocation_ids: Sequence[str]) -> None:
        with self._unit:
            self._store.write_by_ids(_DROP_WAITERS, invocation_ids)


def _waiter_of(row: Sequence[object]) -> EventWaiter:
    waiter = EventWaiter._make(row)
    return waiter._replace(unchecked=bool(waiter.unchecked))


class SQLiteTrigger(_Definitions, _Log, _Firings, _Waiters, Trigger):
    """Tables by key; the log's position is the number of its row."""

    def purge(self) -> None:
        with self._unit:
            for sql in _PURGE:
                self._store.write(sql)
            self._store.write(_RAISE, ("version",))
            self._store.write(_RAISE, ("turn",))


#: The name that older documents use.
SqliteTrigger = SQLiteTrigger
