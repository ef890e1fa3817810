"""All the waiting of one process: who is to be told when which invocations are final.

One inbox for all waits. A wake-up names the invocations that changed; each waiter counts down what it still
needs. Behind the wake-ups one safety check reads the ledger for everything anybody here waits for, in one
query; it finds what a lost wake-up missed, and takes over where wake-ups cannot reach.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pynenc.invocation.record import InvocationRecord
from pynenc.ports.clock import Clock
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.wakeups import ATTENTION, Wakeups

#: Between two safety checks while wake-ups work; a lost one costs at most this.
SAFETY_CHECK_SECONDS = 1.0
#: Where wake-ups cannot reach: first and longest time between two checks.
FALLBACK_FIRST_SECONDS = 0.005
FALLBACK_LONGEST_SECONDS = 0.25
#: A client that waited this long is told once when no runner is alive.
_CHUNK = 500


class Waiter:
    """Somebody who waits for invocations. ``wake`` is called once, when enough of them are final."""

    __slots__ = ("_all", "_done", "_pending", "_wake", "key", "since")

    def __init__(self, awaited: Iterable[str], *, all_of_them: bool, wake: Callable[[], None], key: Any = None) -> None:
        self._pending = set(awaited)
        self._all = all_of_them
        self._wake = wake
        self._done = False
        #: What the waiter is, for those who look it up.
        self.key = key
        self.since = 0.0

    @property
    def pending(self) -> set[str]:
        """What it still waits for."""
        return self._pending

    def completed_by(self, final_ids: Iterable[str]) -> bool:
        """Whether it could go on if these were final too."""
        if self._done:
            return False
        rest = self._pending.difference(final_ids)
        return not rest if self._all else len(rest) < len(self._pending)

    def tell(self, final_ids: Iterable[str]) -> bool:
        """These are final. True if that was what it waited for; then ``wake`` is to be called."""
        before = len(self._pending)
        self._pending.difference_update(final_ids)
        enough = not self._pending if self._all else len(self._pending) < before
        if enough and not self._done:
            self._done = True
            return True
        return False

    def wake(self) -> None:
        """Let it go on."""
        self._wake()


class Hub:
    """The waiters of this process."""

    def __init__(
        self,
        ledger: Orchestrator,
        wakeups: Wakeups,
        clock: Clock,
        on_long_wait: Callable[[], None],
        long_wait_seconds: float,
        log_fallback: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._wakeups = wakeups
        self._clock = clock
        self._on_long_wait = on_long_wait
        self._long_wait_seconds = long_wait_seconds
        self._log_fallback = log_fallback
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._by_id: dict[str, list[Waiter]] = {}
        self._count = 0
        self._listening = False
        self._checker: threading.Thread | None = None
        self._closed = False
        #: Called on the listener's thread when another process says that there is work.
        self.on_work: Callable[[], None] = lambda: None
        #: Called there with the ids of invocations whose owner, this process, is to look at them.
        self.on_called: Callable[[Sequence[str]], None] = lambda _ids: None

    def listen(self) -> None:
        """Start to receive wake-ups; may be repeated."""
        with self._lock:
            if self._listening:
                return
            self._listening = True
        self._wakeups.listen(self._on_message, lambda: self.on_work())

    def add(self, waiter: Waiter) -> None:
        """Have ``waiter`` told from now on. To be called before the ledger is asked how things stand."""
        self.listen()
        waiter.since = self._clock.monotonic()
        with self._lock:
            for invocation_id in waiter.pending:
                self._by_id.setdefault(invocation_id, []).append(waiter)
            self._count += 1
            if self._count == 1:
                self._wakeups.set_waiting(True)
            if self._checker is None:
                self._checker = threading.Thread(target=self._check_forever, name="pynenc-wait-check", daemon=True)
                self._checker.start()
            elif self._count == 1:
                self._changed.notify()

    def remove(self, waiter: Waiter) -> None:
        """Do not tell it any more. Idempotent for ids that are told already."""
        with self._lock:
            self._forget(waiter, waiter.pending)
            self._count -= 1
            if self._count == 0:
                self._wakeups.set_waiting(False)

    def _forget(self, waiter: Waiter, ids: Iterable[str]) -> None:
        for invocation_id in ids:
            waiters = self._by_id.get(invocation_id)
            if waiters is not None and waiter in waiters:
                waiters.remove(waiter)
                if not waiters:
                    del self._by_id[invocation_id]

    def completed_by(self, final_ids: Sequence[str]) -> list[Waiter]:
        """Waiters that would have what they wait for if these were final."""
        if not self._by_id:
            return []
        with self._lock:
            found = {id(w): w for i in final_ids for w in self._by_id.get(i, ()) if w.completed_by(final_ids)}
        return list(found.values())

    def tell(self, final_ids: Sequence[str]) -> None:
        """These invocations are final (or their waiters are to look again)."""
        woken: list[Waiter] = []
        with self._lock:
            for invocation_id in final_ids:
                for waiter in self._by_id.pop(invocation_id, ()):
                    if waiter.tell((invocation_id,)):
                        woken.append(waiter)
        for waiter in woken:
            waiter.wake()

    def _on_message(self, ids: Sequence[str]) -> None:
        if ids:
            self.tell(ids)
            called = [i[len(ATTENTION) :] for i in ids if i.startswith(ATTENTION)]
            if called:
                self.on_called(called)
        else:
            self._check()

    # ------------------------------------------------------------ safety check

    def _check_forever(self) -> None:
        pause = SAFETY_CHECK_SECONDS if self._wakeups.can_wake else FALLBACK_FIRST_SECONDS
        warned = False
        while True:
            with self._lock:
                while not self._by_id and not self._closed:
                    self._changed.wait()
                    pause = SAFETY_CHECK_SECONDS if self._wakeups.can_wake else FALLBACK_FIRST_SECONDS
                    warned = False
                if self._closed:
                    return
                self._changed.wait(pause)
                if self._closed:
                    return
                now = self._clock.monotonic()
                oldest = min((w.since for waiters in self._by_id.values() for w in waiters), default=now)
            missed = self._check()
            if not self._wakeups.can_wake:
                self._log_fallback()
                pause = FALLBACK_FIRST_SECONDS if missed else min(pause * 2, FALLBACK_LONGEST_SECONDS)
            if not warned and now - oldest >= self._long_wait_seconds:
                warned = True
                self._on_long_wait()

    def _check(self) -> int:
        """Ask the ledger about everything that is waited for here; how much of it is final."""
        with self._lock:
            ids = list(self._by_id)
        found = 0
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            records = self._ledger.read(chunk)
            finals = [i for i in chunk if i not in records or records[i].status.is_final()]
            found += len(finals)
            self.tell(finals)
        return found

    def close(self) -> None:
        """Stop the safety check."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()


def finals(records: Iterable[InvocationRecord]) -> list[InvocationRecord]:
    """Those that are final."""
    return [record for record in records if record.status.is_final()]
