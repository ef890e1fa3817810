"""The worker pool of one process: slots, and the threads that carry them.

A thread that carries a slot drives itself: it runs what the slot has started; when that is used up it takes
one step into the store that records what ended, starts the next group and claims to top up. Nobody schedules
these threads, and none of them polls. Invocations that wait are the business of ``parking``, coroutines that
of ``event_loop_lane``.

Three kinds of work compete for a slot, in this order: paused invocations whose wait is over, what was claimed,
what can be claimed.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from pynenc.engine.context import Running
from pynenc.engine.engine import Engine
from pynenc.engine.execution import Fenced, Unwind, call, classify
from pynenc.invocation.record import Claimed, InvocationRecord, Lane, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.steps import ClaimPlan
from pynenc.runner.attempts import Attempts
from pynenc.runner.carriers import Carriers
from pynenc.runner.event_loop_lane import EventLoopLane
from pynenc.runner.idle_mark import IdleMark, Room
from pynenc.runner.pace import GROUP_SECONDS, Gathering, Pace
from pynenc.runner.parking import Parking
from pynenc.runner.pool_limits import PoolLimits
from pynenc.runner.slot import Slot
from pynenc.runner.watch import Watch

#: Between two tries while the store does not answer; doubles up to the longest.
STORE_RETRY_SECONDS, STORE_RETRY_LONGEST_SECONDS = 0.05, 2.0


class Pool:
    """Runs invocations of one application in this process."""

    def __init__(self, engine: Engine, runner_id: str, limits: PoolLimits) -> None:
        self.engine = engine
        self.runner_id = runner_id
        self.limits = limits
        # What may not be run again after a death must not be RUNNING before its code is.
        self.pace = Pace(limits.claim_ahead_seconds, grouping=engine.settings.max_recoveries > 0)
        self._gathering = Gathering(enabled=engine.backend.capabilities.shared_between_processes)
        self.lock = threading.Lock()
        self.attempts = Attempts(engine, runner_id, self.lock)
        self._stop = threading.Event()
        self.free: list[Slot] = [Slot() for _ in range(limits.slots)]
        self.busy: set[Slot] = set()
        #: PENDING in the ledger, ours, not started.
        self.claimed: deque[Claimed] = deque()
        self._carriers = Carriers(self._drive, limits.slots)
        self.carry = self._carriers.carry
        self._look_again = False
        #: The last claim found several: the next will find some, too. If not, who rests asks, and looks once more.
        self._dense = False
        beside = not engine.backend.capabilities.one_product
        self.idle_mark = IdleMark(engine.wakeups, picky=bool(limits.queues), room=self._room, queue_elsewhere=beside)
        self.stopping = False
        #: Single use: what this process was for is done, or was taken by others.
        self._used_up = False
        #: Called when something was claimed, and when there is nothing left to do.
        self.on_claimed: Callable[[], None] = lambda: None
        self.on_empty: Callable[[], None] = lambda: None
        self.parking = Parking(self)
        self.lane = EventLoopLane(self)
        self.watch = Watch(self)

    def start(self) -> None:
        """Begin to look for work."""
        hub = self.engine.hub
        hub.on_work = self._told
        hub.on_called = self.parking.called
        hub.listen()
        self.watch.start()
        self.look()

    def look(self, *, told: bool = False) -> None:
        """There may be work: have a free slot look for it. ``told``: somebody said that there is."""
        self.idle_mark.taken()
        with self.lock:
            if self._used_up:
                return
            slot = self._take_free()
            # One that is busy may be on its way to rest, with an answer that is older than this work.
            self._look_again = self._look_again or slot is None
        if slot is not None:
            slot.told = told
            self.carry(slot)
        else:
            # Told by a mark from before all slots were taken: others may have room. Ours is put right before, or
            # it would be taken for that, and nobody told of the next coroutine.
            self.idle_mark.lower()
            self.engine.wakeups.wake_workers(1, coroutines=not self._room().coroutines)
            self.lane.look()

    def _told(self) -> None:
        # It may be work for others, of which only a look tells; and who is to be told by its queue has to look there.
        self.look(told=not self.limits.queues and not self.engine.backend.broker.tells)

    def stop_claiming(self) -> None:
        """Take no new work, except what somebody here waits for."""
        with self.lock:
            self.stopping = True
            returned, self.claimed = list(self.claimed), deque()
        self.attempts.give_back([claimed.record for claimed in returned])
        self.lane.look()

    def abandon(self) -> list[InvocationRecord]:
        """The grace is over: unwind what is paused, give everything back.

        The answer names what still executes and cannot be ended from here; its invocations are rerouted too,
        so its outcomes will be refused.
        """
        self._stop.set()
        with self.lock:
            self.stopping = True
            unstarted = [c.record for slot in self.busy for c in slot.started] + [c.record for c in self.claimed]
            self.claimed.clear()
            for slot in self.busy:
                slot.started.clear()
        self.flush()
        paused = self.parking.unwind() + self.lane.unwind()
        with self.lock:
            executing = [r.record for r in self.attempts.live.values() if r not in paused]
        self.attempts.give_back(unstarted + [running.record for running in paused] + executing)
        _unwind(paused)
        return executing

    def unwind(self) -> None:
        """Have paused invocations leave their code; the process ends, and others give back what it held."""
        self._stop.set()
        _unwind(self.parking.unwind() + self.lane.unwind())

    def flush(self) -> None:
        """Write the outcomes that wait for the end of their group."""
        with self.lock:
            finished = [finish for slot in (*self.busy, *self.free) for finish in slot.finished]
            for slot in (*self.busy, *self.free):
                slot.finished = []
        self.attempts.record(finished)

    def close(self) -> None:
        """End the sleeping threads."""
        self._stop.set()
        self._carriers.close()
        self.lane.close()
        self.watch.close()
        self.engine.hub.on_work = lambda: None
        self.engine.hub.on_called = lambda _ids: None
        self.idle_mark.withdraw()

    def take_slot(self) -> Slot | None:
        """A free slot, which is busy from now on."""
        with self.lock:
            return self._take_free()

    def _take_free(self) -> Slot | None:
        # Called with the lock held.
        if not self.free or self._used_up or self._stop.is_set():
            return None
        slot = self.free.pop()
        self.busy.add(slot)
        return slot

    def release(self, slot: Slot) -> None:
        """The slot has nothing to do. To be called with the lock held."""
        slot.busy_since = None
        self.busy.discard(slot)
        self.free.append(slot)

    def _drive(self, first: Slot) -> None:
        """Work as long as there is something to do for the slot this thread carries."""
        slot: Slot | None = first
        pause = STORE_RETRY_SECONDS
        while slot is not None and not self._stop.is_set():
            if slot.started and not self._overdue(slot):
                slot = self._execute(slot, slot.started.popleft())
                continue
            try:
                slot = self._advance(slot)
                pause = STORE_RETRY_SECONDS
            except Exception as error:  # noqa: BLE001 - design law 10: whatever a store does, the worker goes on
                self.engine.events.loop_failed("A step of the worker", error)
                self._stop.wait(pause)
                pause = min(pause * 2, STORE_RETRY_LONGEST_SECONDS)

    def _overdue(self, slot: Slot) -> bool:
        return bool(slot.finished) and self.engine.clock.monotonic() - slot.group_since > GROUP_SECONDS

    def _execute(self, slot: Slot, claimed: Claimed) -> Slot | None:
        """Run one invocation; the slot to go on with, which is another one if it was paused meanwhile."""
        running = self.attempts.begin(claimed, self.parking)
        running.slot = slot
        running.thread_ident = threading.get_ident()
        clock = self.engine.clock
        began = slot.busy_since = clock.monotonic()
        try:
            ended = call(running)
        except (Unwind, Fenced):
            self.attempts.forget([running.record])
            left: Slot | None = running.slot
            return left
        ended_slot: Slot = running.slot
        now = clock.monotonic()
        if running.home is None:
            self.pace.observe(claimed.record.task_id, now - began)
        finish = classify(running, ended, clock.now())
        with self.lock:
            # The watch takes what stands behind a long one; it must not do so between the next lines.
            ended_slot.busy_since = None
            if not ended_slot.finished:
                ended_slot.group_since = now
            ended_slot.finished.append(finish)
        self.attempts.completed += 1
        return ended_slot

    def _advance(self, slot: Slot) -> Slot | None:
        """One step into the store; the slot if there is something to do with it, else None: it was given away."""
        heir = self.parking.heir(slot.finished) if not slot.started else None
        if heir is not None:
            self.parking.hand_over(heir, slot)
            return None
        self._gather(slot)
        finishes = slot.finished
        group, plan = ([], None) if slot.started else self._next()
        told, slot.told = slot.told, False
        if not finishes and not group and (plan is None or not (told or self._anything_queued(plan))):
            return self._rest(slot)
        running = InvocationStatus.RUNNING
        changes = [Transition(c.record.invocation_id, running, self.runner_id, c.record.attempt) for c in group]
        began = self.engine.clock.monotonic()
        try:
            answer = self.engine.steps.advance(finishes, changes, plan)
        except Exception:
            with self.lock:
                self.claimed.extendleft(reversed(group))
            raise
        slot.finished = []
        if plan is not None:
            self._dense = answer.more or len(answer.claimed) > 1
            now = self.engine.clock.monotonic()
            self._gathering.stepped(
                now,
                len(answer.claimed),
                finished=len(finishes),
                awaited=answer.awaited,
                seconds=now - began,
                more=answer.more,
            )
        self.attempts.recorded(finishes, answer.finished)
        self._begin_group(slot, group, answer.changed)
        self.take_in(slot, answer.claimed, told=told)
        if answer.more or (answer.claimed and plan is not None and self._more_for_free_slots(plan)):
            self._wake_another()
        if slot.started or answer.claimed or answer.more or plan is None:
            return slot
        return self._rest(slot)

    def _gather(self, slot: Slot) -> None:
        """Under a dense stream of calls, let some of them come before the next step."""
        if not slot.started and not self.claimed:
            pause = self._gathering.pause(self.engine.clock.monotonic())
            if pause:
                self._stop.wait(pause)

    def _begin_group(self, slot: Slot, group: Sequence[Claimed], records: Sequence[InvocationRecord | None]) -> None:
        """These are RUNNING in the ledger now, except those that were taken away meanwhile."""
        for claimed, record in zip(group, records, strict=True):
            if record is not None:
                slot.started.append(claimed._replace(record=record))
        if len(slot.started) > 1:
            self.watch.arm()

    def _next(self) -> tuple[list[Claimed], ClaimPlan | None]:
        """What to start next of what was claimed, and what to claim besides."""
        limits = self.limits
        with self.lock:
            self._look_again = False
            group = [self.claimed.popleft() for _ in range(self.pace.group(self.claimed))]
            if limits.single_use and (self.attempts.completed or self.attempts.live or group or self.lane.occupied()):
                return group, None
            ahead = 1 if limits.single_use else self.pace.claim_ahead(limits.slots)
            room = ahead - len(self.claimed)
            if group and room <= ahead // 2:
                return group, None
        if not group and not self._dense:
            # If this claim finds nothing we sleep; saying so first, nobody's work can fall in between.
            self.idle_mark.ask()
        return group, self.claim_plan(max(room, 1), start=0 if group else self.pace.start_at_once())

    def claim_plan(self, limit: int, *, start: int) -> ClaimPlan | None:
        """What this process may claim now; None: nothing."""
        only_awaited = self.stopping or self.parking.is_full()
        if self.stopping and not self.parking.count() and not self.lane.paused_count():
            return None
        lanes = [Lane.THREAD.value]
        if self.limits.single_use or self.lane.room():
            lanes.append(Lane.EVENT_LOOP.value)
        places = [(queue, lane) for queue in self.limits.queues or ("*",) for lane in lanes]
        return ClaimPlan(
            self.runner_id, places, limit, only_awaited=only_awaited, start=start, short_tasks=self.pace.short_tasks
        )

    def _more_for_free_slots(self, plan: ClaimPlan) -> bool:
        """Whether there is something for a slot at rest; else the queue, if it can, tells when there is."""
        broker = self.engine.backend.broker
        return broker.tells and bool(self.free) and not plan.only_awaited and broker.expect(plan.places, self.look)

    def _anything_queued(self, plan: ClaimPlan | None = None) -> bool:
        """A look without a write, before an idle worker opens a transaction for nothing."""
        if self.stopping:
            return True
        broker = self.engine.backend.broker
        if plan is not None and not plan.only_awaited and broker.expect(plan.places, self.look):
            return True
        queues = self.limits.queues
        return any(count and (not queues or queue in queues) for (queue, _), count in broker.sizes().items())

    def take_in(self, slot: Slot, claimed: Sequence[Claimed], *, told: bool = False) -> None:
        """Sort what was claimed: coroutines to their lane, what is started to the slot, the rest waits its turn."""
        if not claimed:
            return
        # Who was at rest and is done in a moment leaves the mark as it is: the step after that would make it anew.
        looks = not (told and self._is_brief(claimed)) and self.idle_mark.lower()
        self.on_claimed()
        for item in claimed:
            if item.record.lane == Lane.EVENT_LOOP:
                self.lane.submit(item)
            elif item.record.status is InvocationStatus.RUNNING:
                slot.started.append(item)
            else:
                with self.lock:
                    self.claimed.append(item)
        if self.claimed or len(slot.started) > 1:
            self.watch.arm()
        if self.claimed:
            self._wake_another()
        if looks:
            self.lane.look()

    def _is_brief(self, claimed: Sequence[Claimed]) -> bool:
        first = claimed[0].record
        return len(claimed) == 1 and first.task_id in self.pace.short_tasks and first.lane == Lane.THREAD

    def _room(self) -> Room:
        if self.limits.single_use or self.stopping:
            return Room(slots=False, coroutines=False)
        return Room(slots=bool(self.free), coroutines=bool(self.lane.room()))

    def _wake_another(self) -> None:
        """There is more work than this slot takes: have a free one look."""
        other = self.take_slot()
        if other is not None:
            self.carry(other)

    def _rest(self, slot: Slot) -> Slot | None:
        """Nothing to do: free the slot, unless something came up meanwhile."""
        self._dense = False
        self.watch.due(self.engine.ledger.next_due())
        with self.lock:
            if self._look_again or self.claimed or self.parking.anyone_ready():
                self._look_again = False
                return slot
            self.release(slot)
        # Another slot may have said meanwhile that all were busy, and this one's look may be older than that.
        if not self.idle_mark.asks() and self.idle_mark.correct() and self._anything_queued():
            return self.take_slot()
        self.check_empty()
        return None

    def known(self) -> set[str]:
        """Every invocation that this process holds."""
        with self.lock:
            ids = {c.record.invocation_id for slot in (*self.busy, *self.free) for c in slot.started}
            ids.update(f.record.invocation_id for slot in (*self.busy, *self.free) for f in slot.finished)
            ids.update(c.record.invocation_id for c in self.claimed)
            ids.update(self.attempts.live)
        return ids | self.lane.accepted()

    def check_empty(self) -> None:
        """Announce that there is nothing left to do here, if so."""
        with self.lock:
            empty = not self.attempts.live and not self.busy and not self.claimed and not self.lane.occupied()
            self._used_up = empty and self.limits.single_use
        if self._used_up:
            # Before it is said: who sees the end of this process looks for what senders have told only us of.
            self.idle_mark.withdraw()
        if empty:
            self.on_empty()


def _unwind(paused: Sequence[Running]) -> None:
    for running in paused:
        running.home.error = Unwind()
        running.home.wake()
