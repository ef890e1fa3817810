"""Runners with nothing to do, and tasks that wait, leave the processor alone."""

import fcntl
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import psutil
import pytest
import safety_nets
import tasks_load
from gates_and_notes import DEADLINE_SECONDS
from measuring import cpu_seconds, processes_below, report
from stage import MODULES, PLAIN, empty_redis, wait_for_status

from pynenc import Pynenc
from pynenc.invocation import DistributedInvocation, InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, Setup, build_app, installed, workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SHARED = [setup for setup in PLAIN if setup.shared]
QUIET_SECONDS = 3.0
#: The time of a process is counted in hundredths of a second; a loop that spins takes a hundred times as much.
IDLE_CPU_SECONDS = 0.01 * QUIET_SECONDS + 0.02
WAITING_CPU_SECONDS = 0.3
WAIT_SECONDS = 1.0


@pytest.fixture
def runners(tmp_path, monkeypatch, request):
    """A runner of each kind, in processes of their own, each with a store of its own; all at the same time."""
    monkeypatch.setenv(safety_nets.KEEP, "yes")
    with ExitStack() as stack:
        made: dict[Setup, tuple[Pynenc, RunnerProcess]] = {}
        for setup in SHARED:
            folder = tmp_path / setup.name
            folder.mkdir()
            where = {"redis_url": empty_redis(request)} if "Redis" in setup.products else {}
            app = build_app(setup, folder, slots=2, **where)
            stack.callback(app.close)
            with installed(app, *MODULES):
                made[setup] = (app, stack.enter_context(RunnerProcess(app, folder)))
        yield made


def of_each(runners: Mapping[Setup, tuple[Pynenc, RunnerProcess]], call: Callable[[], DistributedInvocation[Any]]):
    calls: dict[Setup, DistributedInvocation[Any]] = {}
    for setup, (app, _) in runners.items():
        with installed(app, *MODULES):
            calls[setup] = call()
    return calls


def processes_of(runners: Mapping[Setup, tuple[Pynenc, RunnerProcess]]) -> dict[Setup, list[psutil.Process]]:
    return {setup: processes_below(runner.pid) for setup, (_, runner) in runners.items()}


def used_by(processes: Mapping[Setup, list[psutil.Process]]) -> dict[Setup, float]:
    return {setup: cpu_seconds(some) for setup, some in processes.items()}


def test_idle_runners(runners):
    for call in of_each(runners, tasks_load.nothing).values():
        assert call.result == 0
    for setup, (app, _) in runners.items():
        if setup.runner in ("MultiThreadRunner", "PersistentProcessRunner"):
            wait_until(lambda app=app: len(workers(app)) == 2, DEADLINE_SECONDS, f"two workers of {setup}")
    processes = processes_of(runners)
    before = used_by(processes)
    threading.Event().wait(QUIET_SECONDS)  # time itself is what is waited for
    used = {setup.name: after - before[setup] for setup, after in used_by(processes).items()}
    report("idle CPU seconds", seconds=QUIET_SECONDS, **used)
    assert not {name: seconds for name, seconds in used.items() if seconds > IDLE_CPU_SECONDS}


def test_tasks_that_wait(runners, tmp_path):
    lock = tmp_path / "lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        parents = of_each(runners, lambda: tasks_load.waits_for_a_child(str(lock)))
        for parent in parents.values():
            wait_for_status(parent, InvocationStatus.PAUSED)
        for setup, (app, _) in runners.items():
            wait_until(
                lambda app=app: app.orchestrator.count_invocations(statuses=[InvocationStatus.RUNNING]),
                DEADLINE_SECONDS,
                f"child of {setup}",
            )
        processes = processes_of(runners)
        before = used_by(processes)
        threading.Event().wait(WAIT_SECONDS)  # time itself is what is waited for
        used = {setup.name: after - before[setup] for setup, after in used_by(processes).items()}
        report("CPU seconds of a wait", seconds=WAIT_SECONDS, **used)
        assert {parent.status for parent in parents.values()} == {InvocationStatus.PAUSED}
    assert [parent.result for parent in parents.values()]
    assert not {name: seconds for name, seconds in used.items() if seconds > WAITING_CPU_SECONDS}
