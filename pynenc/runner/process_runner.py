"""ProcessRunner: a fresh process for every invocation."""

import os
from typing import ClassVar

from pynenc.conf.config_runner import ConfigProcessRunner
from pynenc.runner.following_work import FollowsWork


class ProcessRunner(FollowsWork):
    """Forks a process for each invocation; nothing one of them does to its process reaches another.

    A process whose invocation waits does not count: others are forked in its place. One that goes on while all
    places are taken goes on at once, so for a moment more processes may work than ``max_processes``.
    """

    conf_class = ConfigProcessRunner
    role: ClassVar[str] = "ProcessWorker"
    single_use: ClassVar[bool] = True

    def _max_processes(self) -> int:
        conf: ConfigProcessRunner = self.conf
        return max(conf.min_parallel_slots, conf.max_processes or os.cpu_count() or 1)

    def _wanted(self) -> int:
        children = self._children.values()
        free = self._max_processes() - sum(not child.paused and not child.leaving for child in children)
        if free <= 0:
            self.engine.wakeups.set_standby(False)
            return 0
        coming = sum(not child.claimed and not child.leaving for child in children)
        return max(0, min(free, self._queued() - coming))

    def _slots_of_child(self) -> int:
        return 1

    def _detail(self) -> str:
        return f"up to {self._max_processes()} processes, one for each invocation"
