"""The process dies at every named crash point, once; everything comes to an end without anybody's help."""

import signal
from typing import Any

import fault_tasks
import pytest
from harness import RECOVERED_WITHIN_SECONDS, Scene

from pynenc.engine.crash_points import CRASH_POINTS
from pynenc.invocation.status import InvocationStatus

#: Passed by whoever takes something back: the supervisor.
SUPERVISOR = [point for point in CRASH_POINTS if point.startswith(("recover.", "reroute."))]
#: Passed by the thread of a runner that evaluates triggers: see test_triggers.py.
#: Passed with the queue in another product than the ledger: see the tests of the plugins.
MIXTURE = ["queue.before_commit"]
EVALUATION = [point for point in CRASH_POINTS if point.startswith(("schedule.", "trigger."))]
#: Passed by a workflow that waits for an event: see test_workflow_events.py.
EVENTS = [point for point in CRASH_POINTS if point.startswith("event.")]
WORKER = [point for point in CRASH_POINTS if point not in SUPERVISOR + EVALUATION + EVENTS + MIXTURE]
#: And once more in the middle of the work, when there is more to be lost.
LATER = ["execute.after_call:3", "wait.after_commit:3", "finish.before_commit:3"]


def call_everything(scene: Scene) -> list[tuple[Any, Any]]:
    """Work that passes every crash point of a worker, several times, with what it comes to."""
    return [
        (scene.call(fault_tasks.noop, 7), 7),
        (scene.call(fault_tasks.fibonacci, 4), 3),
        (scene.call(fault_tasks.flaky, 2), 2),
        (scene.call(fault_tasks.countdown, 2), 3),
        (scene.call(fault_tasks.exclusive_tree, "a", 2), 3),
        (scene.call(fault_tasks.asum, [1, 2, 3]), 6),
        *((invocation, n) for n, invocation in enumerate(scene.call_all(fault_tasks.noop, [(n,) for n in range(8)]))),
    ]


@pytest.mark.parametrize("point", WORKER + LATER)
def test_worker_dies_at(point: str, scene: Scene) -> None:
    expected = call_everything(scene)
    runner = scene.start_runner(FAULTS_CRASH_WORKER=point)
    scene.wait_for_all()
    assert "killed by SIGKILL" in runner.log
    assert [invocation.result for invocation, _ in expected] == [right for _, right in expected]
    scene.check()


@pytest.mark.parametrize("point", ["claim.after_commit:3", "wait.after_commit:3", "resume.before_commit:2"])
def test_runner_dies_when_its_worker_has_died_at(point: str, scene: Scene) -> None:
    """Nobody is left who has seen it; another runner finds out by the lease."""
    expected = call_everything(scene)
    first = scene.start_runner(FAULTS_CRASH_WORKER=point, FAULTS_CRASH_SUPERVISOR="recover.before_commit")
    assert first.wait() == -signal.SIGKILL
    scene.start_runner()
    scene.wait_for_all()
    assert [invocation.result for invocation, _ in expected] == [right for _, right in expected]
    scene.check()


@pytest.mark.parametrize("point", SUPERVISOR)
def test_supervisor_dies_at(point: str, scene: Scene) -> None:
    """Its worker is killed, and it dies itself while it takes back what that held."""
    first = scene.start_runner(FAULTS_CRASH_SUPERVISOR=point)
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the child to start")
    scene.start_runner()
    scene.killer.kill(scene.worker_of(first))
    assert first.wait() == -signal.SIGKILL
    fault_tasks.release("a")
    scene.wait_for_all()
    assert parent.result == "a"
    assert scene.slowest_recovery_seconds() < RECOVERED_WITHIN_SECONDS
    scene.check()


def test_client_dies_before_its_call_is_committed(scene: Scene) -> None:
    client = scene.start_program("fault_tasks.noop(1)", PYNENC_CRASH_POINT="submit.before_commit")
    assert client.wait() == -signal.SIGKILL
    assert scene.check().records == {}
    scene.start_runner()
    assert scene.call(fault_tasks.noop, 2).result == 2
    assert len(scene.check().records) == 1


def test_client_dies_after_its_call_was_committed(scene: Scene) -> None:
    runner = scene.start_runner()
    client = scene.start_program("fault_tasks.noop(1)", PYNENC_CRASH_POINT="submit.after_commit")
    assert client.wait() == -signal.SIGKILL
    # Nobody woke the worker: it died before that. The look that every idle worker takes now and then finds the call.
    scene.wait_for_all()
    [record] = scene.check().records.values()
    assert record.status is InvocationStatus.SUCCESS
    assert scene.app.get_invocation(record.invocation_id).result == 1
    assert runner.returncode is None
