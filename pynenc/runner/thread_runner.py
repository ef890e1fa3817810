"""ThreadRunner: threads of this process."""

import os
import threading
from typing import ClassVar

from pynenc.conf.config_runner import ConfigThreadRunner
from pynenc.runner.base_runner import BaseRunner
from pynenc.runner.grace import wait_for_the_rest
from pynenc.runner.pool import Pool
from pynenc.runner.pool_limits import PoolLimits


class ThreadRunner(BaseRunner):
    """Runs invocations on threads of the process it is in; the only runner for components in memory."""

    conf_class = ConfigThreadRunner
    mem_compatible: ClassVar[bool] = True

    def _slots(self) -> int:
        conf: ConfigThreadRunner = self.conf
        return max(conf.min_parallel_slots, conf.min_threads, conf.max_threads or os.cpu_count() or 1)

    def _run_once(self) -> None:
        slots = self._slots()
        self._enlist(slots)
        events = self.engine.events
        events.runner_started(type(self).__name__, self.runner_id, f"{slots} threads")
        pool = Pool(self.engine, self.runner_id, pool_limits(self.conf, slots))
        heartbeat, duties = self._duties(lambda: [self.runner_id])
        try:
            pool.start()
            self._stop.wait()
            events.runner_stopping(type(self).__name__, self.runner_id, self._reason, self.app.conf.stop_grace_seconds)
            stop_pool(pool, self.app.conf.stop_grace_seconds, self._second_signal)
        finally:
            duties.stop()
            heartbeat.stop()
            pool.close()
            self.engine.ledger.retire([self.runner_id], self.engine.clock.now())
            events.runner_stopped(type(self).__name__, self.runner_id)


def pool_limits(conf: ConfigThreadRunner, slots: int, *, single_use: bool = False) -> PoolLimits:
    """The bounds of a pool from a runner's settings."""
    return PoolLimits(
        slots=slots,
        queues=tuple(conf.queues),
        max_async_tasks=conf.max_async_tasks,
        max_parked_threads=conf.max_parked_threads,
        max_paused_coroutines=conf.max_paused_coroutines,
        claim_ahead_seconds=conf.claim_ahead_milliseconds / 1000,
        single_use=single_use,
    )


def stop_pool(pool: Pool, grace_seconds: float, at_once: threading.Event) -> bool:
    """End a pool in good order: grace for what runs, then everything is given back.

    A second request to stop (``at_once``) ends the grace. False if threads still execute user code.
    """
    pool.stop_claiming()
    wait_for_the_rest(pool, grace_seconds, at_once)
    executing = pool.abandon()
    for record in executing:
        pool.engine.events.still_executing(record)
    return not executing
