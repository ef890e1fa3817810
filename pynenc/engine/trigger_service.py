"""The thread of a runner that evaluates triggers: woken by what happens, by schedules, and now and then."""

import threading

from pynenc.conf.config_trigger import ConfigTrigger
from pynenc.engine.engine import Engine
from pynenc.engine.triggers import Triggers

#: Where wake-ups cannot reach, or after an error: time until the next look, in seconds.
LOOK_AGAIN_SECONDS = 1.0
SECONDS_PER_DAY = 86_400.0


class TriggerService:
    """Evaluates the triggers of an application in the process of a runner.

    Every runner has one. Who comes first does the work: evaluations come one after the other, whoever makes them, and
    a time of a schedule is recorded once.
    """

    def __init__(self, engine: Engine, conf: ConfigTrigger) -> None:
        self._engine = engine
        self._conf = conf
        self._triggers = Triggers(engine, conf.max_waiting_occurrences)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._main, name="pynenc-triggers", daemon=True)

    def start(self) -> None:
        """Begin, with a look at what is pending."""
        self._engine.trigger_hints.enlist(self._wake.set)
        self._thread.start()

    def stop(self) -> None:
        """End after the evaluation in progress; may be repeated."""
        if self._stopping:
            return
        self._stopping = True
        self._engine.trigger_hints.retire(self._wake.set)
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def forget_old(self) -> None:
        """Drop events, handled occurrences and firings that are older than they are kept."""
        keep = self._conf.event_retention_days * SECONDS_PER_DAY
        before = self._engine.clock.now() - keep
        while self._engine.backend.trigger.forget(before):
            pass

    def look(self) -> float:
        """Do what is to be done; seconds until the next look."""
        upcoming = self._triggers.look_at_schedules() if self._conf.enable_scheduler else None
        self._triggers.evaluate(self._conf.max_events_batch_size)
        pause = float(self._conf.scheduler_interval_seconds)
        if not self._engine.wakeups.can_wake:
            pause = min(pause, LOOK_AGAIN_SECONDS)
        again = self._triggers.passing_on.look_again_in()
        if again is not None:
            pause = min(pause, again)
        if upcoming is not None:
            pause = min(pause, max(0.0, upcoming - self._engine.clock.now()))
        return pause

    def _main(self) -> None:
        while not self._stopping:
            # Before the look, so that what is recorded during it leads to another.
            self._wake.clear()
            try:
                pause = self.look()
            except BaseException as error:  # noqa: BLE001 - design law 10: the store may be away; tried again
                self._engine.events.duty_failed("triggers", error)
                pause = LOOK_AGAIN_SECONDS
            if not self._stopping:
                self._wake.wait(pause)
