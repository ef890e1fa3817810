"""Submitting and advancing in one trip (lua/steps.lua)."""

import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

from pynenc.invocation.record import Claimed, Finish, InvocationRecord, Lane, NewInvocation, Outcome, Transition
from pynenc.invocation.record_change import record_after
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.shortcuts import Offered, Shortcuts, Shortened, ShortSubmit, ShortWait
from pynenc.ports.steps import ClaimPlan, WaitRequest
from pynenc_redis.connection import Command
from pynenc_redis.keys import place_of
from pynenc_redis.mapping import (
    outcome_of,
    pack,
    packed_alike,
    packed_entry,
    packed_outcome,
    packed_record,
    record_of,
    unpack_raw,
)
from pynenc_redis.part import RedisPart
from pynenc_redis.unit import RedisUnit
from pynenc_redis.wakeups import RedisWakeups

#: Records kept of what was claimed here and has not ended; more than a process runs or has paused, as a rule.
KEPT_RECORDS = 4_096
#: What ``submit`` answers where somebody follows work.
_FOLLOWED = 2


class RedisShortcuts(RedisPart, Shortcuts):
    """What a record was when this process wrote it last is checked against the server's, and not read before."""

    def __init__(self, unit: RedisUnit, wakeups: RedisWakeups) -> None:
        super().__init__(unit)
        self._wakeups = wakeups
        self._claimed: dict[str, InvocationRecord] = {}
        self._numbers = count(1)

    def possible(self) -> bool:
        return self._unit.session is None

    def submit(self, new: Sequence[NewInvocation], now: float, *, wake: bool, queue: bool = True) -> ShortSubmit | None:
        if self._unit.session is not None:
            return None
        step = self._alike if _are_alike(new) else self._mixed
        [done] = self._ask(step(new, now, wake=wake, queue=queue))
        return None if done is None else ShortSubmit(followed=done == _FOLLOWED)

    def _alike(self, new: Sequence[NewInvocation], now: float, *, wake: bool, queue: bool) -> Command:
        """Nearly all: one call, or many of a task that start at once."""
        first = new[0]
        record = record_of_new(first, now)
        actor = first.registered_by
        blobs = [packed_record(record)] if len(new) == 1 else packed_alike(record, new)
        items: list[str | bytes] = []
        for each, blob in zip(new, blobs, strict=True):
            items += (each.invocation_id, blob, each.arguments.encode("utf-8", "surrogatepass"))
        return self._fcall(
            "submit_alike",
            first.task_id,
            first.queue,
            place_of(first.queue, first.lane) if queue else "",
            first.priority,
            first.parent_id or "",
            "" if first.workflow_id == first.invocation_id else first.workflow_id,
            packed_entry(record.status.value, actor, record.owner, record.attempt, record.changed_at),
            len(new) if wake and queue else 0,
            "1" if first.lane == Lane.EVENT_LOOP else "0",
            *items,
        )

    def _mixed(self, new: Sequence[NewInvocation], now: float, *, wake: bool, queue: bool) -> Command:
        calls: list[tuple[bytes, str, str | bool]] = []
        queued = 0
        for each in new:
            due = queue and (each.not_before is None or each.not_before <= now)
            queued += due
            blob = packed_record(record_of_new(each, now))
            calls.append((blob, each.arguments, due and place_of(each.queue, each.lane)))
        # A delayed call wakes somebody too: the sleeper must know the new time to rise.
        to_wake = (queued or 1) if queue and (wake or not queued) else 0
        coroutines = any(each.lane == Lane.EVENT_LOOP for each in new)
        return self._fcall("submit", pack((calls, to_wake, coroutines)))

    def advance(
        self,
        finishes: Sequence[Finish],
        changes: Sequence[Transition],
        plan: ClaimPlan | None,
        now: float,
        offered: Offered | None = None,
    ) -> Shortened | None:
        if self._unit.session is not None:
            return None
        finished = [record_after(finish.record, finish.transition, now) for finish in finishes]
        before = [self._claimed.get(change.invocation_id) for change in changes]
        if any(old is not None and old.running_key is not None for old in before):
            # It may not go on before its scope is free.
            return None
        changed = [
            None if old is None else record_after(old, change, now) for old, change in zip(before, changes, strict=True)
        ]
        ended = [
            _change(f.record, new, f.transition.actor, f) for f, new in zip(finishes, finished, strict=True) if new
        ]
        begun = [
            _change(old, new, c.actor) for old, new, c in zip(before, changed, changes, strict=True) if old and new
        ]
        if len(ended) < len(finishes) or len(begun) < len(changes):
            return None
        wanted = False if plan is None else _plan(plan, now)
        own = self._wakeups.address() or ""
        offer = _offer(offered)
        reply = self._step("advance", (ended, begun, wanted, own, offer))
        if reply is None:
            return None
        blobs, more, scoped, here, told, left = reply
        claimed = _claimed(blobs)
        self._remember(finished, changed, claimed)
        if scoped and not claimed and not finishes and not changes:
            # The head of a queue has a scope: the engine has to look at it.
            return None
        return Shortened(
            [each for each in finished if each],
            [each for each in changed if each],
            claimed,
            bool(more or scoped),
            [each.decode() for each in here],
            bool(told or here),
            [each.decode() for each in left],
        )

    def wait(
        self,
        request: WaitRequest,
        finishes: Sequence[Finish],
        plan: ClaimPlan | None,
        now: float,
        offered: Offered | None = None,
    ) -> ShortWait | None:
        if self._unit.session is not None:
            return None
        waiter = request.waiter
        change = Transition(waiter.invocation_id, InvocationStatus.PAUSED, waiter.owner or "", waiter.attempt)
        paused = record_after(waiter, change, now)
        finished = [record_after(finish.record, finish.transition, now) for finish in finishes]
        ended = [
            _change(f.record, new, f.transition.actor, f) for f, new in zip(finishes, finished, strict=True) if new
        ]
        if paused is None or len(ended) < len(finishes):
            return None
        step = (
            ended,
            _change(waiter, paused, change.actor),
            list(dict.fromkeys(request.awaited)),
            request.all_of_them,
            request.address or "",
            request.cycle_control,
            request.prioritise and request.priority,
            False if plan is None else _plan(plan, now),
            self._wakeups.address() or "",
            _offer(offered),
        )
        reply = self._step("wait", step)
        if reply is None:
            return None
        pauses, blobs, taken, here, _ = reply
        claimed = _claimed(taken)
        records = {record.invocation_id: record for record in map(record_of, blobs)}
        awaited = [records[each] for each in request.awaited]
        self._remember(finished, [paused] if pauses else [], claimed)
        return ShortWait(paused if pauses else None, awaited, claimed, [each.decode() for each in here])

    def resume(self, waiter: InvocationRecord, actor: str, now: float) -> InvocationRecord | None:
        change = Transition(waiter.invocation_id, InvocationStatus.RESUMED, actor, waiter.attempt)
        resumed = record_after(waiter, change, now)
        if resumed is None or self._unit.session is not None:
            return None
        [done] = self._ask(self._fcall("resume", pack(_change(waiter, resumed, actor))))
        return None if done is None else resumed

    def read_with_outcomes(self, ids: Sequence[str]) -> dict[str, tuple[InvocationRecord, Outcome | None]]:
        keys = self._keys
        # Which attempt is the last is not known before; there are few.
        outcomes: list[Command] = [("HGETALL", keys("o", each)) for each in ids]
        blobs, *replies = self._ask(("MGET", *(keys("i", each) for each in ids)), *outcomes)
        return {
            each: _with_outcome(record_of(blob), fields)
            for each, blob, fields in zip(ids, blobs, replies, strict=True)
            if blob is not None
        }

    def _step(self, name: str, step: tuple[object, ...]) -> tuple[Any, ...] | None:
        """What a step came to; None: not done. What this thread asks for goes ahead of it, in the same trip."""
        [reply] = self._ask(self._fcall(name, pack(step), *self._mark()))
        return None if reply is None else unpack_raw(reply)

    def _mark(self) -> tuple[str, str]:
        """Asked again after a lost connection, the server answers what it answered then.

        Marks of a thread grow: what it asked before, and gave up, may arrive late, and must not be done then.
        """
        return f"{self._unit.server.token}-{threading.get_ident()}", f"{next(self._numbers):016d}"

    def _remember(
        self,
        finished: Sequence[InvocationRecord | None],
        changed: Sequence[InvocationRecord | None],
        claimed: Sequence[Claimed],
    ) -> None:
        if len(self._claimed) > KEPT_RECORDS:
            self._claimed.clear()
        for record in finished:
            if record is not None:
                self._claimed.pop(record.invocation_id, None)
        for record in (*changed, *(each.record for each in claimed)):
            if record is not None:
                self._claimed[record.invocation_id] = record


