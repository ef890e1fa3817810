"""Paused invocations: how they give up their slot, sleep, and go on with a slot again.

A paused invocation keeps its thread, parked on a lock, and nothing else. Exactly one party may wake it: whoever
takes it out of ``_paused`` does, after giving it a slot (or an error). When the outcome that ends a wait is
written by this very process, RESUMED is written in the same step and the slot passes from the one that ended
to the one that waited.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from pynenc.engine.context import Running
from pynenc.engine.departures import FOREVER_SECONDS
from pynenc.engine.execution import Departed, Fenced
from pynenc.engine.hub import Waiter
from pynenc.engine.telling import is_to_be_told, late, raise_if_cancelled
from pynenc.engine.waiting import read_finals
from pynenc.exceptions import (
    CycleDetectedError,
    InvocationNotFoundError,
)
from pynenc.invocation.record import Finish, InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.steps import WaitAnswer, WaitRequest
from pynenc.ports.wakeups import ATTENTION
from pynenc.runner.slot import Parked, Slot

#: A holder that waits for its scope's token, or for a store that does not answer, looks again after this long.
RECHECK_SECONDS = 1.0
#: Characters of an arguments' digest in messages.
_SHOWN_DIGEST = 8


class Parking:
    """The paused invocations of one pool."""

    announces = True

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._engine = pool.engine
        self._paused: dict[str, Running] = {}
        #: Their wait is over; the next slot is for the first of them.
        self._ready: deque[Running] = deque()
        #: Called with the number of paused invocations when one paused or went on.
        self.on_change: Callable[[int], None] = lambda _paused: None

    def count(self) -> int:
        """How many invocations are paused here."""
        return len(self._paused)

    def is_full(self) -> bool:
        """Whether only what somebody waits for may be claimed."""
        return bool(len(self._paused) >= self._pool.limits.max_parked_threads)

    def anyone_ready(self) -> bool:
        """Whether somebody waits for a slot only. To be called with the pool's lock held."""
        return any(running.record.invocation_id in self._paused for running in self._ready)

    # ------------------------------------------------------------------- pause

    def suspend(
        self, running: Running, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
    ) -> Sequence[InvocationRecord]:
        """Pause until the awaited are final; on the invocation's own thread."""
        home = running.home = Parked()
        waiter = Waiter(awaited, all_of_them=all_of_them, wake=lambda: self.make_ready(running), key=running)
        self._engine.hub.add(waiter)
        try:
            if not self._pause(running, awaited, all_of_them=all_of_them):
                return read_finals(self._engine, awaited)
            patience = stack_seconds(running, awaited) if timeout_seconds is None else None
            in_time = home.sleep(timeout_seconds if patience is None else patience)
            if not in_time:
                self.make_ready(running)
                home.sleep(None)
        finally:
            self._engine.hub.remove(waiter)
        self._go_on(running)
        finals = read_finals(self._engine, awaited)
        if not in_time and (len(finals) < len(awaited) if all_of_them else not finals):
            if patience is not None:
                not_before = self._engine.clock.now() + FOREVER_SECONDS
                running.workflow.leave(Departed(not_before, awaited, all_of_them=all_of_them))
            raise late(running, awaited, timeout_seconds)
        return finals

    def _pause(self, running: Running, awaited: Sequence[str], *, all_of_them: bool) -> bool:
        """The step that pauses; False if there is nothing to wait for."""
        pool = self._pool
        slot: Slot = running.slot
        finishes = slot.finished
        plan = None
        with pool.lock:
            occupied = slot.started or pool.claimed or self._ready or pool.limits.single_use
        if not occupied:
            # Its claim says nothing of being idle: the slot looks once more, by the pool's own rule, before it rests.
            plan = pool.claim_plan(1, start=1)
        owed = pool.watch.take_owed()
        request = wait_request(running, awaited, all_of_them=all_of_them)._replace(unannounced=owed)
        with pool.lock:
            # Before the step: once it is committed, its end may be told at any moment.
            self._paused[running.record.invocation_id] = running
        try:
            answer = self._engine.steps.wait(request, finishes, plan)
        except BaseException:
            self._unpause(running)
            pool.watch.owe(owed)
            raise
        slot.finished = []
        pool.attempts.recorded(finishes, [finish.record for finish in finishes])
        if answer.paused is None:
            self._unpause(running)
            pool.watch.owe(owed)
            raise_if_refused(running, answer)
            return False
        running.record = answer.paused
        running.slot = None
        slot.busy_since = None
        if not answer.announced:
            pool.watch.tell(owed - len(answer.claimed))
        pool.take_in(slot, answer.claimed)
        pool.carry(slot)
        running.cancelled = running.cancelled or answer.paused.cancel_requested
        with pool.lock:
            told_meanwhile = running.home.told_early or is_to_be_told(running)
            running.home.ready_to_sleep = True
        self.on_change(len(self._paused))
        # Nobody will tell us of those that had ended before.
        self._engine.hub.tell([r.invocation_id for r in answer.awaited if r.status.is_final()])
        if told_meanwhile:
            self.make_ready(running)
        return True

    def _unpause(self, running: Running) -> None:
        with self._pool.lock:
            self._paused.pop(running.record.invocation_id, None)

    # ------------------------------------------------------------------ resume

    def make_ready(self, running: Running) -> None:
        """The wait is over: a free slot, or the next one to become free, is for it."""
        pool = self._pool
        with pool.lock:
            if running.record.invocation_id not in self._paused:
                return
            if not running.home.ready_to_sleep:
                # Its thread is still in the step that pauses; it looks at this flag when it comes out.
                running.home.told_early = True
                return
            if not pool.free:
                if running not in self._ready:
                    self._ready.append(running)
                return
            slot = pool.free.pop()
            pool.busy.add(slot)
            del self._paused[running.record.invocation_id]
        self._wake(running, slot)

    def heir(self, finishes: Sequence[Finish]) -> Running | None:
        """Who gets the slot in which these ended: one that is ready, or becomes so by these outcomes."""
        if not self._paused:
            return None
        final = [f.record.invocation_id for f in finishes if f.transition.to.is_final()]
        candidates = [waiter.key for waiter in self._engine.hub.completed_by(final)] if final else []
        with self._pool.lock:
            while self._ready:
                running = self._ready.popleft()
                if self._paused.pop(running.record.invocation_id, None) is not None:
                    return running
            for running in candidates:
                if (
                    isinstance(running, Running)
                    and running.suspender is self
                    and running.home.ready_to_sleep
                    and self._paused.pop(running.record.invocation_id, None) is not None
                ):
                    return running
        return None

    def hand_over(self, heir: Running, slot: Slot) -> None:
        """Write what ended in the slot together with RESUMED of the one that gets it, and wake that one."""
        finishes = slot.finished
        changes = []
        if heir.record.running_key is None:
            record = heir.record
            changes = [Transition(record.invocation_id, InvocationStatus.RESUMED, self._pool.runner_id, record.attempt)]
        if finishes or changes:
            try:
                answer = self._engine.steps.advance(finishes, changes, None)
            except BaseException:
                with self._pool.lock:
                    self._paused[heir.record.invocation_id] = heir
                    self._ready.appendleft(heir)
                raise
            slot.finished = []
            self._pool.attempts.recorded(finishes, answer.finished)
            if changes:
                self._resumed(heir, answer.changed[0])
        self._wake(heir, slot)

    @staticmethod
    def _resumed(running: Running, record: InvocationRecord | None) -> None:
        if record is None:
            running.home.error = Fenced()
        else:
            running.record = record
            running.home.resumed = True

    @staticmethod
    def _wake(running: Running, slot: Slot) -> None:
        running.slot = slot
        running.home.wake()

    def _go_on(self, running: Running) -> None:
        """On the invocation's own thread, with a slot: write RESUMED if the waker has not."""
        home: Parked = running.home
        while True:
            if home.error is not None:
                raise home.error
            if home.resumed:
                break
            record = self._resume(running)
            if record is not None:
                running.record = record
                break
            self._sleep_for_token(running)
        running.cancelled = running.cancelled or running.record.cancel_requested
        running.slot.busy_since = self._engine.clock.monotonic()
        self.on_change(len(self._paused))
        raise_if_cancelled(running)

    def _resume(self, running: Running) -> InvocationRecord | None:
        """RESUMED; None while the scope's token is with a descendant.

        Raises:
            Fenced: the invocation was taken away meanwhile.
        """
        try:
            record: InvocationRecord | None = self._engine.steps.resume(running.record, self._pool.runner_id)
        except Exception as error:  # noqa: BLE001 - the ledger says PAUSED: user code must not go on before it answers
            self._engine.events.loop_failed(f"Resuming invocation:{running.record.invocation_id}", error)
            return None
        if record is None:
            current = self._engine.ledger.read([running.record.invocation_id]).get(running.record.invocation_id)
            if current is None or current.attempt != running.record.attempt or not current.status.is_owned():
                raise Fenced
        return record

    def _sleep_for_token(self, running: Running) -> None:
        """Give the slot back until the token may have come home."""
        pool = self._pool
        slot: Slot = running.slot
        home = running.home = Parked()
        home.ready_to_sleep = True
        with pool.lock:
            self._paused[running.record.invocation_id] = running
        running.slot = None
        slot.busy_since = None
        pool.carry(slot)
        waiter = Waiter(
            [ATTENTION + running.record.invocation_id],
            all_of_them=True,
            wake=lambda: self.make_ready(running),
        )
        self._engine.hub.add(waiter)
        try:
            if not home.sleep(RECHECK_SECONDS):
                self.make_ready(running)
                home.sleep(None)
        finally:
            self._engine.hub.remove(waiter)
        if home.error is not None:
            raise home.error

    # ------------------------------------------------------- what others run

    def owe(self, calls: int) -> None:
        """Calls made by what runs here: others are told of them when this process does not take them at once."""
        self._pool.watch.owe(calls)

    # ------------------------------------------------------------ cancel, stop

    def called(self, ids: Sequence[str]) -> None:
        """Something about these invocations calls for their owner: they may have been asked to end."""
        with self._pool.lock:
            mine = [self._pool.attempts.live[i] for i in ids if i in self._pool.attempts.live]
        if not mine:
            return
        records = self._engine.ledger.read([running.record.invocation_id for running in mine])
        for running in mine:
            record = records.get(running.record.invocation_id)
            if record is not None and record.cancel_requested and record.attempt == running.record.attempt:
                running.cancelled = True
                running.suspender.interrupt(running)

    def interrupt(self, running: Running) -> None:
        """End its wait, if it is in one."""
        self.make_ready(running)

    def unwind(self) -> list[Running]:
        """Take all paused invocations; the caller wakes them with an error."""
        with self._pool.lock:
            paused = list(self._paused.values())
            self._paused.clear()
            self._ready.clear()
        return paused

    async def suspend_async(
        self, running: Running, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
    ) -> Sequence[InvocationRecord]:
        """Coroutines have a suspender of their own."""
        raise NotImplementedError


