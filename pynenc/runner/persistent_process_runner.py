"""PersistentProcessRunner: processes that stay, one slot each."""

import os
from typing import ClassVar

from pynenc.conf.config_runner import ConfigPersistentProcessRunner
from pynenc.runner.supervisor import Supervisor


class PersistentProcessRunner(Supervisor):
    """P processes that each execute one invocation at a time; paused ones park in their process."""

    conf_class = ConfigPersistentProcessRunner
    role: ClassVar[str] = "PPRWorker"

    def _processes(self) -> int:
        conf: ConfigPersistentProcessRunner = self.conf
        return max(conf.min_parallel_slots, conf.num_processes or os.cpu_count() or 1)

    def _wanted(self) -> int:
        return self._processes() - sum(not child.leaving for child in self._children.values())

    def _slots_of_child(self) -> int:
        return 1

    def _detail(self) -> str:
        return f"{self._processes()} processes"
