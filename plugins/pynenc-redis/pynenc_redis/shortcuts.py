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
from pynenc_redis.call_packer import CallPacker, record_of_new
from pynenc_redis.connection import Command
from pynenc_redis.keys import place_of
from pynenc_redis.mapping import (
    facts_of,
    outcome_of,
    pack,
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
        #: As this process left it, and its text on the server.
        self._left: dict[str, tuple[InvocationRecord, bytes]] = {}
        self._numbers = count(1)
        self._packer = CallPacker()

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
        records, entry = self._packer.pack(new, now)
        items: list[str | bytes] = []
        for each, record in zip(new, records, strict=True):
            items += (each.invocation_id, record, each.arguments.encode("utf-8", "surrogatepass"))
        return self._fcall(
            "submit_alike",
            first.task_id,
            first.queue,
            place_of(first.queue, first.lane) if queue else "",
            first.priority,
            first.parent_id or "",
            "" if first.workflow_id == first.invocation_id else first.workflow_id,
            entry,
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
        before = [left[0] for change in changes if (left := self._left.get(change.invocation_id)) is not None]
        if len(before) < len(changes) or any(old.running_key is not None for old in before):
            # It may not go on before its scope is free.
            return None
        changed = [record_after(old, change, now) for old, change in zip(before, changes, strict=True)]
        ended = self._ended(finishes, finished)
        begun = [self._change(old, new, c.actor) for old, new, c in zip(before, changed, changes, strict=True) if new]
        if ended is None or len(begun) < len(changes):
            return None
        wanted = False if plan is None else _plan(plan, now)
        own = self._wakeups.address() or ""
        offer = _offer(offered)
        reply = self._step("advance", (ended, begun, wanted, own, offer))
        if reply is None:
            return None
        blobs, more, scoped, here, told, left = reply
        claimed = self._taken(blobs, finishes)
        for new, change in zip(changed, begun, strict=True):
            if new is not None:
                self._left[new.invocation_id] = new, change[0]
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
        ended = self._ended(finishes, finished)
        if paused is None or ended is None:
            return None
        pause = self._change(waiter, paused, change.actor)
        step = (
            ended,
            pause,
            list(dict.fromkeys(request.awaited)),
            request.all_of_them,
            request.address or "",
            request.cycle_control,
            request.prioritise and request.priority,
            False if plan is None else _plan(plan, now),
            self._wakeups.address() or "",
            _offer(offered),
            request.unannounced,
        )
        reply = self._step("wait", step)
        if reply is None:
            return None
        pauses, blobs, taken, here, _ = reply
        claimed = self._taken(taken, finishes)
        records = {record.invocation_id: record for record in map(record_of, blobs)}
        awaited = [records[each] for each in request.awaited]
        if pauses:
            self._left[paused.invocation_id] = paused, pause[0]
        here = [each.decode() for each in here]
        return ShortWait(paused if pauses else None, awaited, claimed, here, announced=bool(pauses))

    def resume(self, waiter: InvocationRecord, actor: str, now: float) -> InvocationRecord | None:
        change = Transition(waiter.invocation_id, InvocationStatus.RESUMED, actor, waiter.attempt)
        resumed = record_after(waiter, change, now)
        if resumed is None or self._unit.session is not None:
            return None
        [done] = self._ask(self._fcall("resume", pack(self._change(waiter, resumed, actor))))
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

    def _ended(
        self, finishes: Sequence[Finish], finished: Sequence[InvocationRecord | None]
    ) -> list[tuple[object, ...]] | None:
        """Outcomes as they travel; None: one of the invocations cannot end so."""
        ended: list[tuple[object, ...]] = []
        for (transition, old, outcome, *_), new in zip(finishes, finished, strict=True):
            if new is None:
                return None
            stored = (False, "") if outcome is None else (packed_outcome(outcome), str(outcome.attempt))
            ended.append((*self._change(old, new, transition.actor), *stored))
        return ended

    def _change(self, old: InvocationRecord, new: InvocationRecord, actor: str) -> tuple[Any, ...]:
        """A change of a record as it travels (lua/steps.lua)."""
        left = self._left.get(old.invocation_id)
        facts = facts_of(left[1], old, new) if left is not None and left[0] is old else False
        return packed_record(new), actor, old.invocation_id, old.status.value, old.attempt, old.changed_at, facts

    def _taken(self, taken: Sequence[tuple[bytes, bytes, int]], finishes: Sequence[Finish]) -> list[Claimed]:
        """What was claimed, which is remembered in place of what ended."""
        if len(self._left) > KEPT_RECORDS:
            self._left.clear()
        for finish in finishes:
            self._left.pop(finish.record.invocation_id, None)
        claimed: list[Claimed] = []
        for blob, arguments, priority in taken:
            record = record_of(blob)
            self._left[record.invocation_id] = record, blob
            claimed.append(Claimed(record, arguments.decode("utf-8", "surrogatepass"), priority))
        return claimed


def _with_outcome(record: InvocationRecord, fields: Sequence[bytes]) -> tuple[InvocationRecord, Outcome | None]:
    """``fields``: attempts and their outcomes in turn."""
    attempt = str(record.attempt).encode()
    for place in range(0, len(fields), 2):
        if fields[place] == attempt:
            return record, outcome_of(record.invocation_id, record.attempt, fields[place + 1])
    return record, None


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


def _plan(plan: ClaimPlan, now: float) -> tuple[object, ...]:
    places = [place_of(queue, lane) for queue, lane in plan.places]
    short = False if plan.short_tasks is None else list(plan.short_tasks)
    return plan.owner, places, plan.limit, plan.start, short, now


def _offer(offered: Offered | None) -> tuple[object, ...] | bool:
    if offered is None:
        return False
    return [(entry.invocation_id, entry.priority) for entry in offered.entries], offered.awaited_first
