"""SIGKILL while an invocation is PENDING, RUNNING or PAUSED, to a worker and to a whole runner; and to those around."""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

import fault_tasks
import pytest
from harness import RECOVERED_WITHIN_SECONDS, Scene

from pynenc.invocation.status import InvocationStatus
from pynenc.testing.killer import is_alive

S = InvocationStatus

#: Runners with worker processes, besides the one that the other tests use.
OTHER_KINDS: Mapping[str, Mapping[str, Any]] = {
    "MultiThreadRunner": {"runner_cls": "MultiThreadRunner", "max_processes": 1, "max_threads": 2},
    "ProcessRunner": {"runner_cls": "ProcessRunner", "max_processes": 1},
}

#: Enters the board, claims what there is, and starts none of it.
CLAIMANT = """
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.ports.steps import ClaimPlan
engine, now = app.engine, app.engine.clock.now()
engine.ledger.save_runners([RunnerRecord("claimant", "Claimant", None, "here", 1, now, now, None)])
answer = engine.steps.advance((), (), ClaimPlan("claimant", (), 10))
print(len(answer.claimed), flush=True)
sys.stdin.read()
"""


# --- pending ----------------------------------------------------------------------------------------------------------


def test_worker_killed_while_it_holds_pending_ones(scene: Scene) -> None:
    """What it had claimed ahead was not started: it is taken back, and its death does not count against it."""
    invocations = scene.call_all(fault_tasks.blink, [(number,) for number in range(100)])
    scene.start_runner(FAULTS_CRASH_WORKER="execute.before_call:60")
    scene.wait_for_all()
    records = scene.check().records.values()
    pending = [i for i in invocations if S.PENDING_RECOVERY in scene.statuses(i)]
    assert pending
    assert all(i.record.recoveries == 0 for i in pending)
    assert {record.status for record in records} == {S.SUCCESS}


def test_owner_of_pending_ones_killed(scene: Scene) -> None:
    invocations = [scene.call(fault_tasks.noop, number) for number in range(3)]
    claimant = scene.start_program(CLAIMANT)
    assert claimant.stdout is not None
    assert claimant.stdout.readline() == "3\n"
    assert {i.status for i in invocations} == {S.PENDING}
    scene.start_runner()
    claimant.kill()
    scene.wait_for_all()
    assert [i.result for i in invocations] == [0, 1, 2]
    assert scene.statuses(invocations[0])[:4] == [S.REGISTERED, S.PENDING, S.PENDING_RECOVERY, S.REROUTED]
    assert scene.slowest_recovery_seconds() < RECOVERED_WITHIN_SECONDS
    scene.check()


# --- running ----------------------------------------------------------------------------------------------------------


def test_worker_killed_while_running(scene: Scene) -> None:
    runner = scene.start_runner()
    invocation = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    scene.killer.kill(scene.worker_of(runner))
    scene.wait(lambda: fault_tasks.held("a") == 2, "the second attempt")
    fault_tasks.release("a")
    assert invocation.result == "a"
    assert S.RUNNING_RECOVERY in scene.statuses(invocation)
    # The supervisor saw it happen: nobody waited for the lease.
    assert scene.slowest_recovery_seconds() < 1
    scene.check()


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_workers_of_other_runners_killed(kind: str, make_scene: Callable[..., Scene]) -> None:
    """The child executes and its parent is paused: in the same process, or each in one of its own."""
    scene = make_scene(**OTHER_KINDS[kind])
    scene.start_runner()
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the child to start")
    scene.killer.kill(scene.pid_of_owner(parent))
    scene.wait(lambda: S.REROUTED in scene.statuses(parent), "the parent to be taken back")
    fault_tasks.release("a")
    assert parent.result == "a"
    assert scene.slowest_recovery_seconds() < 1
    scene.wait_for_all()
    scene.check()


def test_thread_runner_killed(make_scene: Callable[..., Scene]) -> None:
    """It is its own worker, so nobody sees it die."""
    scene = make_scene(runner_cls="ThreadRunner", max_threads=2)
    first = scene.start_runner()
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the child to start")
    scene.start_runner()
    scene.killer.kill(first.pid)
    first.wait()
    fault_tasks.release("a")
    assert parent.result == "a"
    assert scene.slowest_recovery_seconds() < RECOVERED_WITHIN_SECONDS
    scene.wait_for_all()
    scene.check()


def test_runner_killed_while_running(scene: Scene) -> None:
    first = scene.start_runner()
    invocation = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    scene.start_runner()
    scene.kill_runner(first)
    scene.wait(lambda: fault_tasks.held("a") == 2, "the second attempt")
    fault_tasks.release("a")
    assert invocation.result == "a"
    assert scene.slowest_recovery_seconds() < RECOVERED_WITHIN_SECONDS
    scene.check()


# --- paused -----------------------------------------------------------------------------------------------------------


def test_worker_killed_while_paused(scene: Scene) -> None:
    runner = scene.start_runner()
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the child to start")
    assert parent.status is S.PAUSED
    scene.killer.kill(scene.worker_of(runner))
    fault_tasks.release("a")
    assert parent.result == "a"
    assert scene.statuses(parent)[3:6] == [S.PAUSED, S.RUNNING_RECOVERY, S.REROUTED]
    scene.wait_for_all()
    scene.check()


def test_runner_killed_while_paused(scene: Scene) -> None:
    first = scene.start_runner()
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the child to start")
    assert parent.status is S.PAUSED
    scene.start_runner()
    scene.kill_runner(first)
    fault_tasks.release("a")
    assert parent.result == "a"
    assert scene.statuses(parent)[3:6] == [S.PAUSED, S.RUNNING_RECOVERY, S.REROUTED]
    assert scene.slowest_recovery_seconds() < RECOVERED_WITHIN_SECONDS
    scene.wait_for_all()
    scene.check()


# --- those around -----------------------------------------------------------------------------------------------------


def test_client_killed_while_waiting(scene: Scene) -> None:
    scene.start_runner()
    client = scene.start_program(
        """
invocation = fault_tasks.hold("a")
print(invocation.invocation_id, flush=True)
print(invocation.result)
"""
    )
    assert client.stdout is not None
    invocation = scene.app.get_invocation(client.stdout.readline().strip())
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    client.kill()
    client.wait()
    fault_tasks.release("a")
    assert invocation.result == "a"
    # An address in the ledger of which nobody listens does no harm to what follows.
    assert [i.result for i in scene.call_all(fault_tasks.noop, [(n,) for n in range(50)])] == list(range(50))
    scene.check()


def test_fork_server_killed(scene: Scene) -> None:
    runner = scene.start_runner()
    worker = scene.worker_of(runner)
    server = scene.killer.fork_server(runner.pid)
    assert server is not None
    invocation = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    os.kill(server, signal.SIGKILL)
    scene.wait(lambda: scene.killer.fork_server(runner.pid) not in (None, server), "another fork server")
    fault_tasks.release("a")
    # Its worker went on.
    assert invocation.result == "a"
    assert invocation.record.attempt == 1
    assert is_alive(worker)
    # When that dies, too, the new fork server makes the next.
    scene.killer.kill(worker)
    assert scene.worker_of(runner) != worker
    assert scene.call(fault_tasks.noop, 1).result == 1
    scene.check()


def test_fork_server_and_worker_killed(scene: Scene) -> None:
    runner = scene.start_runner()
    worker = scene.worker_of(runner)
    server = scene.killer.fork_server(runner.pid)
    assert server is not None
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the child to start")
    os.kill(server, signal.SIGKILL)
    scene.killer.kill(worker)
    fault_tasks.release("a")
    assert parent.result == "a"
    # Nobody could say how the worker ended, but that it did was seen without waiting for the lease.
    assert scene.slowest_recovery_seconds() < 1
    scene.wait_for_all()
    scene.check()
