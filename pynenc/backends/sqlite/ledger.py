"""The status ledger in SQLite: a compare-and-set on the record as it was last seen here.

A change is decided in Python, by the table, on the record that this process has of the invocation, and written if the
stored one is still the same; otherwise it is read and decided again. So the owner of an invocation, which makes nearly
all of its changes, reads it once, at the claim. Reading it, also by ``RETURNING``, costs as much as writing the change
with its indexes and its history.
"""

from collections.abc import Collection, Sequence

from pynenc.backends.sqlite.mapping import Row, record_of
from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.backends.sqlite.unit import SQLiteUnit
from pynenc.invocation.record import InvocationRecord, NewInvocation, Transition
from pynenc.invocation.record_change import record_after
from pynenc.invocation.status import AVAILABLE, InvocationStatus
from pynenc.ports.orchestrator import Existing, StatusLedger

#: Records kept of what runs here; more than a process runs or has paused, unless it is told to.
KEPT_RECORDS = 4_096

_ARGUMENTS = NewInvocation._fields.index("arguments")
_OWNER = InvocationRecord._fields.index("owner")
_CANCEL_REQUESTED = InvocationRecord._fields.index("cancel_requested")

#: Parameters: ``_registration``.
_REGISTER = """
    INSERT INTO {p}invocations (
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, not_before, registration_key, running_key, drop_when_blocked, registered_by, reply_to,
        registered_at, changed_at, actor, status, attempt, retries, recoveries, cancel_requested, last_change
    ) VALUES (
        ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'registered', 0, 0, 0, 0, {next_change}
    ) ON CONFLICT (invocation_id) DO NOTHING
"""
_IS_STORED = "SELECT 1 FROM {p}invocations WHERE invocation_id = ?"
_HOLDER = """
    SELECT invocation_id, args_id FROM {p}invocations
    WHERE registration_key = ? AND {is_unstarted} ORDER BY invocation_id LIMIT 1
"""

_CHANGE = """
    UPDATE {p}invocations
    SET status = ?, owner = ?, attempt = ?, retries = ?, recoveries = ?, changed_at = ?, claimed_at = ?,
        not_before = ?, actor = ?, last_change = {next_change}
    WHERE invocation_id = ? AND status = ? AND owner IS ? AND attempt = ? AND changed_at = ? AND cancel_requested = ?
"""

_READ = ByIds("SELECT {record} FROM {p}invocations WHERE invocation_id IN ({ids})")
_HOLDERS_OF_SCOPE = """
    SELECT {record} FROM {p}invocations WHERE running_key = ? AND owner IS NOT NULL
    ORDER BY claimed_at, invocation_id LIMIT ?
"""
_LINE_AT_SCOPE = """
    SELECT {record} FROM {p}invocations WHERE running_key = ? AND status = 'concurrency_controlled'
    ORDER BY priority DESC, invocation_id LIMIT ?
"""

_DUE = """
    SELECT {record} FROM {p}invocations WHERE not_before <= ? AND {is_available}
    ORDER BY not_before, invocation_id LIMIT ?
"""
_NEXT_DUE = "SELECT min(not_before) FROM {p}invocations WHERE not_before IS NOT NULL AND {is_available}"
_SET_DUE = ByIds("UPDATE {p}invocations SET not_before = NULL WHERE invocation_id IN ({ids})")
_REQUEST_CANCEL = ByIds("UPDATE {p}invocations SET cancel_requested = 1 WHERE invocation_id IN ({ids})")

#: Beyond a row: its time and its id.
_EXPIRED = """
    SELECT invocation_id, workflow_id, changed_at FROM {p}invocations AS old
    WHERE changed_at >= ? AND changed_at < ? AND {is_final} AND (changed_at > ? OR invocation_id > ?)
    AND NOT EXISTS (SELECT 1 FROM {p}invocations AS above
        WHERE (above.invocation_id = old.parent_id OR above.invocation_id = old.workflow_id)
        AND NOT {above_is_final})
    ORDER BY changed_at, invocation_id LIMIT ?
"""

