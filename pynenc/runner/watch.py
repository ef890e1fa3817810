"""The eye on a pool: on what stands behind a long invocation, and on the clock for delayed ones.

Claiming ahead and writing in groups assume short tasks. When one turns out long, what stands behind it must
not wait for it: results are written, claimed invocations handed back to the queue, and started ones given
back too. The watch looks at short intervals while there is something to look after, and sleeps otherwise.
"""

import threading
from typing import Any

from pynenc.engine.recovery import disown_forgotten
from pynenc.invocation.record import Claimed, Finish
from pynenc.runner.slot import Slot

#: Between two looks, while something stands behind what executes.
TICK_SECONDS = 0.025
#: An invocation that executes longer than this is long.
LONG_SECONDS = 0.05
#: Calls made inside a task are announced to others after this long if nobody here took them.
OWED_SECONDS = 0.002
#: An idle pool looks for work this often should no wake-up come; costs two reads.
SAFETY_LOOK_SECONDS = 2.5
#: The same where wake-ups cannot reach: first, and longest after it doubled.
FALLBACK_FIRST_SECONDS = 0.005
FALLBACK_LONGEST_SECONDS = 0.25
#: Between two comparisons of what the ledger says is ours with what we know of.
AUDIT_SECONDS = 10.0
#: Delayed invocations queued in one step.
DUE_BATCH = 100


class Watch:
    """One thread for each pool."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._changed = threading.Condition()
        self._armed = False
        self._due_at: float | None = None
        self._owed = 0
        self._owed_until: float | None = None
        self._closed = False
        self._fallback = FALLBACK_FIRST_SECONDS
        #: When the next safety look is due (monotonic seconds), and what was completed at the last one.
        self._safety_at = 0.0
        self._completed = 0
        self._audit_at = 0.0
        self._suspects: set[tuple[str, int]] = set()
        self._thread = threading.Thread(target=self._main, name="pynenc-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def arm(self) -> None:
        """Something was claimed, or ended, that stands behind what executes."""
        if not self._armed:
            with self._changed:
                self._armed = True
                self._changed.notify()

    def owe(self, calls: int) -> None:
        """Invocations for slots were queued that nobody was told of."""
        if not calls:
            return
        with self._changed:
            self._owed += calls
            if self._owed_until is None:
                self._owed_until = self._pool.engine.clock.monotonic() + OWED_SECONDS
                self._changed.notify()

    def take_owed(self) -> int:
        """How many nobody was told of; whoever asks sees to it that others are."""
        with self._changed:
            owed, self._owed = self._owed, 0
        return owed

    def tell(self, calls: int) -> None:
        """Tell others of so many."""
        if calls > 0:
            self._pool.engine.wakeups.wake_workers(calls)

    def due(self, at: float | None) -> None:
        """A delayed invocation is to be queued at this time (seconds since the epoch)."""
        if at is None or at == self._due_at:
            return
        with self._changed:
            if self._due_at is None or at < self._due_at:
                self._due_at = at
                self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _main(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._pause())
                if self._closed:
                    return
            try:
                self._settle_owed()
                self._look()
                self._queue_due()
                self._safety_look()
            except Exception as error:  # noqa: BLE001 - a store that fails now is tried again at the next look
                self._pool.engine.events.loop_failed("The watch of the worker", error)

    def _pause(self) -> float:
        """How long to sleep: until the first thing that is to be done."""
        clock = self._pool.engine.clock
        now = clock.monotonic()
        pauses = [self._safety_at - now]
        if self._owed_until is not None:
            pauses.append(self._owed_until - now)
        if self._armed:
            pauses.append(TICK_SECONDS)
        if self._due_at is not None:
            pauses.append(self._due_at - float(clock.now()))
        return max(0.0, float(min(pauses)))

    def _settle_owed(self) -> None:
        if self._owed_until is not None and self._owed_until <= self._pool.engine.clock.monotonic():
            with self._changed:
                self._owed_until = None
            self.tell(self.take_owed())

    def _safety_look(self) -> None:
        """Look for work as if somebody had said there is some."""
        pool = self._pool
        now = pool.engine.clock.monotonic()
        if now < self._safety_at:
            return
        if pool.engine.wakeups.can_wake:
            self._safety_at = now + SAFETY_LOOK_SECONDS
        else:
            busy = pool.attempts.completed != self._completed or bool(pool.busy)
            self._completed = pool.attempts.completed
            self._fallback = FALLBACK_FIRST_SECONDS if busy else min(self._fallback * 2, FALLBACK_LONGEST_SECONDS)
            self._safety_at = now + self._fallback
        pool.look()
        if now >= self._audit_at:
            self._audit_at = now + AUDIT_SECONDS
            self._suspects = disown_forgotten(pool.engine, pool.runner_id, pool.known(), self._suspects)

    def _queue_due(self) -> None:
        now = self._pool.engine.clock.now()
        if self._due_at is None or self._due_at > now:
            return
        following = self._pool.engine.steps.queue_due(DUE_BATCH)
        with self._changed:
            self._due_at = following
        self._pool.look()

    def _look(self) -> None:
        pool = self._pool
        now = pool.engine.clock.monotonic()
        finished: list[Finish] = []
        back: list[Claimed] = []
        with self._changed:
            self._armed = False
        with pool.lock:
            for slot in pool.busy:
                if _is_long(slot, now):
                    finished += slot.finished
                    back += slot.started
                    slot.finished = []
                    slot.started.clear()
            if not pool.free and all(_is_long(slot, now) for slot in pool.busy):
                back += pool.claimed
                pool.claimed.clear()
            behind = bool(pool.claimed) or any(slot.started or slot.finished for slot in pool.busy)
        if behind:
            with self._changed:
                self._armed = True
        pool.attempts.record(finished)
        pool.attempts.give_back([claimed.record for claimed in back])


def _is_long(slot: Slot, now: float) -> bool:
    return slot.busy_since is not None and now - slot.busy_since > LONG_SECONDS
