"""Arguments, outcomes, workflow data and the registry in SQLite."""

from collections.abc import Mapping, Sequence

from pynenc.backends.sqlite.statements import ByIds
from pynenc.backends.sqlite.workflow_log import SQLiteWorkflowLog
from pynenc.invocation.record import NewInvocation, Outcome
from pynenc.ports.state_backend import StateBackend

_SAVE_CALL = "INSERT INTO {p}calls VALUES (?, ?) ON CONFLICT DO NOTHING"
_LOAD_CALLS = ByIds("SELECT invocation_id, arguments FROM {p}calls WHERE invocation_id IN ({ids})")
_PUT_OUTCOME = "INSERT OR REPLACE INTO {p}outcomes ({outcome}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OUTCOMES = ByIds("SELECT {outcome} FROM {p}outcomes WHERE invocation_id IN ({ids}) ORDER BY invocation_id, attempt")
_DROP = (
    ByIds("DELETE FROM {p}calls WHERE invocation_id IN ({ids})"),
    ByIds("DELETE FROM {p}outcomes WHERE invocation_id IN ({ids})"),
    ByIds("DELETE FROM {p}cached_results WHERE invocation_id IN ({ids})"),
)

_CACHED = "SELECT invocation_id FROM {p}cached_results WHERE task_id = ? AND args_id = ?"
_CACHE = "INSERT OR REPLACE INTO {p}cached_results VALUES (?, ?, ?)"

_SET_WORKFLOW_DATA = "INSERT OR REPLACE INTO {p}workflow_data VALUES (?, ?, ?)"
_WORKFLOW_DATA = "SELECT key, value FROM {p}workflow_data WHERE workflow_id = ?"
_WORKFLOW_VALUE = "SELECT key, value FROM {p}workflow_data WHERE workflow_id = ? AND key = ?"

_PUBLISH = "INSERT OR REPLACE INTO {p}registry VALUES (?, ?, ?)"
_PUBLISHED = "SELECT name, value FROM {p}registry WHERE kind = ?"

_PURGE = (
    "DELETE FROM {p}calls",
    "DELETE FROM {p}outcomes",
    "DELETE FROM {p}cached_results",
    "DELETE FROM {p}workflow_data",
    "DELETE FROM {p}workflow_log",
    "DELETE FROM {p}workflow_fences",
    "DELETE FROM {p}workflow_continuations",
    "DELETE FROM {p}registry",
)


class SQLiteStateBackend(SQLiteWorkflowLog, StateBackend):
    """Tables by invocation, workflow and kind."""

    def save_calls(self, new: Sequence[NewInvocation]) -> None:
        with self._unit:
            self._store.write_many(_SAVE_CALL, [(each.invocation_id, each.arguments) for each in new])

    def load_calls(self, invocation_ids: Sequence[str]) -> dict[str, str]:
        return dict(self._store.rows_by_ids(_LOAD_CALLS, invocation_ids))

    def put_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        with self._unit:
            self._store.write_many(_PUT_OUTCOME, outcomes)

    def outcomes(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Outcome]:
        asked = set(keys)
        rows = self._store.rows_by_ids(_OUTCOMES, list(dict.fromkeys(invocation_id for invocation_id, _ in keys)))
        return {(row[0], row[1]): Outcome._make(row) for row in rows if row[:2] in asked}

    def attempts(self, invocation_id: str) -> list[Outcome]:
        return [Outcome._make(row) for row in self._store.rows_by_ids(_OUTCOMES, [invocation_id])]

    def drop_calls(self, invocation_ids: Sequence[str]) -> None:
        with self._unit:
            for statement in _DROP:
                self._store.write_by_ids(statement, invocation_ids)

    def cached_result(self, task_id: str, args_id: str) -> str | None:
        return next((str(found) for [found] in self._store.rows(_CACHED, (task_id, args_id))), None)

    def cache_result(self, task_id: str, args_id: str, invocation_id: str) -> None:
        with self._unit:
            self._store.write(_CACHE, (task_id, args_id, invocation_id))

    def set_workflow_data(self, workflow_id: str, values: Mapping[str, str]) -> None:
        with self._unit:
            self._store.write_many(_SET_WORKFLOW_DATA, [(workflow_id, *item) for item in values.items()])

    def get_workflow_data(self, workflow_id: str, keys: Sequence[str] | None = None) -> dict[str, str]:
        if keys is None:
            return dict(self._store.rows(_WORKFLOW_DATA, (workflow_id,)))
        return dict(row for key in keys for row in self._store.rows(_WORKFLOW_VALUE, (workflow_id, key)))

    def publish(self, kind: str, entries: Mapping[str, str]) -> None:
        with self._unit:
            self._store.write_many(_PUBLISH, [(kind, *item) for item in entries.items()])

    def published(self, kind: str) -> dict[str, str]:
        return dict(self._store.rows(_PUBLISHED, (kind,)))

    def purge(self) -> None:
        with self._unit:
            for sql in _PURGE:
                self._store.write(sql)