def wait_request(running: Running, awaited: Sequence[str], *, all_of_them: bool) -> WaitRequest:
    """What the store is asked when a running invocation wants to wait."""
    engine = running.engine
    return WaitRequest(
        running.record,
        running.claimed.priority,
        awaited,
        all_of_them,
        engine.wakeups.address(),
        engine.settings.cycle_control,
        engine.settings.blocking_control,
    )


def stack_seconds(running: Running, awaited: Sequence[str]) -> float | None:
    """How long a waiting invocation keeps its stack; None: as long as it waits, for a replay could not bring it back.

    Calls that are in no record would be made again.
    """
    seconds: float = running.engine.settings.workflow_stack_seconds
    run = running.workflow
    if run is None or not seconds or running.plain_calls or not all(each in run.children for each in awaited):
        return None
    return seconds


def raise_if_refused(running: Running, answer: WaitAnswer) -> None:
    """Turn an answer that forbids the wait into its error; nothing if there is simply no need to wait."""
    if answer.unknown:
        raise InvocationNotFoundError(answer.unknown[0], "it is awaited, but not in this application's store")
    if answer.cycle:
        # A few characters tell calls apart for people; the error's ``call_ids`` have all of them.
        chain = " -> ".join(call[: call.rfind(":") + 1 + _SHOWN_DIGEST] for call in answer.cycle)
        raise CycleDetectedError(
            answer.cycle,
            f"Invocation {running.record.invocation_id} would wait for ever: {chain}. "
            "Break the circle, or call without waiting for the result.",
        )
    if answer.refused:
        raise Fenced
