"""The kill storm: mixed work for some time while somebody kills the processes that do it, then the verdict.

``benchmarks/kill_storm.py`` runs it from a command line, the fault tests run a short one. Any store that processes
share will do: give its settings, or one of ``pynenc.testing.storm_stores``, whose servers can be restarted on the way.
"""

import itertools
import os
import random
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from pynenc.app import Pynenc
from pynenc.invocation.dist_invocation import DistributedInvocation
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.status import InvocationStatus
from pynenc.testing import guarantees, storm_tasks
from pynenc.testing.apps import RunnerProcess, installed
from pynenc.testing.guarantees import Evidence
from pynenc.testing.killer import Killer
from pynenc.testing.servers import Server
from pynenc.testing.waiting import wait_until
from pynenc.testing.witness import Note, read_notes, stays

#: Calls whose results the client waits for at any time: more would only make the queue longer.
CALLS_UNDER_WAY: Final = 150
#: Short: what a dead supervisor held is taken back within it.
LEASE_SECONDS: Final = 2.0

#: One wave of calls: the plain kinds of work.
PLAIN_WAVE: Final[Mapping[str, Sequence[tuple[int, ...]]]] = {
    "noop": [(number,) for number in range(30)],
    "nap": [(5,), (20,), (60,), (200,)],
    "fibonacci": [(5,)],
    "flaky": [(0,), (1,), (3,)],
    "fan_out": [(20,)],
    "async_nap": [(1,), (10,), (50,)],
    "async_fan_out": [(8,)],
}
#: What running concurrency adds to it: recursion under TASK, keys, retries inside a scope.
SCOPED_WAVE: Final[Mapping[str, Sequence[tuple[int, ...]]]] = {
    "countdown": [(3,)],
    "exclusive": [(1, 5, 0), (1, 1, 1), (2, 5, 2), (2, 20, 0), (3, 1, 0)],
    "exclusive_tree": [(1, 3), (4, 3)],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StormPlan:
    """What kind of storm."""

    seconds: float
    #: Kills in this time, evenly but for some chance.
    kills: int
    #: Worker processes of each runner.
    processes: int = 4
    runners: int = 1
    #: Kill supervisors instead, each replaced by a new runner.
    supervisors: bool = False
    #: Also tasks with running concurrency.
    scopes: bool = False
    #: How often servers of the store are restarted in this time, one after the other.
    restarts: int = 0
    #: How long everything may take to end when the storm is over.
    calm_seconds: float = 60.0
    seed: int = 0
    #: Of the app: its store and whatever else.
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: The servers that are restarted, in turn; they must keep what they were told.
    servers: Sequence[Server] = ()


class Call(NamedTuple):
    """A call that was accepted, and what it must come to."""

    invocation: DistributedInvocation[Any]
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a storm."""

    seconds: float
    kills: int
    restarts: int
    calls: int
    invocations: int
    attempts: int
    recoveries: int
    workers: int
    #: From the moment of a kill to the last invocation that was taken back from it, the longest of all kills.
    slowest_recovery_seconds: float
    #: By promise, what contradicts it.
    broken: Mapping[str, Sequence[str]]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.broken.values())

    def __str__(self) -> str:
        troubles = f"{self.kills} kills and {self.restarts} restarts of servers in {self.seconds:.1f} s"
        figures = (
            f"{troubles}; {self.workers} worker processes, {self.calls} calls, {self.invocations} invocations, "
            f"{self.attempts} attempts executed, {self.recoveries} taken back from the dead, the slowest after "
            f"{self.slowest_recovery_seconds:.2f} s"
        )
        lines = [figures]
        for promise, contradictions in self.broken.items():
            lines.append(f"{promise + ':':48} {len(contradictions) or 'none'}")
            lines += [f"    {each}" for each in contradictions[:5]]
        lines.append("Verdict: " + ("every promise was kept" if self.kept else "BROKEN"))
        return "\n".join(lines)


def run_storm(plan: StormPlan, folder: Path) -> Verdict:
    """Carry out a storm with the app's files and logs in ``folder``."""
    with _environment(storm_tasks.WITNESS_VARIABLE, str(folder / "witness")):
        return _Storm(plan, folder).run()


class _Storm:
    def __init__(self, plan: StormPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._random = random.Random(plan.seed)  # noqa: S311 - chooses moments
        self._killer = Killer(plan.seed)
        self._runners: list[RunnerProcess] = []
        self._started = 0
        self._kills = 0
        self._restarts = 0
        self._over = threading.Event()
        self._wrong: list[str] = []
        self._accepted: list[str] = []
        self._app = Pynenc(
            {
                "app_id": storm_tasks.app.app_id,
                "sqlite_db_path": str(folder / "pynenc.db"),
                "runner_cls": "PersistentProcessRunner",
                "num_processes": plan.processes,
                "lease_seconds": LEASE_SECONDS,
                "recovery_interval_seconds": LEASE_SECONDS / 8,
                "sweep_interval_seconds": 1.0,
                "sweep_grace_seconds": 2.0,
                "max_recoveries": 1_000,
                **plan.settings,
            }
        )

    def run(self) -> Verdict:
        began = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(installed(self._app, storm_tasks))
            stack.callback(self._app.close)
            stack.callback(self._stop_runners)
            for _ in range(self._plan.runners):
                self._start_runner()
            troubles = [
                threading.Thread(target=self._kill_until_over, name="killer"),
                threading.Thread(target=self._restart_servers, name="restarter"),
            ]
            for trouble in troubles:
                trouble.start()
            try:
                self._work()
            finally:
                self._over.set()
                for trouble in troubles:
                    trouble.join()
            return self._judge(time.monotonic() - began)

    # -- runners

    def _start_runner(self) -> None:
        self._started += 1
        folder = self._folder / f"runner-{self._started}"
        folder.mkdir()
        self._runners.append(RunnerProcess(self._app, folder).start())

    def _stop_runners(self) -> None:
        for runner in self._runners:
            if runner.returncode is None:
                runner.stop()

    # -- kills

    def _kill_until_over(self) -> None:
        plan = self._plan
        # Some chance, and a bit too fast, so that the number is reached.
        mean = 0.9 * plan.seconds / max(1, plan.kills)
        while not self._over.wait(mean * self._random.uniform(0.5, 1.5)):
            victim = self._random.choice(self._runners)
            if plan.supervisors:
                self._killer.kill_supervisor(victim.pid)
                self._runners.remove(victim)
                victim.wait()
                self._start_runner()
                self._kills += 1
            else:
                self._kills += self._killer.kill_a_worker(victim.pid) is not None

    # -- restarts

    def _restart_servers(self) -> None:
        servers = itertools.cycle(self._plan.servers)
        pause = self._plan.seconds / (self._plan.restarts + 1)
        while self._restarts < self._plan.restarts and not self._over.wait(pause):
            next(servers).restart()
            self._restarts += 1

    # -- work

    def _work(self) -> None:
        under_way: deque[list[Call]] = deque()
        end = time.monotonic() + self._plan.seconds
        plan = self._plan
        while time.monotonic() < end or self._kills < plan.kills or self._restarts < plan.restarts:
            under_way.append(self._wave())
            while sum(map(len, under_way)) > CALLS_UNDER_WAY:
                self._compare(under_way.popleft(), self._plan.calm_seconds)
        self._over.set()
        calm_until = time.monotonic() + self._plan.calm_seconds
        for wave in under_way:
            self._compare(wave, calm_until - time.monotonic())
        # Invocations whose waiters died are nobody's business any more; they must end all the same.
        left = max(1.0, calm_until - time.monotonic())
        try:
            wait_until(self._all_ended, left, "the end of all invocations")
        except AssertionError as error:
            self._wrong.append(str(error))

    def _wave(self) -> list[Call]:
        kinds = {**PLAIN_WAVE, **(SCOPED_WAVE if self._plan.scopes else {})}
        calls: list[Call] = []
        for name, arguments in kinds.items():
            group = getattr(storm_tasks, name).parallelize(list(arguments))
            for invocation, given in zip(group, arguments, strict=True):
                calls.append(Call(invocation, storm_tasks.expected(name, given)))
                self._accepted.append(invocation.invocation_id)
        return calls

    def _compare(self, calls: Sequence[Call], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        for invocation, right in calls:
            try:
                result = invocation.result_within(max(0.0, deadline - time.monotonic()))
            except Exception as error:  # noqa: BLE001 - whatever a task or a store raises is a wrong result here
                self._wrong.append(f"{invocation} raised {type(error).__name__}: {error}")
            else:
                if result != right:
                    self._wrong.append(f"{invocation} returned {result!r}, not {right!r}")

    def _all_ended(self) -> bool:
        counts = self._app.engine.ledger.count_by(["status"], InvocationQuery())
        return all(InvocationStatus(status).is_final() for (status,), count in counts.items() if count)

    # -- verdict

    def _judge(self, seconds: float) -> Verdict:
        evidence = guarantees.gather(self._app.engine)
        notes = read_notes(self._folder / "witness")
        dead = self._killer.died_at_ns
        return Verdict(
            seconds=seconds,
            kills=self._kills,
            restarts=self._restarts,
            calls=len(self._accepted),
            invocations=len(evidence.records),
            attempts=len({(note.invocation_id, note.attempt) for note in notes}),
            recoveries=_recoveries(evidence),
            workers=len(evidence.pids),
            slowest_recovery_seconds=_slowest_recovery(evidence, dead),
            broken=self._contradictions(evidence, notes),
        )

    def _contradictions(self, evidence: Evidence, notes: Sequence[Note]) -> dict[str, list[str]]:
        dead = self._killer.died_at_ns
        return {
            "accepted calls that were lost": guarantees.lost(evidence, self._accepted),
            "invocations that have not ended": guarantees.stuck(evidence),
            "wrong results": self._wrong,
            "histories that are not legal, or have two ends": guarantees.illegal(evidence),
            "repetitions although the owner lived": guarantees.unexplained_repetitions(evidence, notes, dead),
            "attempts executed by another than their owner": guarantees.executed_without_claim(evidence, notes),
            "two at once in a scope (ledger)": guarantees.scope_conflicts(evidence),
            "two at once in a scope (witness)": guarantees.witnessed_conflicts(evidence, stays(notes, dead)),
        }


_RECOVERY: Final = frozenset({InvocationStatus.PENDING_RECOVERY, InvocationStatus.RUNNING_RECOVERY})


def _recoveries(evidence: Evidence) -> int:
    return sum(entry.status in _RECOVERY for history in evidence.histories.values() for entry in history)


def _slowest_recovery(evidence: Evidence, died_at_ns: Mapping[int, int]) -> float:
    # The ledger has the time of day, the killer the monotonic clock.
    offset = time.time() - time.monotonic()
    slowest = 0.0
    for history in evidence.histories.values():
        for before, entry in itertools.pairwise(history):
            died_ns = died_at_ns.get(evidence.pids.get(before.owner or "", -1))
            if entry.status in _RECOVERY and died_ns is not None:
                slowest = max(slowest, entry.timestamp - offset - died_ns / 1e9)
    return slowest


@contextmanager
def _environment(name: str, value: str) -> Generator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
