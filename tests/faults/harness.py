"""What the fault tests have in common: one store, some runners, somebody who kills, and what must hold in the end."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from pynenc import Pynenc
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess
from pynenc.testing.guarantees import (
    Evidence,
    executed_without_claim,
    gather,
    illegal,
    lost,
    scope_conflicts,
    stuck,
    unexplained_repetitions,
    witnessed_conflicts,
)
from pynenc.testing.killer import Killer, is_alive
from pynenc.testing.witness import Note, read_notes, stays

#: Nothing here takes a tenth of it, also on a loaded machine.
DEADLINE_SECONDS = 40.0

#: Short, so that tests are; long enough for a machine that does other things to renew it in time.
LEASE_SECONDS = 1.5
RECOVERY_SECONDS = 0.2
#: From a kill that nobody saw to the moment everything is taken back: the lease that was renewed just before, the time
#: between two searches, and a loaded machine.
RECOVERED_WITHIN_SECONDS = LEASE_SECONDS + RECOVERY_SECONDS + 1.0

SETTINGS: dict[str, Any] = {
    "lease_seconds": LEASE_SECONDS,
    "recovery_interval_seconds": RECOVERY_SECONDS,
    "sweep_interval_seconds": 0.5,
    "sweep_grace_seconds": 1.0,
    "stop_grace_seconds": 1.0,
    "max_recoveries": 3,
    "runner_cls": "PersistentProcessRunner",
    "num_processes": 1,
}


class Scene:
    """One application in one folder, and the processes that a test starts for it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.database = str(folder / "store" / "pynenc.db")
        self.app = Pynenc({"app_id": "faults", "sqlite_db_path": self.database, **SETTINGS, **settings})
        self.killer = Killer()
        self.runners: list[RunnerProcess] = []
        self.processes: list[subprocess.Popen[str]] = []
        self.accepted: list[str] = []
        #: Runners that have lost their lease without being dead: an attempt of theirs may have been repeated.
        self.stalled_pids: set[int] = set()
        (folder / "store").mkdir()

    # ---------------------------------------------------------------- processes

    def start_runner(self, **environment: str) -> RunnerProcess:
        """Start a runner process that has these variables in its environment, and wait until it is there."""
        folder = self.folder / f"runner-{len(self.runners)}"
        folder.mkdir()
        runner = RunnerProcess(self.app, folder)
        self.runners.append(runner)
        os.environ.update(environment)
        try:
            return runner.start()
        finally:
            for name in environment:
                del os.environ[name]

    def start_program(self, text: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a client program, which finds the settings of the app in its environment."""
        process = subprocess.Popen(
            [sys.executable, "-c", _CLIENT + text, self.database, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.processes.append(process)
        return process

    def worker_of(self, runner: RunnerProcess) -> int:
        """The one worker of a runner, once it is there."""
        self.wait(lambda: len(self.killer.workers(runner.pid)) == 1, "one worker")
        return self.killer.workers(runner.pid)[0]

    def pid_of_owner(self, invocation: Any) -> int:
        """The process that holds an invocation."""
        [owner] = self.app.engine.ledger.runners(runner_ids=[invocation.record.owner])
        return owner.pid

    def kill_runner(self, runner: RunnerProcess) -> None:
        """SIGKILL to the supervisor; returns when the processes it leaves behind have ended by themselves."""
        server = self.killer.fork_server(runner.pid)
        orphans = self.killer.kill_supervisor(runner.pid)
        runner.wait()
        self.wait(lambda: not any(map(is_alive, orphans)), f"the orphans {orphans} to end")
        self.wait(lambda: server is None or not is_alive(server), f"the fork server {server} to end")

    @contextmanager
    def stalled(self, runner: RunnerProcess) -> Iterator[None]:
        """The runner and its worker do not get the processor inside of the ``with`` block."""
        pids = [runner.pid, self.worker_of(runner)]
        self.stalled_pids.update(pids)
        self.wait(lambda: self._stop(pids), "both to stop outside of a write")
        yield
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def _stop(self, pids: Sequence[int]) -> bool:
        """Stop processes; False, and they go on, if one of them writes: nobody else could while it does not go on."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        self.wait(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in pids), "both to stop")
        with Path(f"{self.database}-lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
                return False
        return True

    def close(self) -> None:
        """End every process that is left."""
        for process in self.processes:
            process.kill()
            process.communicate()
        for runner in self.runners:
            if runner.returncode is None:
                for pid in [runner.pid, *self.killer.workers(runner.pid)]:
                    os.kill(pid, signal.SIGCONT)
            runner.stop()
        self.app.close()

    # ------------------------------------------------------------------ waiting

    def wait(self, condition: Callable[[], object], what: str, timeout_seconds: float = DEADLINE_SECONDS) -> None:
        """Wait for a condition; a failure shows the ends of the runners' logs."""
        try:
            wait_until(condition, timeout_seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs}") from None

    def last(self, seconds: float) -> None:
        """Let what is the matter last for a while."""
        clock = self.app.engine.clock
        end = clock.monotonic() + seconds
        self.wait(lambda: clock.monotonic() > end, f"{seconds} s to be over")

    def call(self, task: Any, *arguments: Any) -> Any:
        """Call a task; the invocation, which is remembered as accepted."""
        invocation = task(*arguments)
        self.accepted.append(invocation.invocation_id)
        return invocation

    def call_all(self, task: Any, arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Call a task many times."""
        invocations = list(task.parallelize(list(arguments)))
        self.accepted += [invocation.invocation_id for invocation in invocations]
        return invocations

    def wait_for_status(self, invocation: Any, *statuses: InvocationStatus) -> None:
        """Wait until an invocation has one of these statuses."""
        self.wait(lambda: invocation.status in statuses, f"{invocation} to be {' or '.join(statuses)}")

    def wait_for_all(self, timeout_seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until everything in the store has ended."""
        self.wait(lambda: not self.unfinished(), "the end of all invocations", timeout_seconds)

    def unfinished(self) -> int:
        """How many invocations in the store have not ended."""
        counts = self.app.engine.ledger.count_by(["status"], _EVERYTHING)
        return sum(count for (status,), count in counts.items() if not InvocationStatus(status).is_final())

    # ----------------------------------------------------------------- evidence

    def forget(self) -> None:
        """What was before this does not count: its store is not there any more."""
        self.accepted.clear()
        os.truncate(self.folder / "witness", 0)

    @property
    def logs(self) -> str:
        """The ends of the logs of all runners."""
        return "\n".join(f"--- {runner.pid}:\n{runner.log[-6000:]}" for runner in self.runners)

    def history(self, invocation: Any) -> list[HistoryEntry]:
        """What the ledger has recorded of one invocation."""
        return self.app.engine.ledger.history([invocation.invocation_id])

    def statuses(self, invocation: Any) -> list[InvocationStatus]:
        """The statuses one invocation went through."""
        return [entry.status for entry in self.history(invocation)]

    def records(self) -> Sequence[InvocationRecord]:
        """Everything in the ledger."""
        return list(gather(self.app.engine).records.values())

    def slowest_recovery_seconds(self) -> float:
        """The longest time from the last sign of life of an owner to taking back what it held; 0: nothing was."""
        beats = {runner.runner_id: runner.last_beat for runner in self.app.engine.ledger.runners()}
        return max(
            (
                entry.timestamp - beats.get(before.owner or "", entry.timestamp)
                for history in gather(self.app.engine).histories.values()
                for before, entry in pairwise(history)
                if entry.status in (InvocationStatus.PENDING_RECOVERY, InvocationStatus.RUNNING_RECOVERY)
            ),
            default=0.0,
        )

    def check(self) -> Evidence:
        """Nothing lost, nothing stuck, every history legal with one end, no attempt repeated without a reason."""
        evidence = gather(self.app.engine)
        notes = read_notes(self.folder / "witness")
        died_at_ns = self.died_at_ns(notes)
        wrong = [
            *lost(evidence, self.accepted),
            *stuck(evidence),
            *illegal(evidence),
            *scope_conflicts(evidence),
            *unexplained_repetitions(evidence, notes, died_at_ns.keys() | self.stalled_pids),
            *executed_without_claim(evidence, notes),
        ]
        if not self.stalled_pids:
            wrong += witnessed_conflicts(evidence, stays(notes, died_at_ns))
        assert not wrong, "\n".join([*wrong[:20], f"({len(wrong)} in all)", self.logs])
        return evidence

    def died_at_ns(self, notes: Iterable[Note]) -> dict[int, int]:
        """When which process died: of our hand, or by itself as the runners report, then after its last note."""
        reported = {
            int(line.partition("(pid ")[2].partition(")")[0])
            for runner in self.runners
            for line in runner.log.splitlines()
            if " died: " in line
        }
        last = {note.pid: note.at_ns for note in notes}
        return {pid: last.get(pid, 0) for pid in reported} | self.killer.died_at_ns


def write_transaction(path: Path) -> sqlite3.Connection:
    """Keep everybody from writing to a database, as a program that knows nothing of Pynenc would."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


_CLIENT = """
import sys
import fault_tasks
from pynenc import Pynenc
app = fault_tasks.app = Pynenc({"app_id": "faults", "sqlite_db_path": sys.argv[1]})

"""

_EVERYTHING = InvocationQuery()
