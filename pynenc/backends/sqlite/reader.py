"""Listings of the ledger in SQLite.

The conditions of a query become SQL; which index leads is left to SQLite, except that partial indexes must be named
by their condition. Conditions without an index of their own (arguments, workflow type, times of registration) filter
what the others leave: an index of random digests would cost every call a page of the disk.
"""

from collections.abc import Collection, Sequence

from pynenc.backends.sqlite.mapping import RECORD_COLUMNS, Row, history_entry_of, record_of
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import IS_FINAL, ByIds, one_of
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import OWNED, InvocationStatus
from pynenc.ports.orchestrator import LedgerReader

#: The columns that ``count_by`` may group by.
_DIMENSIONS = frozenset({"status", "task_id", "queue"})

#: Fields of a query that the summed counts of final invocations know, and those they do not.
_GROUPS = ("task_id", "queue", "statuses")
_BEYOND_GROUPS = (
    "args_id",
    "parent_id",
    "workflow_id",
    "workflow_type",
    "owner",
    "running_key",
    "registered_from",
    "registered_until",
    "changed_before",
)

#: What a field asks for, where it is not to be equal to a column of its name.
_CONDITIONS = {
    # The one that gave the workflow its id is not in the index of the members.
    "workflow_id": "(workflow_id = ? AND (workflow_id <> invocation_id OR invocation_id = ?))",
    "registered_from": "registered_at >= ?",
    "registered_until": "registered_at < ?",
    "changed_before": "changed_at < ?",
}

_HISTORY_COLUMNS = "sequence, invocation_id, history.status, history.actor, history.owner, history.attempt, timestamp"
_HISTORY = ByIds(f"""
    SELECT {_HISTORY_COLUMNS} FROM {{p}}invocations JOIN {{p}}history AS history ON invocation = number
    WHERE invocation_id IN ({{ids}})
""")
_CHANGES = f"""
    SELECT {_HISTORY_COLUMNS} FROM {{p}}history AS history JOIN {{p}}invocations ON number = invocation
    WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_LAST_CHANGE = "SELECT sequence FROM {p}history WHERE invocation <> 0 ORDER BY sequence DESC LIMIT 1"


class SQLiteLedgerReader(SQLitePart, LedgerReader):
    """Pages, counts and changes."""

    def find(self, query: InvocationQuery) -> list[InvocationRecord]:
        condition, parameters = _where(query, _GROUPS + _BEYOND_GROUPS)
        condition += f" AND {_index_of(query.statuses)}"
        if query.after is not None:
            condition += f" AND invocation_id {'<' if query.newest_first else '>'} ?"
            parameters.append(query.after)
        order = "DESC" if query.newest_first else "ASC"
        sql = f"""
            SELECT {RECORD_COLUMNS} FROM {{p}}invocations WHERE {condition}
            ORDER BY invocation_id {order} LIMIT ?
        """
        return [record_of(row) for row in self._store.rows(sql, (*parameters, query.limit))]

    def count_by(self, dimensions: Sequence[str], query: InvocationQuery) -> dict[tuple[str, ...], int]:
        unknown = set(dimensions) - _DIMENSIONS
        if unknown:
            raise ValueError(f"Cannot count by {', '.join(sorted(unknown))}: one of {', '.join(sorted(_DIMENSIONS))}")
        counts: dict[tuple[str, ...], int] = {}
        for *values, count in self._counted(dimensions, query):
            key = tuple(map(str, values))
            counts[key] = counts.get(key, 0) + count
        return counts

    def _counted(self, dimensions: Sequence[str], query: InvocationQuery) -> list[Row]:
        columns = "".join(f"{dimension}, " for dimension in dimensions)
        group = f"GROUP BY {', '.join(dimensions)}" if dimensions else ""
        condition, parameters = _where(query, _GROUPS)
        if any(getattr(query, field) not in (None, "") for field in _BEYOND_GROUPS):
            more, more_parameters = _where(query, _BEYOND_GROUPS)
            sql = f"SELECT {columns}count(*) FROM {{p}}invocations WHERE {condition} AND {more} {group}"
            return self._store.rows(sql, [*parameters, *more_parameters])
        # The final ones were summed up as they ended; the others are few, and have indexes of their own.
        return [
            row
            for sql in (
                f"SELECT {columns}sum(count) FROM {{p}}final_counts WHERE {condition} {group}",
                f"SELECT {columns}count(*) FROM {{p}}invocations WHERE owner IS NOT NULL AND {condition} {group}",
                f"SELECT {columns}count(*) FROM {{p}}invocations "
                f"WHERE owner IS NULL AND status <> 'success' AND NOT {IS_FINAL} AND {condition} {group}",
            )
            for row in self._store.rows(sql, parameters)
            # Without a row to sum there is no sum; what was dropped leaves a 0.
            if row[-1]
        ]

    def history(self, invocation_ids: Sequence[str]) -> list[HistoryEntry]:
        return sorted(history_entry_of(row) for row in self._store.rows_by_ids(_HISTORY, invocation_ids))

    def changes(self, after: int, limit: int) -> list[HistoryEntry]:
        return [history_entry_of(row) for row in self._store.rows(_CHANGES, (after, limit))]

    def last_change(self) -> int:
        return next((int(sequence) for [sequence] in self._store.rows(_LAST_CHANGE)), 0)


def _where(query: InvocationQuery, fields: Collection[str]) -> tuple[str, list[object]]:
    """The conditions that a query sets in these fields, and their parameters."""
    conditions = ["1"]
    parameters: list[object] = []
    for field in fields:
        value = getattr(query, field)
        if value is None or value == "" or value == frozenset():
            continue
        conditions.append(_CONDITIONS.get(field) or (one_of(value) if field == "statuses" else f"{field} = ?"))
        parameters += [value] * conditions[-1].count("?")
    return " AND ".join(conditions), parameters


def _index_of(statuses: Collection[InvocationStatus] | None) -> str:
    """The condition of the partial index that has all invocations in these statuses: SQLite does not find it itself."""
    if not statuses:
        return "1"
    if OWNED.issuperset(statuses):
        return "owner IS NOT NULL"
    if OWNED.isdisjoint(statuses) and InvocationStatus.SUCCESS not in statuses:
        return "owner IS NULL AND status <> 'success'"
    return "1"
