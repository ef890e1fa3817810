"""The status ledger in memory: compare-and-set is an ``if``."""

from collections.abc import Collection, Sequence
from itertools import islice, takewhile

from pynenc.backends.memory.storage import LedgerPart
from pynenc.invocation.record import InvocationRecord, NewInvocation, Transition
from pynenc.invocation.record_change import record_after
from pynenc.invocation.status import AVAILABLE, FINAL, InvocationStatus
from pynenc.ports.orchestrator import Existing, StatusLedger


class MemLedger(LedgerPart, StatusLedger):
    """Identity and status of every invocation."""

    def register(self, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        with self._lock:
            return [self._register(each, now) for each in new]

    def _register(self, new: NewInvocation, now: float) -> Existing | None:
        tables = self._tables
        if new.invocation_id in tables.records:
            return None
        if new.registration_key is not None and new.registration_key in tables.unstarted:
            holder = tables.records[min(tables.unstarted[new.registration_key])]
            return Existing(holder.invocation_id, holder.args_id)
        # A record has the fields of the call in their order, without the arguments (at 3), for the state backend.
        of_ledger = (now, InvocationStatus.REGISTERED, None, 0, 0, 0, now, None, False)
        tables.insert(InvocationRecord._make((*new[:3], *new[4:], *of_ledger)))
        return None

    def claim(self, invocation_ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        with self._lock:
            records = self._tables.records
            claimed: list[InvocationRecord] = []
            for invocation_id in invocation_ids:
                record = records.get(invocation_id)
                if (
                    record is not None
                    and record.status in AVAILABLE
                    and record.running_key is None
                    and (record.not_before is None or record.not_before <= now)
                ):
                    after = self._transition(Transition(invocation_id, InvocationStatus.PENDING, owner, None), now)
                    if after is not None:
                        claimed.append(after)
            return claimed

    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        with self._lock:
            return [self._transition(change, now) for change in changes]

    def _transition(self, change: Transition, now: float) -> InvocationRecord | None:
        record = self._tables.records.get(change.invocation_id)
        after = record_after(record, change, now) if record is not None else None
        return None if after is None else self._tables.write(after, change.actor)

    def read(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        with self._lock:
            records = self._tables.records
            return {each: records[each] for each in invocation_ids if each in records}

    def scope(self, running_key: str, limit: int) -> list[InvocationRecord]:
        with self._lock:
            tables = self._tables
            records = [tables.records[each] for each in tables.in_scope.get(running_key, ())]
        return sorted(records, key=_place_at_scope)[:limit]

    def due(self, now: float, limit: int) -> list[InvocationRecord]:
        with self._lock:
            tables = self._tables
            ripe = takewhile(lambda key: key[0] <= now, tables.delayed.ascending())
            due = [tables.records[invocation_id]._replace(not_before=None) for _, invocation_id in islice(ripe, limit)]
            for record in due:
                tables.replace(record)
            return due

    def hasten(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        with self._lock:
            tables = self._tables
            records = [tables.records[each] for each in invocation_ids if each in tables.records]
            hastened = [
                record._replace(not_before=None)
                for record in records
                if record.not_before is not None and record.status in AVAILABLE
            ]
            for record in hastened:
                tables.replace(record)
            return hastened

    def next_due(self) -> float | None:
        with self._lock:
            return next((not_before for not_before, _ in self._tables.delayed.ascending()), None)

    def request_cancel(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        with self._lock:
            tables = self._tables
            records = [tables.records[each] for each in invocation_ids if each in tables.records]
            marked = [record._replace(cancel_requested=True) for record in records if record.owner is not None]
            for record in marked:
                tables.replace(record)
            return marked

    def drop(self, invocation_ids: Sequence[str]) -> None:
        with self._lock:
            tables = self._tables
            for invocation_id in invocation_ids:
                if invocation_id in tables.records:
                    tables.remove(invocation_id)
                for edges in (tables.edges_to, tables.edges_from):
                    for edge in list(edges.get(invocation_id, ())):
                        tables.unlink(edge)

    def expired(self, changed_before: float, limit: int, keep_workflows: Collection[str] = ()) -> list[str]:
        with self._lock:
            old = takewhile(lambda key: key[0] < changed_before, self._tables.finished.ascending())
            free = (each for _, each in old if not self._is_needed(self._tables.records[each], keep_workflows))
            return list(islice(free, limit))

    def _is_needed(self, record: InvocationRecord, keep_workflows: Collection[str]) -> bool:
        above = (self._tables.records.get(each) for each in (record.parent_id, record.workflow_id) if each is not None)
        unfinished = any(each is not None and each.status not in FINAL for each in above)
        return unfinished or record.workflow_id in keep_workflows


def _place_at_scope(record: InvocationRecord) -> tuple[bool, float, str]:
    """Holders by the time of their claim, then those in line by priority and age."""
    if record.owner is None:
        return True, -record.priority, record.invocation_id
    return False, record.claimed_at or 0.0, record.invocation_id
