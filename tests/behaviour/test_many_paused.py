"""Thousands of invocations that wait at the same time in one process: they end, and cost little meanwhile."""

import os
import threading

import psutil
import pytest
import tasks_load
from gates_and_notes import DEADLINE_SECONDS, open_gate
from measuring import cpu_seconds, proportional_mib, report
from stage import wait_until_ended

from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
#: While this long nothing happens the processor must not be used; generous, for the machine may be loaded.
QUIET_SECONDS = 1.0


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread"])
@pytest.mark.parametrize(
    ("task", "count"),
    [(tasks_load.waits_for, 2_000), (tasks_load.waits_for_async, 10_000)],
    ids=["2,000 threads", "10,000 coroutines"],
)
def test_all_are_paused_and_all_go_on(stage, setup, task, count, gate):
    # The keeper takes one of the two slots all the time.
    app = stage.run(setup, slots=2)
    assert tasks_load.nothing(1).result == 1
    keeper = tasks_load.gate_keeper(gate)
    wait_until(lambda: keeper.status is InvocationStatus.RUNNING, DEADLINE_SECONDS, "the keeper")
    before_mib = proportional_mib()
    waiting = task.parallelize({"number": number, "keeper": keeper} for number in range(count))
    paused = [InvocationStatus.PAUSED]
    wait_until(lambda: app.orchestrator.count_invocations(statuses=paused) == count, 90, f"{count} paused ones")
    more_mib = proportional_mib() - before_mib
    used_seconds = cpu_in_quiet_seconds()
    report(f"{task.task_id.func_name} {setup}", paused=count, more_mib=more_mib, cpu_seconds_per_second=used_seconds)
    open_gate(gate)
    wait_until_ended(app, 90)
    assert app.orchestrator.count_invocations(task.task_id, [InvocationStatus.SUCCESS]) == count
    assert waiting.invocations[-1].result == "open"
    assert used_seconds < 0.3 * QUIET_SECONDS, "paused ones cost no time"
    assert more_mib < 400, "nor a stack each that is used up"


def cpu_in_quiet_seconds() -> float:
    process = psutil.Process(os.getpid())
    before = cpu_seconds([process])
    threading.Event().wait(QUIET_SECONDS)  # time itself is what is waited for
    return cpu_seconds([process]) - before
