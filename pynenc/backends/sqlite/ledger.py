"""The status ledger in SQLite: read, decide by the table, write, all inside one unit.

A unit has the file to itself, so what it has read stays true until its end: a change is decided in Python, and the
update needs no conditions. Conditions in SQL would need ``RETURNING`` for the record afterwards, which costs as much
as the update, its indexes and its history together.
"""

from collections.abc import Sequence

from pynenc.backends.sqlite.changes import record_after
from pynenc.backends.sqlite.mapping import RECORD_COLUMNS, Row, record_of
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import IS_AVAILABLE, IS_FINAL, IS_UNSTARTED, ByIds
from pynenc.invocation.record import InvocationRecord, NewInvocation, Transition
from pynenc.invocation.status import AVAILABLE, InvocationStatus
from pynenc.ports.orchestrator import Existing, StatusLedger

#: Parameters: a NewInvocation (its arguments, ?4, are for the state backend), then the time.
_REGISTER = """
    INSERT INTO {p}invocations (
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, not_before, registration_key, running_key, drop_when_blocked, registered_by, reply_to,
        registered_at, status, attempt, retries, recoveries, changed_at, cancel_requested, actor
    ) VALUES (
        ?1, ?2, ?3, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 'registered', 0, 0, 0, ?18, 0, ?16
    ) ON CONFLICT (invocation_id) DO NOTHING
"""
_IS_STORED = "SELECT 1 FROM {p}invocations WHERE invocation_id = ?"
_HOLDER = f"""
    SELECT invocation_id, args_id FROM {{p}}invocations
    WHERE registration_key = ? AND {IS_UNSTARTED} ORDER BY invocation_id LIMIT 1
"""

_CHANGE = """
    UPDATE {p}invocations
    SET status = ?, owner = ?, attempt = ?, retries = ?, recoveries = ?, changed_at = ?, claimed_at = ?,
        not_before = ?, actor = ?
    WHERE invocation_id = ?
"""

_READ = ByIds(f"SELECT {RECORD_COLUMNS} FROM {{p}}invocations WHERE invocation_id IN ({{ids}})")
_HOLDERS_OF_SCOPE = f"""
    SELECT {RECORD_COLUMNS} FROM {{p}}invocations WHERE running_key = ? AND owner IS NOT NULL
    ORDER BY claimed_at, invocation_id LIMIT ?
"""
_LINE_AT_SCOPE = f"""
    SELECT {RECORD_COLUMNS} FROM {{p}}invocations WHERE running_key = ? AND status = 'concurrency_controlled'
    ORDER BY priority DESC, invocation_id LIMIT ?
"""

_DUE = f"""
    SELECT {RECORD_COLUMNS} FROM {{p}}invocations WHERE not_before <= ? AND {IS_AVAILABLE}
    ORDER BY not_before, invocation_id LIMIT ?
"""
_NEXT_DUE = f"SELECT min(not_before) FROM {{p}}invocations WHERE not_before IS NOT NULL AND {IS_AVAILABLE}"
_SET_DUE = ByIds("UPDATE {p}invocations SET not_before = NULL WHERE invocation_id IN ({ids})")
_REQUEST_CANCEL = ByIds("UPDATE {p}invocations SET cancel_requested = 1 WHERE invocation_id IN ({ids})")

_EXPIRED = f"""
    SELECT invocation_id FROM {{p}}invocations WHERE changed_at < ? AND {IS_FINAL}
    ORDER BY changed_at, invocation_id LIMIT ?
"""

_DROP = (
    ByIds(f"""
        UPDATE {{p}}final_counts SET count = count - dropped
        FROM (
            SELECT task_id AS t, queue AS q, status AS s, count(*) AS dropped FROM {{p}}invocations
            WHERE invocation_id IN ({{ids}}) AND {IS_FINAL} GROUP BY 1, 2, 3
        )
        WHERE task_id = t AND queue = q AND status = s
    """),
    # The newest change stays, as what nobody sees, so that its sequence number is not given again.
    ByIds("""
        UPDATE {p}history SET invocation = 0
        WHERE sequence = (SELECT max(sequence) FROM {p}history)
        AND invocation IN (SELECT number FROM {p}invocations WHERE invocation_id IN ({ids}))
    """),
    ByIds("""
        DELETE FROM {p}history
        WHERE invocation IN (SELECT number FROM {p}invocations WHERE invocation_id IN ({ids}))
    """),
    ByIds("DELETE FROM {p}waits WHERE awaited_id IN ({ids})"),
    ByIds("DELETE FROM {p}waits WHERE waiter_id IN ({ids}) AND waiter_id <> ''"),
    ByIds("DELETE FROM {p}invocations WHERE invocation_id IN ({ids})"),
)
_DROP_STALE_MARKS = """
    DELETE FROM {p}history WHERE invocation = 0 AND sequence < (SELECT max(sequence) FROM {p}history)
"""


class SQLiteLedger(SQLitePart, StatusLedger):
    """Identity and status of every invocation."""

    def register(self, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        with self._unit:
            if any(each.registration_key is not None for each in new):
                return [self._register(each, now) for each in new]
            self._store.write_many(_REGISTER, [(*each, now) for each in new])
            return [None] * len(new)

    def _register(self, new: NewInvocation, now: float) -> Existing | None:
        if new.registration_key is not None and not self._store.rows(_IS_STORED, (new.invocation_id,)):
            for holder in self._store.rows(_HOLDER, (new.registration_key,)):
                return Existing._make(holder)
        self._store.write(_REGISTER, (*new, now))
        return None

    def claim(self, invocation_ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        with self._unit:
            records = self.read(invocation_ids)
            claimable = [
                record
                for record in map(records.get, dict.fromkeys(invocation_ids))
                if record is not None
                and record.status in AVAILABLE
                and record.running_key is None
                and (record.not_before is None or record.not_before <= now)
            ]
            pending = InvocationStatus.PENDING
            changes = [Transition(record.invocation_id, pending, owner, None) for record in claimable]
            return [record for record in self._write(changes, records, now) if record is not None]

    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        if not changes:
            return []
        with self._unit:
            return self._write(changes, self.read([change.invocation_id for change in changes]), now)

    def _write(
        self, changes: Sequence[Transition], records: dict[str, InvocationRecord], now: float
    ) -> list[InvocationRecord | None]:
        """Apply changes one after the other to the records as they stand, and store what comes out."""
        answers: list[InvocationRecord | None] = []
        rows: list[Row] = []
        for change in changes:
            after = record_after(records.get(change.invocation_id), change, now)
            answers.append(after)
            if after is not None:
                records[after.invocation_id] = after
                rows.append(
                    (after.status.value, *after[18:24], after.not_before, change.actor, after.invocation_id)
                )
        self._store.write_many(_CHANGE, rows)
        return answers

    def read(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        return {row[0]: record_of(row) for row in self._store.rows_by_ids(_READ, invocation_ids)}

    def scope(self, running_key: str, limit: int) -> list[InvocationRecord]:
        rows = self._store.rows(_HOLDERS_OF_SCOPE, (running_key, limit))
        rows += self._store.rows(_LINE_AT_SCOPE, (running_key, limit - len(rows)))
        return [record_of(row) for row in rows]

    def due(self, now: float, limit: int) -> list[InvocationRecord]:
        with self._unit:
            due = [record_of(row)._replace(not_before=None) for row in self._store.rows(_DUE, (now, limit))]
            self._store.write_by_ids(_SET_DUE, [record.invocation_id for record in due])
            return due

    def next_due(self) -> float | None:
        [[earliest]] = self._store.rows(_NEXT_DUE)
        return None if earliest is None else float(earliest)

    def request_cancel(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        with self._unit:
            owned = [record for record in self.read(invocation_ids).values() if record.owner is not None]
            self._store.write_by_ids(_REQUEST_CANCEL, [record.invocation_id for record in owned])
            return [record._replace(cancel_requested=True) for record in owned]

    def drop(self, invocation_ids: Sequence[str]) -> None:
        with self._unit:
            for statement in _DROP:
                self._store.write_by_ids(statement, invocation_ids)
            self._store.write(_DROP_STALE_MARKS)

    def expired(self, changed_before: float, limit: int) -> list[str]:
        return [invocation_id for [invocation_id] in self._store.rows(_EXPIRED, (changed_before, limit))]
