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
#: How long one who waits for any of several gathers results after the first.
LINGER_SECONDS = 0.01
#: In a wake-up, in place of an id: something was recorded that triggers may wait for.
TRIGGERS = "*triggers"
#: Ids in one question to the ledger.
_CHUNK = 500


class Waiter:
    """Somebody who waits for invocations. ``wake`` is called once, when enough of them are final.

    One who waits for any of several is told a moment after the first: going on costs about as much for many
    results as for one, and short tasks end in bursts.
    """

    __slots__ = ("_all", "_done", "_pending", "_wake", "key", "linger_until", "since")

    def __init__(self, awaited: Iterable[str], *, all_of_them: bool, wake: Callable[[], None], key: Any = None) -> None:
        self._pending = set(awaited)
        self._all = all_of_them
        self._wake = wake
        self._done = False
        #: What the waiter is, for those who look it up.
        self.key = key
        self.since = 0.0
        #: Some are final; it is woken then, whether or not more are (monotonic seconds).
        self.linger_until: float | None = None

    @property
    def pending(self) -> set[str]:
        """What it still waits for."""
        return self._pending

    def completed_by(self, final_ids: Iterable[str]) -> bool:
        """Whether nothing would be left to wait for if these were final too."""
        return not self._done and self._pending.issubset(final_ids)

    def tell(self, final_id: str, now: float) -> bool:
        """One is final. True if the waiter is to be woken now."""
        self._pending.discard(final_id)
        if self._pending:
            if not self._all and self.linger_until is None:
                self.linger_until = now + LINGER_SECONDS
            return False
        return self.finish()

    def finish(self) -> bool:
        """It waits no longer; True the first time."""
        if self._done:
            return False
        self._done = True
        self.linger_until = None
        return True

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
        *,
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
        self._lingering: list[Waiter] = []
        self._count = 0
        self._listening = False
        self._checker: threading.Thread | None = None
        #: Nobody waits, and it sleeps until somebody does.
        self._checker_rests = False
        self._closed = False
        #: Called on the listener's thread when another process says that there is work.
        self.on_work: Callable[[], None] = lambda: None
        #: Called there with the ids of invocations whose owner, this process, is to look at them.
        self.on_called: Callable[[Sequence[str]], None] = lambda _ids: None

        #: Called when something was recorded that triggers may wait for.
        self._on_triggers: Callable[[], object] = lambda: None

    def attend(self, on_triggers: Callable[[], object]) -> None:
        """Be told of occurrences from now on, although nobody here may wait for invocations."""
        self._on_triggers = on_triggers
        self.listen()
        self._count_in(1)

    def leave(self) -> None:
        """Be told of them no longer; once for each ``attend``."""
        self._count_in(-1)

    def _count_in(self, change: int) -> None:
        with self._lock:
            before, self._count = self._count, self._count + change
            if not before or not self._count:
                self._wakeups.set_waiting(self._count > 0)

    @property
    def listening(self) -> bool:
        """Whether wake-ups are received already."""
        return self._listening

    def listen(self) -> None:
        """Start to receive wake-ups; may be repeated."""
        with self._lock:
            if self._listening:
                return
            self._listening = True
        try:
            self._wakeups.listen(self.receive, self._work)
        except BaseException:
            # A store that is away: whoever asks next is to try again, or this process would stay deaf.
            self._listening = False
            raise

    def _work(self) -> None:
        # Looked up at each call: runners come and go.
        self.on_work()

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
            elif self._checker_rests:
                # It rests a while after the last waiter went: to wake it for each wait costs two changes of threads.
                self._checker_rests = False
                self._changed.notify()

    def remove(self, waiter: Waiter) -> None:
        """Do not tell it any more. Idempotent for ids that are told already."""
        with self._lock:
            self._forget(waiter, waiter.pending)
            waiter.finish()
            if waiter in self._lingering:
                self._lingering.remove(waiter)
            self._count -= 1
            if self._count == 0:
                self._wakeups.set_waiting(False)
                if not self._wakeups.can_wake:
                    # So that it looks at short intervals again for the next one.
                    self._changed.notify()

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
        if not self._by_id:
            return
        woken: list[Waiter] = []
        with self._lock:
            now = self._clock.monotonic()
            for invocation_id in final_ids:
                for waiter in self._by_id.pop(invocation_id, ()):
                    if waiter.tell(invocation_id, now):
                        woken.append(waiter)
                    elif waiter.linger_until is not None and waiter not in self._lingering:
                        self._lingering.append(waiter)
                        self._changed.notify()
        for waiter in woken:
            waiter.wake()

    def receive(self, ids: Sequence[str]) -> None:
        """A wake-up: these changed; no ids: anything may have."""
        if not ids or TRIGGERS in ids:
            self._on_triggers()
        if ids:
            self.tell(ids)
            called = [i[len(ATTENTION) :] for i in ids if i.startswith(ATTENTION)]
            if called:
                self.on_called(called)
        else:
            self._check()

    # ------------------------------------------------------------ safety check

    def _check_forever(self) -> None:
        pause = self._first_pause()
        next_check = self._clock.monotonic() + pause
        warned = False
        while True:
            with self._lock:
                if not self._by_id and not self._lingering and not self._closed:
                    self._checker_rests = True
                    self._changed.wait()
                    pause, warned = self._first_pause(), False
                    next_check = self._clock.monotonic() + pause
                elif not self._closed:
                    ends = [w.linger_until for w in self._lingering if w.linger_until is not None]
                    self._changed.wait(max(0.0, min([next_check, *ends]) - self._clock.monotonic()))
                if self._closed:
                    return
                now = self._clock.monotonic()
                gathered = self._gathered(now)
                oldest = min((w.since for waiters in self._by_id.values() for w in waiters), default=now)
            for waiter in gathered:
                waiter.wake()
            if now < next_check:
                continue
            pause = self._safety_check(pause)
            next_check = now + pause
            if not warned and now - oldest >= self._long_wait_seconds:
                warned = True
                self._on_long_wait()

    def _first_pause(self) -> float:
        return SAFETY_CHECK_SECONDS if self._wakeups.can_wake else FALLBACK_FIRST_SECONDS

    def _gathered(self, now: float) -> list[Waiter]:
        """Those who gathered long enough. Called with the lock held."""
        over = [w for w in self._lingering if w.linger_until is None or w.linger_until <= now]
        for waiter in over:
            self._lingering.remove(waiter)
        return [waiter for waiter in over if waiter.finish()]

    def _safety_check(self, pause: float) -> float:
        """Look for what a lost wake-up missed; the time until the next look."""
        try:
            missed = self._check()
        except Exception:  # noqa: BLE001 - the store may be away; whoever waits goes on waiting
            return SAFETY_CHECK_SECONDS
        if self._wakeups.can_wake:
            return SAFETY_CHECK_SECONDS
        self._log_fallback()
        return FALLBACK_FIRST_SECONDS if missed else min(pause * 2, FALLBACK_LONGEST_SECONDS)

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
