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


def record_after(record: InvocationRecord, change: Transition, now: float) -> InvocationRecord | None:
    """The record after a change, or None: the table, the owner or the attempt does not allow it."""
    # Taken apart and made anew in one go each, three times for each task: ``_replace`` costs four times as much.
    (
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, _, registration_key, running_key, drop_when_blocked, registered_by, reply_to, registered_at,
        status, owner, attempt, retries, recoveries, changed_at, claimed_at, cancel_requested,
    ) = record  # fmt: skip
    _, to, actor, of_attempt, not_before, more_retries, more_recoveries = change
    before, acquires, releases, overrides = _RULES[to]
    if status not in before or (of_attempt is not None and of_attempt != attempt):
        return None
    if owner is not None and owner != actor and not overrides:
        return None
    if acquires:
        if not actor:
            return None
        owner, attempt, claimed_at = actor, attempt + 1, now
    elif releases:
        owner = None
    return InvocationRecord(
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, not_before, registration_key, running_key, drop_when_blocked, registered_by, reply_to, registered_at,
        to, owner, attempt, retries + more_retries, recoveries + more_recoveries,
        max(now, changed_at + TICK_SECONDS), claimed_at, cancel_requested,
    )  # fmt: skip
