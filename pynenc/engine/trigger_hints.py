"""Who is told that something was recorded that triggers may wait for. Only hints: the log is the truth."""

import threading
from collections.abc import Callable

from pynenc.engine.hub import TRIGGERS, Hub
from pynenc.ports.backend import Backend
from pynenc.ports.clock import Clock

#: How long a process believes the addresses of runners that it has read.
ADDRESSES_SECONDS = 2.0
#: A runner that is silent for longer is dead. One that is late, while it starts or on a loaded machine, is told like
#: the others: it may be the only one, and telling says whether anybody listens.
SILENT_LEASES = 20


class TriggerHints:
    """Wakes somebody who evaluates triggers: in this process if there is one, else one of the runners."""

    def __init__(self, backend: Backend, hub: Hub, clock: Clock, lease_seconds: float) -> None:
        self._backend = backend
        self._hub = hub
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._evaluators: list[Callable[[], None]] = []
        self._addresses: list[str] = []
        self._read_at = float("-inf")

    def enlist(self, wake: Callable[[], None]) -> None:
        """This process evaluates triggers from now on; ``wake`` sets an event, and does no more."""
        with self._lock:
            self._evaluators.append(wake)
        self._hub.attend(self._wake_here)

    def retire(self, wake: Callable[[], None]) -> None:
        """It does so no longer."""
        with self._lock:
            self._evaluators.remove(wake)
        self._hub.leave()

    def _wake_here(self) -> bool:
        with self._lock:
            evaluators = list(self._evaluators)
        for wake in evaluators:
            wake()
        return bool(evaluators)

    def wake(self) -> None:
        """Something was recorded and committed."""
        if self._wake_here():
            return
        for address in self._runners():
            if self._backend.wakeups.notify({address: [TRIGGERS]}):
                return
        # Nobody could be told: the runners that started meanwhile look for what is pending by themselves.
        self._read_at = float("-inf")

    def pass_on(self) -> None:
        """Something is pending that another runner may know more of."""
        own = self._backend.wakeups.address()
        others = [address for address in self._runners() if address != own]
        if others:
            self._backend.wakeups.notify({address: [TRIGGERS] for address in others})

    def _runners(self) -> list[str]:
        now = self._clock.monotonic()
        if now - self._read_at > ADDRESSES_SECONDS:
            since = self._clock.now() - SILENT_LEASES * self._lease_seconds
            runners = self._backend.orchestrator.runners(alive_since=since)
            runners.sort(key=lambda runner: runner.last_beat, reverse=True)
            # Worker processes belong to a runner, which evaluates for them.
            self._addresses = [r.address for r in runners if r.parent_id is None and r.address is not None]
            self._read_at = now
        return self._addresses
