"""The process dies at every named crash point, once; everything comes to an end without anybody's help."""

from collections.abc import Callable
from typing import Any

import fault_tasks
import pytest
from harness import LEASE_SECONDS, RECOVERY_SECONDS, Scene
from pynenc.engine.crash_points import CRASH_POINTS
from pynenc.invocation.status import InvocationStatus

#: Passed by whoever takes something back: the supervisor.
SUPERVISOR = [point for point in CRASH_POINTS if point.startswith(("recover.", "reroute."))]
CLIENT = [point for point in CRASH_POINTS if point.startswith("submit.")]
#: Tasks submit, too.
WORKER = [point for point in CRASH_POINTS if point not in SUPERVISOR]


def calls(scene: Scene) -> list[tuple[Any, Any]]:
    """Work that passes every crash point of a worker, with what it comes to."""
    return [
        (scene.call(fault_tasks.noop, 7), 7),
        (scene.call(fault_tasks.fibonacci, 4), 3),
        (scene.call(fault_tasks.flaky, 2), 2),
        (scene.call(fault_tasks.countdown, 2), 3),
        (scene.call(fault_tasks.exclusive_tree, "a", 2), 3),
        (scene.call(fault_tasks.asum, [1, 2, 3]), 6),
        *((invocation, number) for number, invocation in enumerate(scene.call_all(fault_tasks.noop, [(n,) for n in range(8)]))),
    ]


@pytest.mark.parametrize("passage", [1, 3])
@pytest.mark.parametrize("point", WORKER)
def test_worker_dies_at(point: str, passage: int, scene: Scene) -> None:
    expected = calls(scene)
    runner = scene.start_runner(FAULTS_CRASH_WORKER=f"{point}:{passage}")
    scene.wait_for_all()
    assert "killed by SIGKILL" in runner.log
    assert [invocation.result for invocation, _ in expected] == [right for _, right in expected]
    scene.check()