_FINAL_AMONG = ByIds("""
    SELECT count(*), task_id, queue, status FROM {p}invocations
    WHERE invocation_id IN ({ids}) AND {is_final} GROUP BY task_id, queue, status
""")
_COUNT_LESS = "UPDATE {p}final_counts SET count = count - ? WHERE task_id = ? AND queue = ? AND status = ?"
_DROP = (
    # The newest change stays, as what nobody sees, so that its sequence number is not given again.
    ByIds("""
        UPDATE {p}history SET invocation = 0
        WHERE sequence = (SELECT max(sequence) FROM {p}history)
        AND invocation IN (SELECT number FROM {p}invocations WHERE invocation_id IN ({ids}))
    """),
    ByIds("""
        DELETE FROM {p}history
        WHERE sequence IN ({chains}) AND sequence < (SELECT max(sequence) FROM {p}history)
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

    def __init__(self, unit: SQLiteUnit) -> None:
        super().__init__(unit)
        #: The last that this process has seen of invocations that somebody owns; used inside units only.
        self._owned: dict[str, InvocationRecord] = {}

    def register(self, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        with self._unit:
            if any(each.registration_key is not None for each in new):
                return [self._register(each, now) for each in new]
            self._store.write_many(_REGISTER, [_registration(each, now) for each in new])
            return [None] * len(new)

    def _register(self, new: NewInvocation, now: float) -> Existing | None:
        if new.registration_key is not None and not self._store.rows(_IS_STORED, (new.invocation_id,)):
            for holder in self._store.rows(_HOLDER, (new.registration_key,)):
                return Existing._make(holder)
        self._store.write(_REGISTER, _registration(new, now))
        return None

    def claim(self, invocation_ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        with self._unit:
            records = self.read(invocation_ids)
            free = [
                record
                for invocation_id in dict.fromkeys(invocation_ids)
                if (record := records.get(invocation_id)) is not None
                and record.status in AVAILABLE
                and record.running_key is None
                and (record.not_before is None or record.not_before <= now)
            ]
            changes = [Transition(record.invocation_id, InvocationStatus.PENDING, owner, None) for record in free]
            after = [record_after(record, change, now) for record, change in zip(free, changes, strict=True)]
            # Read in this unit: nobody can have changed them meanwhile.
            self._write(free, after, changes)
            return [record for record in after if record is not None]

    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        if not changes:
            return []
        with self._unit:
            known = [self._owned.pop(change.invocation_id, None) for change in changes]
            after = [
                None if old is None else record_after(old, change, now)
                for old, change in zip(known, changes, strict=True)
            ]
            if self._write(known, after, changes):
                return after
            return [self._transition(change, expected, now) for change, expected in zip(changes, after, strict=True)]

    def _transition(self, change: Transition, expected: InvocationRecord | None, now: float) -> InvocationRecord | None:
        """A change of what others may have changed; ``expected`` is there already if it was not this one of a group."""
        stored = self.read([change.invocation_id]).get(change.invocation_id)
        if stored is not None and stored == expected:
            return stored
        after = None if stored is None else record_after(stored, change, now)
        return after if self._write([stored], [after], [change]) else None

    def _write(
        self,
        before: Sequence[InvocationRecord | None],
        after: Sequence[InvocationRecord | None],
        changes: Sequence[Transition],
    ) -> bool:
        """Write a group of changes at once; False: one of them is none, or the stored record is not ``before``.

        In the second case the others are written.
        """
        rows: list[Row] = []
        for old, new, change in zip(before, after, changes, strict=True):
            if old is None or new is None:
                return False
            rows.append(
                (
                    str(new.status),
                    *new[_OWNER:_CANCEL_REQUESTED],
                    new.not_before,
                    change.actor,
                    new.invocation_id,
                    str(old.status),
                    old.owner,
                    old.attempt,
                    old.changed_at,
                    old.cancel_requested,
                )
            )
        if self._store.write_many(_CHANGE, rows) < len(rows):
            return False
        for record in after:
            if record is not None and record.owner is not None:
                self._keep(record)
        return True

    def _keep(self, record: InvocationRecord) -> None:
        if len(self._owned) >= KEPT_RECORDS:
            self._owned.clear()
        self._owned[record.invocation_id] = record

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

    def hasten(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        with self._unit:
            records = [record for record in self.read(invocation_ids).values() if record.not_before is not None]
            hastened = [record._replace(not_before=None) for record in records if record.status in AVAILABLE]
            self._store.write_by_ids(_SET_DUE, [record.invocation_id for record in hastened])
            return hastened

    def next_due(self) -> float | None:
        [[earliest]] = self._store.rows(_NEXT_DUE)
        return None if earliest is None else float(earliest)

    def request_cancel(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        with self._unit:
            owned = [record for record in self.read(invocation_ids).values() if record.owner is not None]
            self._store.write_by_ids(_REQUEST_CANCEL, [record.invocation_id for record in owned])
            return [record._replace(cancel_requested=True) for record in owned]

    def drop(self, invocation_ids: Sequence[str]) -> None:
        dropped = list(dict.fromkeys(invocation_ids))
        with self._unit:
            self._store.write_many(_COUNT_LESS, self._store.rows_by_ids(_FINAL_AMONG, dropped))
            for statement in _DROP:
                self._store.write_by_ids(statement, dropped)
            self._store.write(_DROP_STALE_MARKS)

    def expired(self, changed_before: float, limit: int, keep_workflows: Collection[str] = ()) -> list[str]:
        expired: list[str] = []
        after = (0.0, "")
        while True:
            page = self._store.rows(_EXPIRED, (after[0], changed_before, after[0], after[1], limit))
            expired += [invocation_id for invocation_id, workflow_id, _ in page if workflow_id not in keep_workflows]
            if len(page) < limit or len(expired) >= limit:
                return expired[:limit]
            after = page[-1][2], page[-1][0]


def _registration(new: NewInvocation, now: float) -> Row:
    # Without the arguments, which are for the state backend.
    return (*new[:_ARGUMENTS], *new[_ARGUMENTS + 1 :], now, now, new.registered_by)
