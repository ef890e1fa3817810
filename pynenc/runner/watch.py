"""The eye on a pool: on what stands behind a long invocation, and on the clock for delayed ones.

Claiming ahead and writing in groups assume short tasks. When one turns out long, what stands behind it must
not wait for it: results are written, claimed invocations handed back to the queue, and started ones given
back too. The watch looks at short intervals while there is something to look after, and sleeps otherwise.
"""

import threading
from typing import Any

from pynenc.invocation.record import Claimed, Finish
from pynenc.runner.slot import Slot

#: Between two looks, while something stands behind what executes.
TICK_SECONDS = 0.025
#: An invocation that executes longer than this is long.
LONG_SECONDS = 0.05
#: An idle pool looks for work this often should no wake-up come; costs two reads.
SAFETY_LOOK_SECONDS = 2.0
#: The same where wake-ups cannot reach: first, and longest after it doubled.
FALLBACK_FIRST_SECONDS = 0.005
FALLBACK_LONGEST_SECONDS = 0.25
#: Delayed invocations queued in one step.
DUE_BATCH = 100


class Watch:
    """One thread for each pool."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._changed = threading.Condition()
        self._armed = False
        self._due_at: float | None = None
        self._closed = False
        self._fallback = FALLBACK_FIRST_SECONDS
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
                woken = self._changed.wait(self._pause())
                if self._closed:
                    return
            try:
                self._look()
                self._queue_due()
                if not woken:
                    self._safety_look()
            except Exception as error:  # noqa: BLE001 - a store that fails now is tried again at the next look
                self._pool.engine.events.loop_failed("The watch of the worker", error)

    def _pause(self) -> float:
        if self._armed:
            return TICK_SECONDS
        pause = SAFETY_LOOK_SECONDS if self._pool.engine.wakeups.can_wake else self._fallback
        if self._due_at is None:
            return pause
        return min(pause, max(0.0, self._due_at - self._pool.engine.clock.now()))

    def _safety_look(self) -> None:
        """Look for work as if somebody had said there is some."""
        pool = self._pool
        if pool.engine.wakeups.can_wake:
            if not self._armed:
                pool.look()
            return
        before = pool.completed
        pool.look()
        busy = pool.completed != before or pool.busy
        self._fallback = FALLBACK_FIRST_SECONDS if busy else min(self._fallback * 2, FALLBACK_LONGEST_SECONDS)

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
        pool.record(finished)
        pool.give_back(back)


def _is_long(slot: Slot, now: float) -> bool:
    return slot.busy_since is not None and now - slot.busy_since > LONG_SECONDS
