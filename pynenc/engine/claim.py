"""Choosing what a runner takes: heads of lines, awaited invocations, then the queue; each by compare-and-set."""

from collections.abc import Sequence

from pynenc.engine.scopes import Scope
from pynenc.engine.told import Told
from pynenc.invocation.record import Claimed, InvocationRecord, QueueEntry, Transition, is_served
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend
from pynenc.ports.steps import ClaimPlan


class Claims:
    """The claiming part of a step; to be called inside a unit of work."""

    def __init__(self, backend: Backend) -> None:
        self._ledger = backend.orchestrator
        self._state = backend.state
        self._broker = backend.broker

    def claim(
        self, plan: ClaimPlan, heads: Sequence[InvocationRecord], now: float, told: Told
    ) -> tuple[list[Claimed], bool]:
        """Take what the plan allows; and whether the queues hold more than was looked at.

        ``heads`` are heads of lines that were let go for this claim.
        """
        priorities = {record.invocation_id: record.priority for record in heads}
        direct = list(dict.fromkeys([*priorities, *plan.prefer]))
        if len(direct) < plan.limit and (plan.only_awaited or not self._broker.reorders):
            awaited = self._ledger.awaited_available(plan.places, plan.limit - len(direct))
            direct = list(dict.fromkeys([*direct, *awaited]))
        room = 0 if plan.only_awaited else plan.limit - len(direct)
        popped = self._broker.pop(plan.places, room) if room > 0 else []
        priorities.update((entry.invocation_id, entry.priority) for entry in popped)
        ids = list(dict.fromkeys([*direct, *(entry.invocation_id for entry in popped)]))
        if not ids:
            return [], False
        records = self._take(ids, plan.owner, now, told)
        if not records:
            # What came from the queue was stale: whoever asked is to look again before it rests.
            return [], bool(popped)
        if direct:
            self._broker.remove(direct)
        if plan.start:
            records = self._start(records, plan, now)
        arguments = self._state.load_calls([record.invocation_id for record in records])
        claimed = [
            Claimed(r, arguments.get(r.invocation_id, ""), priorities.get(r.invocation_id, r.priority)) for r in records
        ]
        return claimed, len(popped) >= room > 0

    def _take(self, ids: Sequence[str], owner: str, now: float, told: Told) -> list[InvocationRecord]:
        """PENDING for those that are free; what the bulk statement leaves alone may have a scope to ask for."""
        records = self._ledger.claim(ids, owner, now)
        if len(records) == len(ids):
            return records
        taken = {record.invocation_id for record in records}
        return records + self._take_scoped([i for i in ids if i not in taken], owner, now, told)

    def _take_scoped(self, ids: Sequence[str], owner: str, now: float, told: Told) -> list[InvocationRecord]:
        """Those whose scope is free; the others go into line, or end where their task says so."""
        taken: list[InvocationRecord] = []
        for record in self._ledger.read(ids).values():
            if record.running_key is None or not record.status.is_available_for_run():
                continue
            if record.not_before is not None and record.not_before > now:
                continue
            target = _target(Scope(self._ledger, record.running_key), record)
            [after] = self._ledger.transition([Transition(record.invocation_id, target, owner, None)], now)
            if after is None:
                continue
            if target is InvocationStatus.PENDING:
                taken.append(after)
            elif target.is_final():
                told.finals([after])
        return taken

    def _start(self, records: list[InvocationRecord], plan: ClaimPlan, now: float) -> list[InvocationRecord]:
        count = _startable(records, plan)
        starts = [
            Transition(record.invocation_id, InvocationStatus.RUNNING, plan.owner, record.attempt)
            for record in records[:count]
        ]
        started = self._ledger.transition(starts, now)
        return [record for record in started if record is not None] + records[count:]


def _startable(records: Sequence[InvocationRecord], plan: ClaimPlan) -> int:
    """How many of these may start together; the first always may."""
    if plan.short_tasks is not None:
        for position, record in enumerate(records[: plan.start]):
            if record.task_id not in plan.short_tasks or starts_alone(record):
                return max(position, 1)
    return plan.start


def starts_alone(record: InvocationRecord) -> bool:
    """One that killed its worker before, or holds a scope: neighbours must not pay for it."""
    return record.recoveries > 0 or record.running_key is not None


def _target(scope: Scope, record: InvocationRecord) -> InvocationStatus:
    """Where an available invocation goes whose scope is as it is."""
    if scope.admits(record.invocation_id):
        return InvocationStatus.PENDING
    if scope.may_drop(record):
        return InvocationStatus.CONCURRENCY_CONTROLLED_FINAL
    return InvocationStatus.CONCURRENCY_CONTROLLED


def split_heads(
    heads: Sequence[InvocationRecord], plan: ClaimPlan | None
) -> tuple[list[InvocationRecord], list[InvocationRecord]]:
    """Heads of lines that a claim may take at once, and the rest, which is to be queued."""
    if plan is None or plan.only_awaited:
        return [], list(heads)
    mine = [head for head in heads if is_served(head.queue, head.lane, plan.places)][: plan.limit]
    return mine, [head for head in heads if head not in mine]


def direct_claims(awaited: Sequence[InvocationRecord], plan: ClaimPlan) -> list[str]:
    """Awaited invocations that nobody has claimed and this runner serves: no trip through the queue for them."""
    return [
        record.invocation_id
        for record in awaited
        if record.status.is_available_for_run() and is_served(record.queue, record.lane, plan.places)
    ][: plan.limit]


def queue_entry(record: InvocationRecord) -> QueueEntry:
    """The place in the queue of an available invocation."""
    return QueueEntry(record.invocation_id, record.queue, record.lane, record.priority)
