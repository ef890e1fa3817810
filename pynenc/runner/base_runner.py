"""What all runners share: a life from ``run()`` to ``stop_runner_loop()``, a lease, and the duties."""

import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any, ClassVar

from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_runner import ConfigRunner
from pynenc.conf.config_trigger import ConfigTrigger
from pynenc.engine.duties import Duties, Heartbeat
from pynenc.engine.engine import Engine
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.trigger_service import TriggerService
from pynenc.exceptions import RunnerError
from pynenc.identifiers import new_id
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.logs import name_runner
from pynenc.runner.publish import import_trigger_modules, publish_application
from pynenc.runner.signal_thread import SignalThread


class BaseRunner(ABC):
    """Claims and executes invocations of one application until it is told to stop.

    ``run()`` blocks; ``stop_runner_loop()`` may be called from any thread, before, during and after it. A runner
    can be run again after it stopped; each time it is a new incarnation with a new id.
    """

    conf_class: ClassVar[type[ConfigRunner]] = ConfigRunner
    #: It executes in this process, so components in the memory of this process will do.
    mem_compatible: ClassVar[bool] = False

    def __init__(self, app: Any) -> None:
        self.app = app
        self.runner_id = ""
        self._stop = threading.Event()
        self._started = threading.Event()
        self._stopped = threading.Event()
        self._stopped.set()
        self._second_signal = threading.Event()
        self._reason = "asked to"
        self._state_lock = threading.Lock()
        self._signals = SignalThread(self._signalled)
        self._running = False
        self._enlisted_slots = 0
        self._conf: ConfigRunner | None = None
        app.runner = self

    # -- for users

    @property
    def conf(self) -> Any:
        """The runner's settings; fields can be assigned before it runs."""
        if self._conf is None:
            self._conf = self.app.settings.build(self.conf_class)
        return self._conf

    @property
    def logger(self) -> Any:
        """The application's logger."""
        return self.app.logger

    def is_running(self) -> bool:
        """Whether ``run()`` is in progress."""
        return self._running

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            RunnerError: it runs already, or the components cannot be used by it.
        """
        with self._state_lock:
            if self._running:
                raise RunnerError(f"{type(self).__name__} of app {self.app.app_id!r} is running already")
            self._running = True
            self._stopped.clear()
            asked_before = self._stop.is_set()
        self.runner_id = new_id()
        name_runner(self.runner_id, type(self).__name__)
        self._signals.start()
        try:
            self._check_components()
            if not asked_before:
                self._run_once()
        finally:
            self._signals.stop()
            with self._state_lock:
                self._running = False
                self._stop.clear()
                self._started.clear()
                self._second_signal.clear()
                self._stopped.set()

    def stop_runner_loop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        """Have ``run()`` come to an end: no new work, a grace time for what runs, then it is given back.

        Also a signal handler: a second signal ends the grace.
        """
        if signum is not None:
            self._signals.handle(signum, frame)
            return
        with self._state_lock:
            if not self._running and self._stopped.is_set() and self.runner_id:
                # It ran and has stopped: nothing to stop, and the next run must not find the request.
                return
            self._stop.set()
        self._wake()

    def _signalled(self, signum: signal.Signals) -> None:
        self._reason = f"signal {signum.name}"
        if self._stop.is_set():
            self._second_signal.set()
        self._stop.set()
        self._wake()

    def wait_until_stopped(self, timeout: float = 2.0) -> bool:
        """Wait until ``run()`` has returned; True at once if it never ran."""
        return self._stopped.wait(timeout)

    def wait_until_started(self, timeout: float = 2.0) -> bool:
        """Wait until it is on the board, and its triggers are stored; False: not within so many seconds."""
        return self._started.wait(timeout)

    # -- for the kinds of runners

    @property
    def engine(self) -> Engine:
        """The application's engine."""
        engine: Engine = self.app.engine
        return engine

    @abstractmethod
    def _run_once(self) -> None:
        """Start, work until ``_stop`` is set, and end in good order."""

    def _wake(self) -> None:  # noqa: B027 - a hook: nothing to do for those who sleep on the event itself
        """The request to stop was set; wake whoever sleeps elsewhere than on it."""

    def _check_components(self) -> None:
        if not self.mem_compatible and not self.app.assembled.backend.capabilities.shared_between_processes:
            classes = ", ".join(sorted(set(self.app.component_classes())))
            raise RunnerError(
                f"{type(self).__name__} cannot run app {self.app.app_id!r}: its workers are other processes, which do "
                f"not see the memory of this one ({classes}). Use a ThreadRunner, or components on SQLite or a server."
            )

    def record(
        self, *, slots: int, runner_id: str = "", runner_cls: str = "", parent_id: str | None = None
    ) -> RunnerRecord:
        """What this runner says of itself."""
        now = self.engine.clock.now()
        return RunnerRecord(
            runner_id or self.runner_id,
            runner_cls or type(self).__name__,
            parent_id,
            os.uname().nodename,
            os.getpid(),
            now,
            now,
            None,
            tuple(self.conf.queues),
            slots,
            "",
            self.engine.wakeups.address(),
        )

    def _enlist(self, slots: int) -> None:
        """Enter the board, and publish what the application has."""
        self._enlisted_slots = slots
        self.engine.announce_store()
        import_trigger_modules(self.app)
        tasks = self.app.reachable_tasks()
        triggers = {key: task.triggers for key, task in tasks.items() if task.triggers}
        alone = not self.engine.alive_runners()
        # First: others leave to it what they lack the code of, as soon as they see triggers of this code.
        self.engine.ledger.save_runners([self.record(slots=slots)])
        register_triggers(self.engine, triggers, tasks, alone=alone)
        publish_application(self.app)
        self._started.set()

    def _enter_again(self, unknown: Collection[str]) -> None:
        """The board does not know these any more: somebody purged it."""
        if self.runner_id in unknown:
            self._enlist(self._enlisted_slots)

    def _duties(self, runner_ids: Callable[[], list[str]]) -> tuple[Heartbeat, Duties]:
        """The lease and the periodic duties, started."""
        conf = self.app.conf
        interval = conf.heartbeat_interval_seconds or conf.lease_seconds / 3
        heartbeat = Heartbeat(self.engine, interval, runner_ids)
        heartbeat.on_unknown = self._enter_again
        service = TriggerService(self.engine, self.app.settings.build(ConfigTrigger))
        duties = Duties(self.engine, conf, self.app.settings.build(ConfigOrchestrator), self.runner_id, service)
        heartbeat.start()
        duties.start()
        return heartbeat, duties