def _with_outcome(record: InvocationRecord, fields: Sequence[bytes]) -> tuple[InvocationRecord, Outcome | None]:
    """``fields``: attempts and their outcomes in turn."""
    attempt = str(record.attempt).encode()
    for place in range(0, len(fields), 2):
        if fields[place] == attempt:
            return record, outcome_of(record.invocation_id, record.attempt, fields[place + 1])
    return record, None


def _claimed(taken: Sequence[tuple[bytes, bytes, int]]) -> list[Claimed]:
    return [
        Claimed(record_of(blob), arguments.decode("utf-8", "surrogatepass"), priority)
        for blob, arguments, priority in taken
    ]


def record_of_new(new: NewInvocation, now: float) -> InvocationRecord:
    """The record of a call that is registered now."""
    # It has the fields of the call in their order, without the arguments (at 3).
    of_ledger = (now, InvocationStatus.REGISTERED, None, 0, 0, 0, now, None, False)
    return InvocationRecord._make((*new[:3], *new[4:], *of_ledger))


def _are_alike(new: Sequence[NewInvocation]) -> bool:
    """Whether calls start at once and differ by their identity and arguments only."""
    first = new[0]
    if first.not_before is not None:
        return False
    own, rest = first.workflow_id == first.invocation_id, first[6:]
    for each in new[1:]:
        if each.task_id != first.task_id or each.parent_id != first.parent_id or each[6:] != rest:
            return False
        if each.workflow_id != (each.invocation_id if own else first.workflow_id):
            return False
    return True


def _change(
    old: InvocationRecord, new: InvocationRecord, actor: str, finish: Finish | None = None
) -> tuple[object, ...]:
    known = (packed_record(new), actor, old.status.value, old.attempt, old.changed_at)
    if finish is None:
        return known
    outcome = finish.outcome
    return (*known, False, "") if outcome is None else (*known, packed_outcome(outcome), str(outcome.attempt))


def _plan(plan: ClaimPlan, now: float) -> tuple[object, ...]:
    places = [place_of(queue, lane) for queue, lane in plan.places]
    short = False if plan.short_tasks is None else list(plan.short_tasks)
    return plan.owner, places, plan.limit, plan.start, short, now


def _offer(offered: Offered | None) -> tuple[object, ...] | bool:
    if offered is None:
        return False
    return [(entry.invocation_id, entry.priority) for entry in offered.entries], offered.awaited_first
