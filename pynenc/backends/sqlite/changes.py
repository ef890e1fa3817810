"""What a change makes of a record: the status table, read the way a compare-and-set asks."""

from typing import NamedTuple

from pynenc.invocation.record import InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus, get_status_definition, statuses_before

#: One invocation's times of change differ by at least this, so that sorting by them is sorting by order. A
#: double holds the seconds of this century to a quarter of it.
TICK_SECONDS = 1e-6


class _Rule(NamedTuple):
    """A row of the table: what may lead to a status, and what the status does to ownership."""

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


def record_after(record: InvocationRecord | None, change: Transition, now: float) -> InvocationRecord | None:
    """The record after a change, or None: the table, the owner or the attempt does not allow it."""
    rule = _RULES[change.to]
    if record is None or record.status not in rule.before:
        return None
    if change.attempt is not None and change.attempt != record.attempt:
        return None
    if record.owner is not None and record.owner != change.actor and not rule.overrides:
        return None
    owner, attempt, claimed_at = record.owner, record.attempt, record.claimed_at
    if rule.acquires:
        if not change.actor:
            return None
        owner, attempt, claimed_at = change.actor, attempt + 1, now
    elif rule.releases:
        owner = None
    # Every field in its place: ``_replace`` costs twice as much, and this is made three times for each task.
    return InvocationRecord(
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
