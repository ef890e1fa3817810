"""A runner that was stopped for longer than its lease: what it held is others' by then, its outcome comes too late."""

from collections.abc import Callable
from typing import Any

import fault_tasks
from harness import Scene

from pynenc.invocation.record import Transition
from pynenc.invocation.status import InvocationStatus

S = InvocationStatus


def test_outcome_of_a_stale_owner_is_refused_while_the_next_one_runs(scene: Scene) -> None:
    first = scene.start_runner()
    invocation = scene.call(fault_tasks.hold_each, "a")
    scene.wait(lambda: fault_tasks.held("a1"), "the first attempt")
    with scene.stalled(first):
        second = scene.start_runner()
        scene.wait(lambda: fault_tasks.held("a2"), "the second attempt")
    fault_tasks.release("a1")
    scene.wait(lambda: "REFUSED" in first.log, "the outcome of the first attempt to be refused")
    assert invocation.status is S.RUNNING
    fault_tasks.release("a2")
    assert invocation.result == 2
    assert f"REFUSED invocation:{invocation.invocation_id}" in first.log
    assert "renewed its lease" in first.log
    assert "REFUSED" not in second.log
    scene.check()


def test_outcome_of_a_stale_owner_is_refused_after_the_other_was_published(scene: Scene) -> None:
    first = scene.start_runner()
    invocation = scene.call(fault_tasks.hold_each, "a")
    scene.wait(lambda: fault_tasks.held("a1"), "the first attempt")
    fault_tasks.release("a2")
    with scene.stalled(first):
        scene.start_runner()
        assert invocation.result == 2
    history = scene.history(invocation)
    fault_tasks.release("a1")
    scene.wait(lambda: "REFUSED" in first.log, "the outcome of the first attempt to be refused")
    assert scene.history(invocation) == history
    assert invocation.result == 2
    scene.check()


def test_paused_invocation_of_a_stale_owner_leaves_its_code(scene: Scene) -> None:
    """It is parked in the stale worker and in the other one; the stale worker gives up its thread and works on."""
    first = scene.start_runner()
    parent = scene.call(fault_tasks.ask, "a")
    scene.wait(lambda: fault_tasks.held("a") == 1, "the child to start")
    with scene.stalled(first):
        second = scene.start_runner()
        # The child that was taken back, and the one of the parent's second attempt.
        scene.wait(lambda: fault_tasks.held("a") >= 2, "the child to start elsewhere")
        fault_tasks.release("a")
        assert parent.result == "a"
        scene.wait_for_all()
        second.stop()
    scene.wait(lambda: "REFUSED" in first.log, "the outcome of the stale child to be refused")
    # Its one slot is free again.
    assert [i.result for i in scene.call_all(fault_tasks.noop, [(n,) for n in range(20)])] == list(range(20))
    assert scene.call(fault_tasks.fibonacci, 3).result == 2
    scene.wait_for_all()
    scene.check()


def take_away(scene: Scene, invocation: Any) -> None:
    """Do what a runner does that takes the owner for dead."""
    change = Transition(invocation.invocation_id, S.RUNNING_RECOVERY, "another-runner", invocation.record.attempt)
    taken = scene.app.engine.steps.reroute([change, change._replace(to=S.REROUTED)])
    assert None not in taken


def test_stale_attempt_does_not_hide_the_next_one_in_the_same_process(make_scene: Callable[..., Scene]) -> None:
    """A worker gives back what the ledger says is its own and it knows nothing of; it must go on to know this one."""
    scene = make_scene(runner_cls="MultiThreadRunner", max_processes=1, min_processes=1, max_threads=2)
    runner = scene.start_runner(FAULTS_AUDIT_SECONDS="0.1")
    invocation = scene.call(fault_tasks.hold_each, "a")
    scene.wait(lambda: fault_tasks.held("a1"), "the first attempt")
    scene.stalled_pids.add(scene.worker_of(runner))
    take_away(scene, invocation)
    scene.wait(lambda: fault_tasks.held("a2"), "the second attempt")
    fault_tasks.release("a1")
    scene.wait(lambda: "REFUSED" in runner.log, "the outcome of the first attempt to be refused")
    scene.last(1.0)
    fault_tasks.release("a2")
    assert invocation.result == 2
    assert invocation.record.attempt == 2
    scene.check()


def test_cancelled_while_it_runs(scene: Scene) -> None:
    """Nothing waits in its process, so nobody is told there; it finds out at its next wait."""
    scene.start_runner()
    invocation = scene.call(fault_tasks.hold_and_wait, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    invocation.cancel()
    fault_tasks.release("a")
    scene.wait_for_all()
    assert invocation.status is S.CANCELLED
    scene.check()


def test_whole_system_stalled(scene: Scene) -> None:
    """A suspended laptop: nobody was there to take anything back, and the one runner finds its own lease run out."""
    runner = scene.start_runner()
    invocation = scene.call(fault_tasks.hold, "a")
    parents = scene.call_all(fault_tasks.fibonacci, [(4,), (5,)])
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    with scene.stalled(runner):
        scene.last(2 * scene.app.conf.lease_seconds)
    fault_tasks.release("a")
    assert invocation.result == "a"
    assert [parent.result for parent in parents] == [3, 5]
    # It does not take its own for dead.
    assert fault_tasks.held("a") == 1
    scene.wait_for_all()
    scene.check()
