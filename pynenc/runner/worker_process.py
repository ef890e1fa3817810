"""A worker process: the pool of one child of a supervisor.

The fork server calls ``load`` once: it imports the user's application with the parent's settings, and opens
nothing. Each child then runs ``work``. Its main thread listens to the supervisor; when that is gone the child
ends at once, so that no orphan goes on claiming.
"""

import os
import pickle
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pynenc import bootstrap
from pynenc.conf.config_runner import ConfigRunner, ConfigThreadRunner
from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.logs import name_runner
from pynenc.runner.child_process import ChildMain, ChildStart
from pynenc.runner.grace import wait_for_the_rest
from pynenc.runner.message_stream import JSON
from pynenc.runner.pool import Pool
from pynenc.runner.pool_limits import PoolLimits
from pynenc.serializer.choice import make_serializer

#: Time that code has which is unwound at the end of the grace (``finally`` blocks).
UNWIND_SECONDS: Final = 1.0
#: Between two looks at whether the process should be replaced, or has been idle, where that is configured.
CHECK_SECONDS: Final = 1.0
#: A child that could not enter the board tries again after this.
ENLIST_AGAIN_SECONDS: Final = 0.2
#: Exit code of a child whose supervisor is gone.
ORPHANED: Final = 3
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a supervisor tells all its children."""

    app: bootstrap.AppDescription
    parent_id: str
    #: Class of the supervisor.
    parent_cls: str
    #: Name of the children's role, as logs and the monitor show it.
    role: str
    conf_class: type[ConfigRunner]
    slots: int
    single_use: bool
    #: Seconds without work after which a child offers to end; None: never.
    idle_seconds: float | None


def load(payload: bytes) -> ChildMain:
    """In the fork server: import the application, and return the main function of its children."""
    settings: WorkerSettings = pickle.loads(payload)  # noqa: S301 - made by our own supervisor
    bootstrap.adopt(settings.app)
    app = bootstrap.restore(settings.app)
    # Read and imported before the forks, once for all children; the serializer imports its library when first used.
    _ = app.conf, app.settings.build(settings.conf_class)
    make_serializer(app.conf.serializer_cls).serialize(())
    app.import_components()

    def main(start: ChildStart) -> int:
        return Worker(app, settings, start).run()

    return main


class Worker:
    """One child."""

    def __init__(self, app: Any, settings: WorkerSettings, start: ChildStart) -> None:
        self._app = app
        self._settings = settings
        self._control = start.control
        self._runner_id = str(start.arguments["runner_id"])
        name_runner(self._runner_id, settings.role, settings.parent_id, settings.parent_cls)
        self._conf: ConfigThreadRunner = app.settings.build(settings.conf_class)
        self._pool = Pool(app.engine, self._runner_id, self._limits())
        self._idle_since: float | None = None
        self._retiring = False

    def _limits(self) -> PoolLimits:
        conf, settings = self._conf, self._settings
        return PoolLimits(
            slots=settings.slots,
            queues=tuple(conf.queues),
            max_async_tasks=conf.max_async_tasks,
            max_parked_threads=conf.max_parked_threads,
            max_paused_coroutines=conf.max_paused_coroutines,
            claim_ahead_seconds=conf.claim_ahead_milliseconds / 1000,
            single_use=settings.single_use,
        )

    def run(self) -> int:
        """Work until the supervisor says stop, or there is nothing left to do; the exit code."""
        engine, pool = self._app.engine, self._pool
        # Its supervisor has.
        engine.store_announced = True
        while not self._enlist():
            # Whoever is not on the board claims nothing: it would be taken away.
            message = self._control.receive(ENLIST_AGAIN_SECONDS)
            if message is not None and message.get("do") == "stop":
                return 0
            if self._control.closed:
                return ORPHANED
        if self._settings.single_use:
            pool.on_claimed = lambda: self._say({"say": "claimed"})
            pool.on_empty = lambda: self._say({"say": "done"})
            pool.parking.on_change = lambda paused: self._say({"say": "paused" if paused else "resumed"})
        pool.start()
        grace = self._listen()
        if grace is None:
            os._exit(ORPHANED)
        return self._end(grace)

    def _enlist(self) -> bool:
        """Enter the board; False: not now. A store that is locked, full or away is no reason to die."""
        try:
            self._app.engine.hub.listen()
            self._app.engine.ledger.save_runners([self._record()])
        except StoreUnavailableError as error:
            self._app.engine.events.loop_failed("Entering the board of runners", error)
            return False
        return True

    def _record(self) -> RunnerRecord:
        engine = self._app.engine
        now = engine.clock.now()
        return RunnerRecord(
            self._runner_id,
            self._settings.role,
            self._settings.parent_id,
            os.uname().nodename,
            os.getpid(),
            now,
            now,
            None,
            tuple(self._conf.queues),
            self._settings.slots,
            "",
            engine.wakeups.address(),
        )

    def _listen(self) -> float | None:
        """Wait for the end; the grace for what runs, or None: the supervisor is gone."""
        conf = self._conf
        checks = (
            conf.max_invocations_per_process
            or conf.max_memory_per_process_mib
            or self._settings.idle_seconds is not None
        )
        while True:
            message = self._control.receive(CHECK_SECONDS if checks else None)
            if message is not None and message.get("do") == "stop":
                return _number(message, "grace_seconds")
            if message is not None and message.get("do") == "enlist":
                # If it fails, the next heartbeat of the supervisor leads to another such message.
                self._enlist()
            if message is None and self._control.closed:
                return None
            if checks:
                self._check()

    def _check(self) -> None:
        """Offer to end: used up, grown too large, or idle."""
        if self._retiring:
            return
        conf, pool = self._conf, self._pool
        used_up = conf.max_invocations_per_process and pool.attempts.completed >= conf.max_invocations_per_process
        too_large = conf.max_memory_per_process_mib and _resident_mib() > conf.max_memory_per_process_mib
        if used_up or too_large:
            self._retiring = True
            pool.stop_claiming()
            self._say({"say": "retire"})
        elif self._settings.idle_seconds is not None:
            self._check_idle(self._settings.idle_seconds)

    def _check_idle(self, idle_seconds: float) -> None:
        now = self._app.engine.clock.monotonic()
        if self._pool.attempts.live or self._pool.busy:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since >= idle_seconds:
            self._idle_since = now
            self._say({"say": "idle"})

    def _say(self, message: Mapping[str, JSON]) -> None:
        self._control.send(dict(message))

    def _end(self, grace_seconds: float) -> int:
        """Good order: nothing new, a grace for what runs, then out; the supervisor gives back what is left."""
        pool = self._pool
        pool.stop_claiming()
        again = threading.Event()
        threading.Thread(target=self._hear_again, args=(again,), name="pynenc-control", daemon=True).start()
        wait_for_the_rest(pool, grace_seconds, again)
        pool.unwind()
        if not again.is_set():
            pool.attempts.drained(UNWIND_SECONDS)
        pool.flush()
        self._app.engine.wakeups.close()
        return 0

    def _hear_again(self, again: threading.Event) -> None:
        """A second message, or the end of the line: no more grace."""
        self._control.receive()
        again.set()


def _number(message: Mapping[str, JSON], name: str) -> float:
    value = message.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _resident_mib() -> float:
    """Memory of this process in RAM, in MiB; 0 where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB
