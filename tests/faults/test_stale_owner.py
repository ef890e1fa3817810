"""A runner that is stopped longer than its lease and goes on: what it held is others' by then, and its outcome too late."""

import fault_tasks
from harness import Scene

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


def test_whole_system_stalled(scene: Scene) -> None:
    """A suspended laptop: nobody was there to take anything back, and the one runner finds its own lease run out."""
    runner = scene.start_runner()
    invocation = scene.call(fault_tasks.hold, "a")
    parents = scene.call_all(fault_tasks.fibonacci, [(4,), (5,)])
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    beat = scene.app.engine.ledger.runners()[0].last_beat
    with scene.stalled(runner):
        scene.wait(lambda: scene.app.engine.clock.now() > beat + 2 * scene.app.conf.lease_seconds, "the lease to run out")
    fault_tasks.release("a")
    assert invocation.result == "a"
    assert [parent.result for parent in parents] == [3, 5]
    scene.wait_for_all()
    scene.check()
