"""Running concurrency while its holders are killed: never two at once, and the next one is let in."""

import fault_tasks
from harness import RECOVERED_WITHIN_SECONDS, Scene

from pynenc.invocation.status import InvocationStatus

S = InvocationStatus


def test_holder_killed_lets_the_line_go_on(scene: Scene) -> None:
    first = scene.start_runner()
    calls = [scene.call(fault_tasks.exclusive_hold, "key", number) for number in range(3)]
    scene.wait(lambda: fault_tasks.held("0"), "the holder to start")
    second = scene.start_runner()
    scene.wait(lambda: sum(i.status is S.CONCURRENCY_CONTROLLED for i in calls) == 2, "the others to stand in line")
    scene.kill_runner(first)
    for number in range(3):
        fault_tasks.release(str(number))
    assert [i.result for i in calls] == [0, 1, 2]
    assert scene.slowest_recovery_seconds() < RECOVERED_WITHIN_SECONDS
    assert second.returncode is None
    scene.wait_for_all()
    scene.check()


def test_recursion_under_task_survives_kills(scene: Scene) -> None:
    """The token is with a descendant when the worker of the whole chain dies."""
    runners = [scene.start_runner(), scene.start_runner()]
    calls = scene.call_all(fault_tasks.countdown, [(3,), (4,), (3,)])
    for kill in range(4):
        scene.wait(
            lambda: any(i.status is S.PAUSED for i in calls) or all(i.status.is_final() for i in calls), "one to pause"
        )
        scene.killer.kill_a_worker(runners[kill % 2].pid)
    assert [i.result for i in calls] == [6, 10, 6]
    scene.wait_for_all()
    scene.check()


def test_retries_inside_a_scope_under_kills(scene: Scene) -> None:
    runners = [scene.start_runner(), scene.start_runner()]
    calls = scene.call_all(fault_tasks.exclusive, [(key, 2.0, failures) for key in "abc" for failures in (2, 0, 1, 0)])
    for kill in range(4):
        scene.wait(lambda: any(i.status is S.RUNNING for i in calls) or scene.unfinished() == 0, "one to run")
        scene.killer.kill_a_worker(runners[kill % 2].pid)
    scene.wait_for_all()
    assert [i.result for i in calls] == [key for key in "abc" for _ in range(4)]
    scene.check()
