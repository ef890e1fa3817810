"""The steps of the life of a call, composed from the five components inside one unit of work.

On one product with transactions a step is one transaction. In a mixture each product has its own, and they
commit in the order of design law 1: data first, then the ledger (the commit point), then the queue. A crash
in between leaves data nobody sees, or an available invocation nobody queued, which the sweep puts right.
Wake-ups come after all of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pynenc.engine.claim import Claims, direct_claims, queue_entry, split_heads
from pynenc.engine.crash_points import crash_point
from pynenc.engine.cycles import call_key, find_cycle
from pynenc.engine.departures import come_back, has_record, settle, to_be_told
from pynenc.engine.plain_steps import PlainSteps, Watches
from pynenc.engine.scopes import Scope, free_scopes, lines_of
from pynenc.engine.told import Told
from pynenc.invocation.record import (
    Finish,
    InvocationRecord,
    Lane,
    NewInvocation,
    QueueEntry,
    Transition,
    Wait,
)
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend, repeated
from pynenc.ports.clock import Clock
from pynenc.ports.orchestrator import Existing
from pynenc.ports.steps import Advanced, ClaimPlan, Steps, WaitAnswer, WaitRequest

#: Invocations down the waits-for graph that inherit the priority of somebody who starts to wait.
INHERITANCE_LIMIT = 1_000


class ComposedSteps(Steps):
    """Each step as calls of the five ports inside one unit."""

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        told_here: Callable[[Sequence[str]], None],
        keep_values: Callable[[Sequence[tuple[str, str]]], None],
        *,
        record_events: Callable[[Sequence[Any]], None],
        committed: Callable[[], None],
        watches: Watches,
    ) -> None:
        #: Called in the unit of an outcome with the events that belong to it.
        self._record_events = record_events
        #: Called after the commit of a step that wrote statuses.
        self._committed = committed
        self._told_here = told_here
        self._keep_values = keep_values
        self._backend = backend
        self._clock = clock
        self._ledger = backend.orchestrator
        self._state = backend.state
        self._broker = backend.broker
        self._wakeups = backend.wakeups
        self._claims = Claims(backend)
        self._plain = PlainSteps(backend, told_here, watches)

    # ------------------------------------------------------------------ submit

    @repeated
    def submit(
        self, new: Sequence[NewInvocation], uses: Mapping[str, Sequence[str]], *, wake: bool
    ) -> list[Existing | None]:
        now = self._clock.now()
        if self._plain.submit(new, uses, now, wake=wake):
            return [None] * len(new)
        with self._backend.unit():
            existing = self._ledger.register(new, now)
            fresh = [item for item, found in zip(new, existing, strict=True) if found is None]
            self._state.save_calls(fresh)
            if uses:
                # In this unit, so that the garbage collector never sees a large value without its user.
                self._keep_values([(k, item.invocation_id) for item in fresh for k in uses.get(item.arguments, ())])
            queued = [
                QueueEntry(item.invocation_id, item.queue, item.lane, item.priority)
                for item in fresh
                if item.not_before is None or item.not_before <= now
            ]
            self._broker.push(queued)
            crash_point("submit.before_commit")
        crash_point("submit.after_commit")
        if fresh and (wake or not queued):
            # A delayed call wakes somebody too: the sleeper must know the new time to rise.
            coroutines = any(item.lane == Lane.EVENT_LOOP for item in fresh)
            self._wakeups.wake_workers(len(queued) or 1, coroutines=coroutines)
        self._committed()
        return existing

    # ----------------------------------------------------------------- advance

    @repeated
    def advance(self, finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None) -> Advanced:
        now = self._clock.now()
        advanced = self._plain.advance(finishes, changes, plan, now)
        if advanced is not None:
            return advanced
        told = Told(self._ledger, self._backend.trigger)
        pushed = 0
        with self._backend.unit():
            finished, pushed, heads = self._finish(finishes, now, told)
            changed = self._ledger.transition(changes, now) if changes else []
            gone_back = [r for r in changed if r is not None and r.status.is_available_for_run()]
            if gone_back:
                self._push(gone_back)
                pushed += len(gone_back)
            mine, others = split_heads(heads, plan)
            self._push(others)
            pushed += len(others)
            claimed, more = self._claims.claim(plan, mine, now, told) if plan is not None else ([], False)
            pushed += self._come_back(told)
            crash_point("finish.before_commit" if finishes else "claim.before_commit")
        crash_point("finish.after_commit" if finishes else "claim.after_commit")
        awaited = self._tell(told, pushed)
        return Advanced(finished, changed, claimed, more, awaited)

    def _finish(
        self, finishes: Sequence[Finish], now: float, told: Told
    ) -> tuple[list[InvocationRecord | None], int, list[InvocationRecord]]:
        """Write outcomes and final statuses; returns the records, how many were queued again, and line heads."""
        if not finishes:
            return [], 0, []
        outcomes = [finish.outcome for finish in finishes if finish.outcome is not None]
        if outcomes:
            self._state.put_outcomes(outcomes)
        records = self._ledger.transition([finish.transition for finish in finishes], now)
        applied = [record for record in records if record is not None]
        told.finals([record for record in applied if record.status.is_final()])
        if any(finish.transition.to is InvocationStatus.REROUTED for finish in finishes):
            records = settle(self._backend, finishes, records)
            applied = [record for record in records if record is not None]
            if any(finish.event_waiter is not None for finish in finishes):
                # Nothing to record, but perhaps to evaluate: what came in the meantime.
                self._record_events(())
        for finish, record in zip(finishes, records, strict=True):
            if finish.events and record is not None:
                self._record_events(finish.events)
            if finish.cache_result and record is not None and record.status is InvocationStatus.SUCCESS:
                self._state.cache_result(record.task_id, record.args_id, record.invocation_id)
        again = [r for r in applied if r.status.is_available_for_run() and r.not_before is None]
        if again:
            self._push(again)
        scopes = {record.running_key for record in applied if record.running_key is not None}
        return records, len(again), free_scopes(self._ledger, scopes, now, told)

    def _come_back(self, told: Told) -> int:
        """Queue who left its worker to wait for what is final now; how many."""
        back = come_back(self._ledger, told.returning) if told.returning else []
        self._push(back)
        return len(back)

    def _push(self, records: Sequence[InvocationRecord]) -> None:
        if records:
            self._broker.push([queue_entry(record) for record in records])

    def _tell(self, told: Told, pushed: int) -> bool:
        crash_point("finish.before_wakeups")
        awaited = told.send(self._wakeups, self._told_here)
        if pushed:
            self._wakeups.wake_workers(pushed, coroutines=True)
        self._committed()
        return awaited

    # -------------------------------------------------------------------- wait

    @repeated
    def wait(self, request: WaitRequest, finishes: Sequence[Finish], plan: ClaimPlan | None) -> WaitAnswer:
        now = self._clock.now()
        plain = self._plain.wait(request, finishes, plan, now)
        if plain is not None:
            return plain
        told = Told(self._ledger, self._backend.trigger)
        with self._backend.unit():
            _, pushed, heads = self._finish(finishes, now, told)
            answer = self._pause(request, now)
            if answer.paused is not None:
                below = list(self._levels_below(answer.awaited))
                scopes = lines_of(below)
                if request.waiter.running_key is not None:
                    scopes.add(request.waiter.running_key)
                heads += free_scopes(self._ledger, scopes, now, told)
                mine, heads = split_heads(heads, plan)
                if plan is not None:
                    if request.prioritise:
                        plan = plan._replace(prefer=direct_claims(answer.awaited, plan))
                    claimed, _ = self._claims.claim(plan, mine, now, told)
                    answer = answer._replace(claimed=claimed)
                if request.prioritise:
                    self._inherit(request.priority, answer, below)
            self._push(heads)
            pushed += len(heads)
            pushed += self._come_back(told)
            crash_point("wait.before_commit")
        crash_point("wait.after_commit")
        self._tell(told, pushed)
        return answer

    def _pause(self, request: WaitRequest, now: float) -> WaitAnswer:
        records = self._ledger.read(request.awaited)
        awaited = [records[i] for i in request.awaited if i in records]
        blank = WaitAnswer(ready=False, refused=False, unknown=(), cycle=(), awaited=awaited, paused=None, claimed=())
        if len(awaited) < len(request.awaited):
            return blank._replace(unknown=[i for i in request.awaited if i not in records])
        finals = sum(record.status.is_final() for record in awaited)
        if finals == len(awaited) or (finals and not request.all_of_them):
            return blank._replace(ready=True)
        if request.cycle_control:
            cycle = find_cycle(self._ledger, request.waiter, awaited)
            if cycle:
                self._cancel_repetition(request.waiter, awaited, cycle, now)
                return blank._replace(cycle=cycle)
        waiter = request.waiter
        change = Transition(waiter.invocation_id, InvocationStatus.PAUSED, waiter.owner or "", waiter.attempt)
        [paused] = self._ledger.transition([change], now)
        if paused is None:
            return blank._replace(refused=True)
        self._ledger.add_waits(
            [
                Wait(waiter.invocation_id, record.invocation_id, request.address)
                for record in awaited
                if not record.status.is_final()
            ]
        )
        return blank._replace(paused=paused)

    def _cancel_repetition(
        self, waiter: InvocationRecord, awaited: Sequence[InvocationRecord], cycle: Sequence[str], now: float
    ) -> None:
        """A child that repeats its ancestor would do so again when it runs, for ever: it ends with the refused wait."""
        repeated = [
            record.invocation_id
            for record in awaited
            if record.parent_id == waiter.invocation_id
            and record.status.is_available_for_run()
            and call_key(record) in cycle
        ]
        if repeated:
            actor = waiter.owner or waiter.registered_by
            self._ledger.transition([Transition(i, InvocationStatus.CANCELLED, actor, None) for i in repeated], now)
            self._broker.remove(repeated)

    def _inherit(self, priority: int, answer: WaitAnswer, below: Sequence[Sequence[InvocationRecord]]) -> None:
        """Raise what is waited for, down the graph, to the waiter's priority, and count one more dependent."""
        claimed = {item.record.invocation_id for item in answer.claimed}
        entries = [
            QueueEntry(r.invocation_id, r.queue, r.lane, max(r.priority, priority), 0 if depth else 1)
            for depth, level in enumerate(below)
            for r in level
            if r.status.is_available_for_run() and r.invocation_id not in claimed
        ]
        if entries:
            self._broker.promote(entries)

    def _levels_below(self, awaited: Sequence[InvocationRecord]) -> Iterator[list[InvocationRecord]]:
        """What is waited for and has not ended, then what that waits for, and so on."""
        level = [record for record in awaited if not record.status.is_final()]
        seen: set[str] = set()
        while level and len(seen) < INHERITANCE_LIMIT:
            yield level
            seen.update(record.invocation_id for record in level)
            paused = [record.invocation_id for record in level if record.status is InvocationStatus.PAUSED]
            if not paused:
                return
            below = {edge.awaited_id for edge in self._ledger.awaited_by(paused)} - seen
            level = [r for r in self._ledger.read(list(below)).values() if not r.status.is_final()]

    @repeated
    def resume(self, waiter: InvocationRecord, actor: str) -> InvocationRecord | None:
        now = self._clock.now()
        plain = self._plain.resume(waiter, actor, now)
        if plain is not None:
            return plain
        change = Transition(waiter.invocation_id, InvocationStatus.RESUMED, actor, waiter.attempt)
        with self._backend.unit():
            if waiter.running_key is not None:
                deepest = Scope(self._ledger, waiter.running_key).deepest
                if deepest is not None and deepest.invocation_id != waiter.invocation_id:
                    return None
            [resumed] = self._ledger.transition([change], now)
            if resumed is not None:
                self._ledger.forget_waiters([waiter.invocation_id])
            crash_point("resume.before_commit")
        crash_point("resume.after_commit")
        self._committed()
        return resumed

    @repeated
    def watch(self, awaited: Sequence[str], address: str | None) -> list[InvocationRecord]:
        with self._backend.unit():
            records = self._ledger.read(awaited)
            if address is not None:
                self._ledger.add_waits(
                    [Wait(None, i, address) for i, record in records.items() if not record.status.is_final()]
                )
        return [records[i] for i in awaited if i in records]

    # --------------------------------------------------------- reroute, cancel

    @repeated
    def reroute(self, changes: Sequence[Transition]) -> list[InvocationRecord | None]:
        now = self._clock.now()
        told = Told(self._ledger, self._backend.trigger)
        with self._backend.unit():
            records = self._ledger.transition(changes, now)
            last = {record.invocation_id: record for record in records if record is not None}
            unowned = [record for record in last.values() if not record.status.is_owned()]
            self._ledger.forget_waiters([record.invocation_id for record in unowned])
            ended = self._cancel_as_asked(unowned, now)
            available = [r for r in unowned if r.status.is_available_for_run() and r.not_before is None]
            cancelled = {record.invocation_id for record in ended}
            available = [r for r in available if r.invocation_id not in cancelled]
            told.finals([*ended, *(r for r in unowned if r.status.is_final())])
            heads = free_scopes(self._ledger, {r.running_key for r in unowned if r.running_key is not None}, now, told)
            self._push([*available, *heads])
            returned = self._come_back(told)
            crash_point("reroute.before_commit")
        crash_point("reroute.after_commit")
        self._tell(told, len(available) + len(heads) + returned)
        return records

    def _cancel_as_asked(self, unowned: Sequence[InvocationRecord], now: float) -> list[InvocationRecord]:
        """Its owner was asked to cancel it and gave it back instead: only what has a record runs again, to clean up."""
        changes = [
            Transition(r.invocation_id, InvocationStatus.CANCELLED, r.registered_by, None)
            for r in unowned
            if r.cancel_requested and r.status.is_available_for_run() and not has_record(self._state, r)
        ]
        return [record for record in self._ledger.transition(changes, now) if record is not None]

    @repeated
    def cancel(self, invocation_ids: Sequence[str], actor: str) -> list[InvocationRecord]:
        now = self._clock.now()
        told = Told(self._ledger, self._backend.trigger)
        with self._backend.unit():
            unowned = [
                record
                for record in self._ledger.read(invocation_ids).values()
                if not record.status.is_owned() and not record.status.is_final()
            ]
            told_later = self._to_be_told(unowned, actor, now)
            changes = [
                Transition(record.invocation_id, InvocationStatus.CANCELLED, actor, None)
                for record in unowned
                if record.invocation_id not in told_later
            ]
            cancelled = [r for r in self._ledger.transition(changes, now) if r is not None]
            self._broker.remove([record.invocation_id for record in cancelled])
            told.finals(cancelled)
            self._ledger.forget_waiters([record.invocation_id for record in cancelled])
            returned = self._come_back(told)
            for record in self._ledger.request_cancel([each for each in invocation_ids if each not in told_later]):
                told.owner_of(record)
            after = self._ledger.read(invocation_ids)
        self._tell(told, returned + len(told_later))
        return [after[i] for i in invocation_ids if i in after]

    def _to_be_told(self, unowned: Sequence[InvocationRecord], actor: str, now: float) -> set[str]:
        """Queue workflows that have something to clean up, to be told; which."""
        ids = [record.invocation_id for record in to_be_told(self._backend, unowned)]
        if not ids:
            return set()
        self._ledger.forget_waiters(ids)
        self._broker.remove(ids)
        # Only what is owned can be asked, so it is ours for a moment.
        taken = self._ledger.transition([Transition(i, InvocationStatus.PENDING, actor, None) for i in ids], now)
        asked = [record for record in taken if record is not None]
        self._ledger.request_cancel([record.invocation_id for record in asked])
        back = [Transition(r.invocation_id, InvocationStatus.REROUTED, actor, r.attempt) for r in asked]
        again = [record for record in self._ledger.transition(back, now) if record is not None]
        self._push(again)
        return {record.invocation_id for record in again}

    @repeated
    def queue_due(self, limit: int) -> float | None:
        now = self._clock.now()
        upcoming = self._ledger.next_due()
        if upcoming is None or upcoming > now:
            return upcoming
        with self._backend.unit():
            due = self._ledger.due(now, limit)
            self._push(due)
        if due:
            self._wakeups.wake_workers(len(due), coroutines=True)
        return self._ledger.next_due()

    @repeated
    def requeue(self, records: Sequence[InvocationRecord]) -> None:
        with self._backend.unit():
            self._push(records)
        self._wakeups.wake_workers(len(records), coroutines=True)
