"""SIGKILL while an invocation is PENDING, RUNNING or PAUSED."""

from collections.abc import Callable

from harness import LEASE_SECONDS, Scene

import fault_tasks
from pynenc.invocation.status import InvocationStatus


def test_worker_killed_while_running(scene: Scene) -> None:
    runner = scene.start_runner()
    invocation = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    scene.killer.kill(scene.worker_of(runner))
    scene.wait(lambda: fault_tasks.held("a") == 2, "the second attempt")
    fault_tasks.release("a")
    assert invocation.result == "a"
    scene.check()
