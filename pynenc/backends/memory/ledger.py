"""The status ledger in memory: compare-and-set is an ``if``."""

from collections.abc import Sequence
from itertools import islice, takewhile
from typing import NamedTuple

from pynenc.backends.memory.storage import LedgerPart
from pynenc.invocation.record import InvocationRecord, NewInvocation, Transition
from pynenc.invocation.status import AVAILABLE, InvocationStatus, get_status_definition, statuses_before
from pynenc.ports.orchestrator import Existing, StatusLedger

#: One invocation's times of change differ by at least this, so that sorting by them is sorting by order. A
#: double holds the seconds of this century to a quarter of it.
TICK_SECONDS = 1e-6


class _Rule(NamedTuple):
    """A row of the status table, read the way a compare-and-set asks: what may lead here, and what it does."""

    before: frozenset[InvocationStatus]
    acquires: bool
    releases: bool
    overrides: bool


def _rule(target: InvocationStatus) -> _Rule:
    definition = get_status_definition(target)
    return _Rule(
        statuses_before(target),
        definition.acquires_ownership,
        definition.releases_ownership,
        definition.overrides_ownership,
    )


_RULES = {status: _rule(status) for status in InvocationStatus}


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
                    change = Transition(invocation_id, InvocationStatus.PENDING, owner, None)
                    claimed.append(self._write(record, change, _RULES[InvocationStatus.PENDING], now))
            return claimed

    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        with self._lock:
            return [self._transition(change, now) for change in changes]

    def _transition(self, change: Transition, now: float) -> InvocationRecord | None:
        record = self._tables.records.get(change.invocation_id)
        rule = _RULES[change.to]
        if record is None or record.status not in rule.before:
            return None
        if change.attempt is not None and change.attempt != record.attempt:
            return None
        if record.owner is not None and record.owner != change.actor and not rule.overrides:
            return None
        if rule.acquires and not change.actor:
            return None
        return self._write(record, change, rule, now)

    def _write(self, record: InvocationRecord, change: Transition, rule: _Rule, now: float) -> InvocationRecord:
        owner, attempt, claimed_at = record.owner, record.attempt, record.claimed_at
        if rule.acquires:
            owner, attempt, claimed_at = change.actor, attempt + 1, now
        elif rule.releases:
            owner = None
        # Every field in its place: ``_replace`` costs twice as much, and this is the hottest line of the ledger.
        after = InvocationRecord(
            *record[:10],
            change.not_before,
            *record[11:17],
            change.to,
            owner,
            attempt,
            record.retries + change.retries,
            record.recoveries + change.recoveries,
            max(now, record.changed_at + TICK_SECONDS),
            claimed_at,
            record.cancel_requested,
        )
        return self._tables.write(after, change.actor)

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

    def expired(self, changed_before: float, limit: int) -> list[str]:
        with self._lock:
            old = takewhile(lambda key: key[0] < changed_before, self._tables.finished.ascending())
            return [invocation_id for _, invocation_id in islice(old, limit)]


def _place_at_scope(record: InvocationRecord) -> tuple[bool, float, str]:
    """Holders by the time of their claim, then those in line by priority and age."""
    if record.owner is None:
        return True, -record.priority, record.invocation_id
    return False, record.claimed_at or 0.0, record.invocation_id
