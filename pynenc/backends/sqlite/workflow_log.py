"""The logs of workflows in SQLite: one row an operation, one row a log for who may write to it."""

from collections.abc import Sequence

from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.ports.workflow_log import WorkflowLog
from pynenc.workflow.log_entry import Continuation, Fence, LogEntry, OpenedLog

#: Below every position.
_BEGINNING = -(1 << 62)

_CONTINUED = "SELECT invocation_id, log_id, generation FROM {p}workflow_continuations WHERE invocation_id = ?"
_CONTINUATIONS_OF = ByIds(
    "SELECT invocation_id, log_id, generation FROM {p}workflow_continuations WHERE log_id IN ({ids})"
)
_CONTINUATIONS = "SELECT invocation_id, log_id, generation FROM {p}workflow_continuations"
_IS_CONTINUED = "SELECT 1 FROM {p}workflow_continuations WHERE log_id = ? AND generation = ?"
_CONTINUE = "INSERT INTO {p}workflow_continuations VALUES (?, ?, ?)"

_FENCE = "SELECT generation, attempt FROM {p}workflow_fences WHERE log_id = ?"
_SET_FENCE = "INSERT OR REPLACE INTO {p}workflow_fences VALUES (?, ?, ?)"

_PAGE = """
    SELECT position, kind, name, detail, value, failed, dealt_with, attempt, recorded_at
    FROM {p}workflow_log WHERE log_id = ? AND position > ? ORDER BY position LIMIT ?
"""
_APPEND = "INSERT INTO {p}workflow_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_IS_TAKEN = "SELECT 1 FROM {p}workflow_log WHERE log_id = ? AND position = ?"
_DEAL_WITH = "UPDATE {p}workflow_log SET dealt_with = 1 WHERE log_id = ? AND position = ?"
_FORGET = "DELETE FROM {p}workflow_log WHERE log_id = ? AND position = ?"

_DROP = (
    ByIds("DELETE FROM {p}workflow_log WHERE log_id IN ({ids})"),
    ByIds("DELETE FROM {p}workflow_fences WHERE log_id IN ({ids})"),
    ByIds("DELETE FROM {p}workflow_continuations WHERE log_id IN ({ids})"),
    ByIds("DELETE FROM {p}workflow_data WHERE workflow_id IN ({ids})"),
)


class SQLiteWorkflowLog(SQLitePart, WorkflowLog):
    """Tables by log and position."""

    def open_log(self, invocation_id: str, attempt: int, limit: int) -> OpenedLog | None:
        with self._unit:
            continued = self.continued_by(invocation_id) or Continuation(invocation_id, invocation_id, 0)
            fence = Fence(continued.generation, attempt)
            known = self._fence(continued.log_id)
            if known is not None and known > fence:
                return None
            if known != fence:
                self._store.write(_SET_FENCE, (continued.log_id, *fence))
            return OpenedLog(continued.log_id, continued.generation, self.read_log(continued.log_id, _BEGINNING, limit))

    def _fence(self, log_id: str) -> Fence | None:
        return next((Fence._make(row) for row in self._store.rows(_FENCE, (log_id,))), None)

    def read_log(self, log_id: str, after: int, limit: int) -> list[LogEntry]:
        return [_entry_of(row) for row in self._store.rows(_PAGE, (log_id, after, limit))]

    def append_log(
        self, log_id: str, fence: Fence, entries: Sequence[LogEntry], dealt_with: Sequence[int] = ()
    ) -> bool:
        with self._unit:
            if self._fence(log_id) != fence:
                return False
            if any(self._store.rows(_IS_TAKEN, (log_id, entry.position)) for entry in entries):
                return False
            self._store.write_many(_APPEND, [(log_id, *entry) for entry in entries])
            self._store.write_many(_DEAL_WITH, [(log_id, position) for position in dealt_with])
            return True

    def forget_entries(self, log_id: str, fence: Fence, positions: Sequence[int]) -> bool:
        with self._unit:
            if self._fence(log_id) != fence:
                return False
            self._store.write_many(_FORGET, [(log_id, position) for position in positions])
            return True

    def continue_log(self, continuation: Continuation, forget: Sequence[int]) -> bool:
        with self._unit:
            if self._store.rows(_IS_CONTINUED, (continuation.log_id, continuation.generation)):
                return False
            self._store.write(_CONTINUE, continuation)
            self._store.write_many(_FORGET, [(continuation.log_id, position) for position in forget])
            return True

    def continuations(self, log_ids: Sequence[str] | None = None) -> list[Continuation]:
        if log_ids is None:
            rows = self._store.rows(_CONTINUATIONS)
        else:
            rows = self._store.rows_by_ids(_CONTINUATIONS_OF, list(dict.fromkeys(log_ids)))
        return sorted((Continuation._make(row) for row in rows), key=lambda each: (each.log_id, each.generation))

    def continued_by(self, invocation_id: str) -> Continuation | None:
        return next((Continuation._make(row) for row in self._store.rows(_CONTINUED, (invocation_id,))), None)

    def drop_logs(self, log_ids: Sequence[str]) -> None:
        with self._unit:
            for statement in _DROP:
                self._store.write_by_ids(statement, log_ids)


def _entry_of(row: Sequence[object]) -> LogEntry:
    entry = LogEntry._make(row)
    return entry._replace(failed=bool(entry.failed), dealt_with=bool(entry.dealt_with))
