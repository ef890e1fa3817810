"""MultiThreadRunner: several processes with several threads each; their number follows the queue."""

import os
from typing import ClassVar

from pynenc.conf.config_runner import ConfigMultiThreadRunner
from pynenc.runner.following_work import FollowsWork
from pynenc.runner.supervisor import Child


class MultiThreadRunner(FollowsWork):
    """P processes with N slots each: all of them always, or between ``min_processes`` and ``max_processes``."""

    conf_class = ConfigMultiThreadRunner
    role: ClassVar[str] = "MTRWorker"

    def _max_processes(self) -> int:
        conf: ConfigMultiThreadRunner = self.conf
        return max(conf.min_processes, conf.max_processes or os.cpu_count() or 1)

    def _wanted(self) -> int:
        conf: ConfigMultiThreadRunner = self.conf
        present = sum(not child.leaving for child in self._children.values())
        if conf.enforce_max_processes:
            return self._max_processes() - present
        if present < conf.min_processes:
            return conf.min_processes - present
        if present >= self._max_processes():
            self.engine.wakeups.set_standby(False)
            return 0
        slots = present * self._slots_of_child()
        return min(self._max_processes() - present, max(0, self._queued() - slots))

    def _slots_of_child(self) -> int:
        conf: ConfigMultiThreadRunner = self.conf
        return max(conf.min_parallel_slots, conf.min_threads, conf.max_threads or os.cpu_count() or 1)

    def _idle_seconds(self) -> float | None:
        conf: ConfigMultiThreadRunner = self.conf
        return None if conf.enforce_max_processes else float(conf.idle_timeout_process_sec)

    def _may_end(self, child: Child) -> bool:
        conf: ConfigMultiThreadRunner = self.conf
        present = sum(not other.leaving for other in self._children.values())
        return not child.leaving and present > conf.min_processes

    def _detail(self) -> str:
        return f"up to {self._max_processes()} processes with {self._slots_of_child()} threads each"
