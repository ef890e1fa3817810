"""The board of runners in SQLite."""

from collections.abc import Mapping, Sequence

from pynenc.backends.sqlite.mapping import record_of, row_of_runner, runner_of
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.ports.orchestrator import RunnerBoard

_SAVE = "INSERT OR REPLACE INTO {p}runners ({runner}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BEAT = "UPDATE {p}runners SET last_beat = ? WHERE runner_id = ?"
_RETIRE = "UPDATE {p}runners SET stopped_at = ? WHERE runner_id = ?"
_ALL = "SELECT {runner} FROM {p}runners"
_THESE = ByIds("SELECT {runner} FROM {p}runners WHERE runner_id IN ({ids})")

#: The plus sign: SQLite would rather walk all invocations in order than sort the few that are owned.
_ORPHANS = """
    SELECT {record} FROM {p}invocations
    WHERE owner IS NOT NULL AND owner NOT IN (
        SELECT runner_id FROM {p}runners WHERE stopped_at IS NULL AND last_beat >= ?
    )
    AND (changed_at < ? OR owner IN (SELECT runner_id FROM {p}runners))
    ORDER BY +invocation_id LIMIT ?
"""
_FORGET = """
    DELETE FROM {p}runners WHERE last_beat < ?
    AND NOT EXISTS (SELECT 1 FROM {p}invocations WHERE owner = runner_id AND owner IS NOT NULL)
"""

_HOLD = """
    INSERT INTO {p}duties VALUES (?, ?, ?)
    ON CONFLICT (duty) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE holder = excluded.holder OR until <= ?
"""
_DUTIES = "SELECT duty, holder, until FROM {p}duties"


class SQLiteRunnerBoard(SQLitePart, RunnerBoard):
    """Runners and their leases."""

    def save_runners(self, runners: Sequence[RunnerRecord]) -> None:
        with self._unit:
            self._store.write_many(_SAVE, [row_of_runner(runner) for runner in runners])

    def beat(self, runner_ids: Sequence[str], now: float) -> list[str]:
        with self._unit:
            return [each for each in runner_ids if not self._store.write(_BEAT, (now, each))]

    def retire(self, runner_ids: Sequence[str], now: float) -> None:
        with self._unit:
            self._store.write_many(_RETIRE, [(now, each) for each in runner_ids])

    def runners(
        self, *, alive_since: float | None = None, runner_ids: Sequence[str] | None = None
    ) -> list[RunnerRecord]:
        rows = self._store.rows(_ALL) if runner_ids is None else self._store.rows_by_ids(_THESE, runner_ids)
        found = [runner_of(row) for row in rows]
        if alive_since is not None:
            found = [each for each in found if each.stopped_at is None and each.last_beat >= alive_since]
        return sorted(found, key=lambda runner: (runner.started_at, runner.runner_id))

    def orphans(self, silent_since: float, limit: int) -> list[InvocationRecord]:
        return [record_of(row) for row in self._store.rows(_ORPHANS, (silent_since, silent_since, limit))]

    def hold_duty(self, duty: str, holder: str, now: float, until: float) -> bool:
        with self._unit:
            return self._store.write(_HOLD, (duty, holder, until, now)) == 1

    def duties(self) -> Mapping[str, tuple[str, float]]:
        return {duty: (holder, until) for duty, holder, until in self._store.rows(_DUTIES)}

    def forget_runners(self, silent_since: float) -> int:
        with self._unit:
            return self._store.write(_FORGET, (silent_since,))
