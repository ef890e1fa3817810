"""Recursion that waits for itself, on one worker slot; concurrency control."""

import json
from itertools import pairwise

import pytest

from tests.seeds.program_folder import IN_MEMORY, START_RUNNER, STOP_RUNNER

#: How each runner is told to have one slot.
ONE_SLOT = {
    "ThreadRunner": {"PYNENC__THREADRUNNER__MAX_THREADS": "1"},
    "MultiThreadRunner": {"PYNENC__MULTITHREADRUNNER__MAX_PROCESSES": "1"},
    "ProcessRunner": {"PYNENC__PROCESSRUNNER__MAX_PROCESSES": "1"},
    "PersistentProcessRunner": {"PYNENC__PERSISTENTPROCESSRUNNER__NUM_PROCESSES": "1"},
}


@pytest.mark.parametrize("runner", ONE_SLOT)
def test_use_case_4(folder, snippet, runner):
    # A process for each call takes its time, so the tree is smaller there.
    n, expected = (4, 3) if runner == "ProcessRunner" else (10, 55)
    folder.write("tasks.py", snippet("fibonacci"))
    folder.write("main.py", f"import tasks\nprint(tasks.fibonacci({n}).result)")
    folder.environ |= {"PYNENC__RUNNER_CLS": runner, **ONE_SLOT[runner]}
    with folder.runner("pynenc --app=tasks.app runner start") as started:
        assert folder.run("main.py").lines == [str(expected)]
    assert f"Calculating fibonacci({n})" in started.log()


#: What the snippet of use case 3 leaves out.
SLEEP_RESULT = """\
import time
from typing import NamedTuple


class SleepResult(NamedTuple):
    start: float
    end: float"""

#: The calls come before the runner: those of registration concurrency meet each other in the queue.
CALLS = """\
import json
import tasks

ids = [
    [task() for _ in range(3)]
    for task in (tasks.get_own_invocation_id, tasks.get_own_invocation_id_registration_concurrency)
]
spans = [
    [task(0.2) for _ in range(3)]
    for task in (tasks.sleep_without_running_concurrency, tasks.sleep_with_running_concurrency)
]"""

RESULTS = "print(json.dumps([[[call.result for call in row] for row in rows] for rows in (ids, spans)]))"


def test_use_case_3(folder, snippet):
    folder.write("tasks.py", SLEEP_RESULT, snippet("concurrency-control"))
    folder.write("main.py", CALLS, START_RUNNER, RESULTS, STOP_RUNNER)
    ids, spans = json.loads(folder.run("main.py", environ=IN_MEMORY | {"PYNENC__MAX_THREADS": "6"}).output)

    each_its_own, registered_once = ids
    assert len(set(each_its_own)) == 3
    assert len(set(registered_once)) == 1

    together, one_at_a_time = (sorted(row) for row in spans)
    assert overlapping(together)
    assert not overlapping(one_at_a_time)


def overlapping(spans):
    return any(earlier[1] > later[0] for earlier, later in pairwise(spans))
