"""Listings of the ledger in SQLite.

The conditions of a query become SQL; which index leads is left to SQLite, except that partial indexes must be named
by their condition. Conditions without an index of their own (arguments, workflow type, times of registration) filter
what the others leave: an index of random digests would cost every call a page of the disk.
"""

from collections.abc import Collection, Sequence

from pynenc.backends.sqlite.mapping import history_entry_of, record_of
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds, one_of
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
    "roots_only",
    "owner",
    "running_key",
    "registered_from",
    "registered_until",
    "changed_before",
)

#: What a field asks for, where it is not to be equal to a column of its name.
_CONDITIONS = {
    # The one that gave the workflow its id is not in the index of the members.
    "workflow_id": ("((workflow_id = ? AND workflow_id <> invocation_id) OR (workflow_id = ? AND invocation_id = ?))"),
    "roots_only": "workflow_id = invocation_id AND ?",
    "registered_from": "registered_at >= ?",
    "registered_until": "registered_at < ?",
    "changed_before": "changed_at < ?",
}

_FIND = """
    SELECT {record} FROM {p}invocations WHERE {conditions} ORDER BY {order} LIMIT ?
"""
_COUNT = "SELECT {dimensions}, count(*) FROM {p}invocations WHERE {conditions} GROUP BY {dimensions}"
#: The same in parts. The final ones were summed up as they ended; the others are few, and have indexes of their own.
#: One statement, for between two of them an invocation could go from a part to come to one that is done.
_PARTS = (
    "SELECT {dimensions}, sum(count) FROM {p}final_counts WHERE count > 0 AND {conditions} GROUP BY {dimensions}",
    "SELECT {dimensions}, count(*) FROM {p}invocations WHERE owner IS NOT NULL AND {conditions} GROUP BY {dimensions}",
    """
        SELECT {dimensions}, count(*) FROM {p}invocations
        WHERE owner IS NULL AND status <> 'success' AND NOT {is_final} AND {conditions} GROUP BY {dimensions}
    """,
)
_COUNT_BY_PARTS = " UNION ALL ".join(_PARTS)

_HISTORY = ByIds("""
    SELECT sequence, invocation_id, history.status, history.actor, history.owner, history.attempt, timestamp
    FROM {p}history AS history JOIN {p}invocations ON number = invocation
    WHERE sequence IN ({chains})
""")
_CHANGES = """
    SELECT sequence, invocation_id, history.status, history.actor, history.owner, history.attempt, timestamp
    FROM {p}history AS history JOIN {p}invocations ON number = invocation
    WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_LAST_CHANGE = "SELECT sequence FROM {p}history WHERE invocation <> 0 ORDER BY sequence DESC LIMIT 1"


class SQLiteLedgerReader(SQLitePart, LedgerReader):
    """Pages, counts and changes."""

    def find(self, query: InvocationQuery) -> list[InvocationRecord]:
        conditions, parameters = _where(query, _GROUPS + _BEYOND_GROUPS)
        conditions.append(_index_of(query.statuses))
        if query.after is not None:
            conditions.append("invocation_id < ?" if query.newest_first else "invocation_id > ?")
            parameters.append(query.after)
        # Few are sorted, many are walked in order until the page is full. SQLite, which does not know how many there
        # are, would always walk; the plus sign keeps it from that.
        order = ("+" if _selects_few(query) else "") + ("invocation_id DESC" if query.newest_first else "invocation_id")
        sql = _FIND.replace("{conditions}", " AND ".join(conditions)).replace("{order}", order)
        return [record_of(row) for row in self._store.rows(sql, [*parameters, query.limit])]

    def count_by(self, dimensions: Sequence[str], query: InvocationQuery) -> dict[tuple[str, ...], int]:
        unknown = set(dimensions) - _DIMENSIONS
        if unknown:
            raise ValueError(f"Cannot count by {', '.join(sorted(unknown))}: one of {', '.join(sorted(_DIMENSIONS))}")
        conditions, parameters = _where(query, _GROUPS)
        beyond, more_parameters = _where(query, _BEYOND_GROUPS)
        # Without a dimension the one group is that of a constant.
        replacements = {
            "{conditions}": " AND ".join([*conditions, *beyond]),
            "{dimensions}": ", ".join(dimensions) or "''",
        }
        text = _COUNT if more_parameters else _COUNT_BY_PARTS
        for name, replacement in replacements.items():
            text = text.replace(name, replacement)
        counts: dict[tuple[str, ...], int] = {}
        repeated = 1 if more_parameters else len(_PARTS)
        for row in self._store.rows(text, [*parameters, *more_parameters] * repeated):
            group = row[: len(dimensions)]
            counts[group] = counts.get(group, 0) + row[-1]
        return counts

    def history(self, invocation_ids: Sequence[str]) -> list[HistoryEntry]:
        return sorted(history_entry_of(row) for row in self._store.rows_by_ids(_HISTORY, invocation_ids))

    def changes(self, after: int, limit: int) -> list[HistoryEntry]:
        return [history_entry_of(row) for row in self._store.rows(_CHANGES, (after, limit))]

    def last_change(self) -> int:
        return next((int(sequence) for [sequence] in self._store.rows(_LAST_CHANGE)), 0)


def _where(query: InvocationQuery, fields: Collection[str]) -> tuple[list[str], list[object]]:
    """The conditions that a query sets in these fields, and their parameters."""
    conditions = ["1"]
    parameters: list[object] = []
    for field in fields:
        value = getattr(query, field)
        if value is None or value is False or value in ("", frozenset()):
            continue
        conditions.append(_CONDITIONS.get(field) or (one_of(value) if field == "statuses" else f"{field} = ?"))
        parameters += [value] * conditions[-1].count("?")
    return conditions, parameters


def _selects_few(query: InvocationQuery) -> bool:
    """Whether it asks for what one runner, all runners or one workflow have at hand."""
    return bool(query.owner or query.workflow_id or (query.statuses and query.statuses <= OWNED))


def _index_of(statuses: Collection[InvocationStatus] | None) -> str:
    """The condition of the partial index that has all invocations in these statuses: SQLite does not find it itself."""
    if not statuses:
        return "1"
    if OWNED.issuperset(statuses):
        return "owner IS NOT NULL"
    if OWNED.isdisjoint(statuses) and InvocationStatus.SUCCESS not in statuses:
        return "owner IS NULL AND status <> 'success'"
    return "1"
