"""The lease and the periodic duties of a runner.

The heartbeat has a thread of its own, so that no duty can delay it. Each duty is performed by one runner at a
time: whoever holds it in the store. A holder that dies loses it when its hold runs out.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.engine.engine import Engine
from pynenc.engine.patience import Patience
from pynenc.engine.recovery import recover_silent, sweep
from pynenc.engine.retention import purge_expired
from pynenc.engine.trigger_service import TriggerService

#: A hold outlives the duty's interval by this factor, so that the same runner usually keeps it.
HOLD_FACTOR = 2.5
#: A failed heartbeat is tried again after this long.
BEAT_RETRY_SECONDS = 1.0
SECONDS_PER_HOUR = 3600.0
#: Delayed invocations queued in one step.
DUE_BATCH = 100


@dataclass(slots=True)
class Duty:
    """Something one runner does at intervals."""

    name: str
    interval_seconds: float
    perform: Callable[[], object]
    #: Monotonic seconds.
    due_at: float = 0.0
    #: The hold of this runner, in seconds since the epoch.
    held_from: float = 0.0
    held_until: float = 0.0


class Heartbeat:
    """Renews the leases of a runner and its children."""

    def __init__(self, engine: Engine, interval_seconds: float, runner_ids: Callable[[], list[str]]) -> None:
        self._engine = engine
        self._interval = interval_seconds
        self._runner_ids = runner_ids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name="pynenc-heartbeat", daemon=True)
        self._last = engine.clock.now()
        #: Called with the ids that the board does not know (any more).
        self.on_unknown: Callable[[list[str]], None] = lambda _ids: None

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """End; may be repeated."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _main(self) -> None:
        pause = self._interval
        while not self._stop.wait(pause):
            try:
                self.beat()
                pause = self._interval
            except Exception as error:  # noqa: BLE001 - the store may be away for a while; the lease decides
                self._engine.events.duty_failed("heartbeat", error)
                pause = min(BEAT_RETRY_SECONDS, self._interval)

    def beat(self) -> None:
        """Renew once."""
        now = self._engine.clock.now()
        late = now - self._last - self._engine.settings.lease_seconds
        ids = self._runner_ids()
        unknown = self._engine.ledger.beat(ids, now)
        self._last = now
        if late > 0 and ids:
            self._engine.events.lease_lost(ids[0], late)
        if unknown:
            self.on_unknown(unknown)


class Duties:
    """Recovery, sweep and purge."""

    def __init__(
        self,
        engine: Engine,
        conf: ConfigPynenc,
        orchestrator: ConfigOrchestrator,
        runner_id: str,
        triggers: TriggerService,
    ) -> None:
        self._engine = engine
        self._runner_id = runner_id
        #: Lives as long as the duties do.
        self._triggers = triggers
        self._wake = threading.Event()
        self._stopping = False
        keep = orchestrator.auto_final_invocation_purge_hours * SECONDS_PER_HOUR
        grace = conf.sweep_grace_seconds
        self._patience = Patience(engine.settings.lease_seconds, conf.recovery_interval_seconds)
        self._duties = [
            Duty("recover", conf.recovery_interval_seconds, self._recover),
            Duty("start_delayed", conf.recovery_interval_seconds, lambda: engine.steps.queue_due(DUE_BATCH)),
            Duty("sweep", conf.sweep_interval_seconds, lambda: sweep(engine, runner_id, grace)),
            Duty("purge", conf.purge_interval_seconds, lambda: purge_expired(engine, keep)),
            Duty("forget_events", conf.purge_interval_seconds, triggers.forget_old),
        ]
        self._thread = threading.Thread(target=self._main, name="pynenc-duties", daemon=True)

    def start(self) -> None:
        """Begin, with all duties at once: after a pause of the whole system there is something to put right."""
        self._thread.start()
        self._triggers.start()

    def stop(self) -> None:
        """End after the duty in progress; may be repeated."""
        self._triggers.stop()
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _main(self) -> None:
        clock = self._engine.clock
        while not self._stopping:
            now = clock.monotonic()
            self._patience.may_judge(self._engine.clock.now())
            for duty in self._duties:
                if duty.due_at <= now and not self._stopping:
                    duty.due_at = now + duty.interval_seconds
                    self._perform(duty)
            following = min(duty.due_at for duty in self._duties)
            self._wake.wait(max(0.0, following - clock.monotonic()))

    def _recover(self) -> None:
        # Asked again: the step before this one may have waited long for the store.
        if self._patience.may_judge(self._engine.clock.now()):
            recover_silent(self._engine, self._runner_id)

    def _perform(self, duty: Duty) -> None:
        engine = self._engine
        try:
            now = engine.clock.now()
            # Nobody can take it before its hold runs out: it is renewed at the last turn within it.
            held = duty.held_from <= now and now + duty.interval_seconds < duty.held_until
            if not held:
                until = now + duty.interval_seconds * HOLD_FACTOR
                held = engine.ledger.hold_duty(duty.name, self._runner_id, now, until)
                duty.held_from, duty.held_until = now, until if held else now
            if held:
                duty.perform()
        except Exception as error:  # noqa: BLE001 - one of the three doors: a duty's turn; tried again at its next
            engine.events.duty_failed(duty.name, error)
