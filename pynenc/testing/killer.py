"""Killing the processes of a runner that a test has started, and remembering when.

Needs psutil. Only processes below a given one are ever touched.
"""

import os
import random
import signal
import time

import psutil


class Killer:
    """Sends signals into the process tree of a runner: the supervisor, its fork server, the workers below that."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chooses victims
        #: By pid, when each victim was sent SIGKILL: nothing it did is later than a moment after this.
        self.died_at_ns: dict[int, int] = {}

    def fork_server(self, supervisor_pid: int) -> int | None:
        """The process that forks the workers; None: it is not there now."""
        children = _children(supervisor_pid)
        return children[0] if children else None

    def workers(self, supervisor_pid: int) -> list[int]:
        """The live worker processes below a supervisor."""
        return [worker for server in _children(supervisor_pid) for worker in _children(server)]

    def kill(self, pid: int) -> None:
        """SIGKILL."""
        self.died_at_ns[pid] = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)

    def kill_a_worker(self, supervisor_pid: int) -> int | None:
        """SIGKILL to a random worker; its pid, or None if there is none now."""
        candidates = [pid for pid in self.workers(supervisor_pid) if pid not in self.died_at_ns]
        if not candidates:
            return None
        victim = self._random.choice(candidates)
        try:
            self.kill(victim)
        except ProcessLookupError:
            self.died_at_ns.pop(victim)
            return None
        return victim

    def kill_supervisor(self, supervisor_pid: int) -> list[int]:
        """SIGKILL to a supervisor; the workers it leaves behind, which are to end by themselves."""
        server = self.fork_server(supervisor_pid)
        orphans = {*self.workers(supervisor_pid)}
        self.kill(supervisor_pid)
        if server is not None:
            # Once more: one may have been forked in between, and a dead supervisor makes no more of them.
            orphans.update(_children(server))
        self.died_at_ns.update(dict.fromkeys(orphans, self.died_at_ns[supervisor_pid]))
        return sorted(orphans)


def is_alive(pid: int) -> bool:
    """Whether a process executes, or could."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _children(pid: int) -> list[int]:
    try:
        children = psutil.Process(pid).children()
        return [child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []
