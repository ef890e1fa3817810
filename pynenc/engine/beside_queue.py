"""Shortcuts of a product whose queue is in another one.

The order is that of every step (design law 1): what is to be queued is handed to the queue first, which may refuse it;
the shortcut commits; then the unit of the queue ends, and only now is anything sent or acknowledged. A crash in
between leaves an available invocation nobody queued, or an entry that comes once more and is skipped.
"""

from collections.abc import Sequence
from contextlib import suppress

from pynenc.engine.crash_points import crash_point
from pynenc.invocation.record import Claimed, Finish, Lane, NewInvocation, QueueEntry, Transition
from pynenc.ports.backend import Backend
from pynenc.ports.shortcuts import Offered, Shortcuts, Shortened, ShortWait
from pynenc.ports.steps import ClaimPlan, WaitRequest


class _NotDoneError(Exception):
    """The shortcut does not do this step: the unit of the queue is undone, and the step composed."""


class BesideQueue:
    """Takes the steps of ``Shortcuts`` together with a queue elsewhere; the same answers."""

    def __init__(self, shortcuts: Shortcuts, backend: Backend) -> None:
        self._shortcuts = shortcuts
        self._broker = backend.broker
        self._wakeups = backend.wakeups
        # Its unit is the one to end after the ledger's.
        self._unit = backend.units[-1]

    def submit(self, new: Sequence[NewInvocation], now: float, *, wake: bool) -> bool:
        """Register calls, queue what is due, wake workers; whether it was done."""
        entries = [
            QueueEntry(each.invocation_id, each.queue, each.lane, each.priority)
            for each in new
            if each.not_before is None or each.not_before <= now
        ]
        done = None
        with suppress(_NotDoneError), self._unit():
            self._broker.push(entries)
            crash_point("submit.before_commit")
            done = self._shortcuts.submit(new, now, wake=False, queue=False)
            if done is None:
                raise _NotDoneError
            crash_point("queue.before_commit")
        if done is None:
            return False
        coroutines = any(each.lane == Lane.EVENT_LOOP for each in new)
        # An event loop with room, whose slots are taken, and whoever starts workers do not listen to the queue.
        heard = bool(entries) and self._broker.tells and not coroutines and not done.followed
        if (wake and not heard) or not entries:
            self._wakeups.wake_workers(len(entries) or 1, coroutines=coroutines)
        return True

    def advance(
        self, finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None, now: float
    ) -> Shortened | None:
        """Record outcomes and starts, and claim from what the queue gives up; None: not done."""
        if plan is None:
            return self._shortcuts.advance(finishes, changes, None, now)
        short = None
        with suppress(_NotDoneError), self._unit():
            entries = self._broker.pop(plan.places, plan.limit)
            crash_point("finish.before_commit" if finishes else "claim.before_commit")
            short = self._shortcuts.advance(finishes, changes, plan, now, self._offer(entries))
            if short is None:
                raise _NotDoneError
            if short.left:
                self._broker.give_back([each for each in entries if each.invocation_id in short.left])
            self._take_out(short.claimed, entries)
            crash_point("queue.before_commit")
            # If all was stale, whoever asked is to look again before it rests.
            more = len(entries) >= plan.limit or (bool(entries) and not short.claimed)
            short = short._replace(more=more)
        return short

    def wait(
        self, request: WaitRequest, finishes: Sequence[Finish], plan: ClaimPlan | None, now: float
    ) -> ShortWait | None:
        """Pause, and claim what is waited for; None: not done. The slot looks into the queue in its next step."""
        # Of work that is elsewhere the engine tells.
        request = request._replace(unannounced=0)
        with self._unit():
            short = self._shortcuts.wait(request, finishes, plan, now, self._offer(()))
            if short is not None and self._broker.reorders:
                self._take_out(short.claimed, ())
                if request.prioritise and short.paused is not None:
                    self._promote(request, short)
        return short

    def _offer(self, entries: Sequence[QueueEntry]) -> Offered:
        return Offered(entries, awaited_first=not self._broker.reorders)

    def _take_out(self, claimed: Sequence[Claimed], popped: Sequence[QueueEntry]) -> None:
        """What was claimed without the queue is in it still."""
        known = {entry.invocation_id for entry in popped}
        direct = [each.record.invocation_id for each in claimed if each.record.invocation_id not in known]
        if direct:
            self._broker.remove(direct)

    def _promote(self, request: WaitRequest, short: ShortWait) -> None:
        claimed = {each.record.invocation_id for each in short.claimed}
        entries = [
            QueueEntry(r.invocation_id, r.queue, r.lane, max(r.priority, request.priority), 1)
            for r in short.awaited
            if r.status.is_available_for_run() and r.invocation_id not in claimed
        ]
        if entries:
            self._broker.promote(entries)
