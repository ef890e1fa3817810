"""Submitting and advancing in one trip (lua/steps.lua)."""

import secrets
import threading
from collections.abc import Sequence

from pynenc.invocation.record import Claimed, Finish, InvocationRecord, Lane, NewInvocation, Transition
from pynenc.invocation.record_change import record_after
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.shortcuts import Shortcuts, Shortened
from pynenc.ports.steps import ClaimPlan
from pynenc.ports.wakeups import Wakeups
from pynenc_redis.keys import place_of
from pynenc_redis.mapping import pack, packed_outcome, packed_record, record_of
from pynenc_redis.part import RedisPart
from pynenc_redis.unit import RedisUnit

#: Records kept of what was claimed here and has not ended; more than a process runs or has paused, as a rule.
KEPT_RECORDS = 4_096


class RedisShortcuts(RedisPart, Shortcuts):
    """What a record was when this process wrote it last is checked against the server's, and not read before."""

    def __init__(self, unit: RedisUnit, wakeups: Wakeups) -> None:
        super().__init__(unit)
        self._wakeups = wakeups
        self._claimed: dict[str, InvocationRecord] = {}

    def submit(self, new: Sequence[NewInvocation], now: float, *, wake: bool) -> bool:
        if self._unit.session is not None:
            return False
        calls: list[tuple[bytes, str, str | bool]] = []
        queued = 0
        for each in new:
            # A record has the fields of the call in their order, without the arguments (at 3).
            of_ledger = (now, InvocationStatus.REGISTERED, None, 0, 0, 0, now, None, False)
            record = InvocationRecord._make((*new_fields(each), *of_ledger))
            due = each.not_before is None or each.not_before <= now
            queued += due
            calls.append((packed_record(record), each.arguments, due and place_of(each.queue, each.lane)))
        # A delayed call wakes somebody too: the sleeper must know the new time to rise.
        to_wake = (queued or 1) if wake or not queued else 0
        coroutines = any(each.lane == Lane.EVENT_LOOP for each in new)
        [done] = self._ask(self._fcall("submit", pack((calls, to_wake, coroutines))))
        return done is not None

    def advance(
        self, finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None, now: float
    ) -> Shortened | None:
        if self._unit.session is not None:
            return None
        finished = [record_after(finish.record, finish.transition, now) for finish in finishes]
        before = [self._claimed.get(change.invocation_id) for change in changes]
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
        # Asked again after a lost connection, the server answers what it answered then.
        mark = (f"{self._unit.server.token}-{threading.get_ident()}", secrets.token_hex(8))
        [reply] = self._ask(self._fcall("advance", pack((ended, begun, wanted, own)), *mark))
        if reply is None:
            return None
        blobs, more, scoped, here, told = reply
        claimed = [
            Claimed(record_of(blob), arguments.decode("utf-8", "surrogatepass"), int(priority))
            for blob, arguments, priority in blobs
        ]
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
        )

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


def new_fields(new: NewInvocation) -> tuple[object, ...]:
    """The fields of a call that its record has."""
    return (*new[:3], *new[4:])


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
