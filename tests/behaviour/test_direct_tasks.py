"""Functions that run elsewhere and return their value to the caller."""

import asyncio
import inspect
import os
import threading
from typing import Any

import pytest
import tasks_groups
from stage import PLAIN, PROCESSES

from pynenc.invocation import InvocationStatus

pytestmark = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


def test_the_caller_gets_the_value(shared_app, request):
    value, pid, thread = tasks_groups.where(7)
    assert value == 7
    assert thread != threading.get_ident()
    in_a_worker = request.node.callspec.params["shared_app"] in PROCESSES
    assert (pid != os.getpid()) is in_a_worker


def test_it_is_still_the_function_it_was(shared_app):
    assert inspect.isfunction(tasks_groups.where)
    assert tasks_groups.where.__doc__ == "Which process and thread runs this, and what for."
    assert list(inspect.signature(tasks_groups.where).parameters) == ["x"]
    assert tasks_groups.where.__inner_function__(1)[1] == os.getpid()  # pyright: ignore[reportFunctionMemberAccess]


def test_the_caller_gets_the_exception(shared_app):
    with pytest.raises(LookupError, match="directly"):
        tasks_groups.fails_directly()
    task = tasks_groups.fails_directly.__pynenc_task__  # pyright: ignore[reportFunctionMemberAccess]
    assert shared_app.orchestrator.count_invocations(task.task_id, [InvocationStatus.FAILED])


def test_awaited(shared_app):
    async def main() -> list[int]:
        return await asyncio.gather(*(tasks_groups.add_directly(x, 1) for x in range(5)))

    assert asyncio.run(main()) == [1, 2, 3, 4, 5]


def test_split_and_put_together(shared_app):
    task = tasks_groups.scaled_sum.__pynenc_task__  # pyright: ignore[reportFunctionMemberAccess]
    before = shared_app.orchestrator.count_invocations(task.task_id)
    assert tasks_groups.scaled_sum(list(range(10))) == 90
    assert tasks_groups.scaled_sum(list(range(10)), factor=3) == 135
    assert shared_app.orchestrator.count_invocations(task.task_id) == before + 4


def test_split_with_common_arguments(shared_app):
    assert tasks_groups.scaled_each([3, 1, 2], 10) == [[10], [20], [30]]


def test_split_and_awaited(shared_app):
    sums: Any = asyncio.run(tasks_groups.sums_up_to(4, 10))
    assert sorted(sums) == [10, 11, 12, 13]


def test_split_without_putting_together_is_refused_at_once(shared_app):
    with pytest.raises(ValueError, match="Aggregation function required for parallel execution"):
        shared_app.direct_task(tasks_groups.where.__inner_function__, parallel_func=list)
