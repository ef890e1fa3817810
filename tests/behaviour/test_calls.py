"""Single calls on every runner and product: arguments, results, exceptions, and what user code can ask."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest
import tasks_calls
from gates_and_notes import open_gate
from stage import SETUPS, names
from tasks_calls import OrderError, Point

from pynenc.exceptions import InvocationError, InvocationTimeoutError
from pynenc.invocation import InvocationStatus

pytestmark = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")


def test_result_and_history(shared_app):
    invocation = tasks_calls.add(1, 2)
    assert invocation.result == 3
    assert invocation.status is InvocationStatus.SUCCESS
    assert invocation.get_final_result() == 3
    assert names(invocation) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]
    assert invocation.result == 3, "it can be asked for again"


@pytest.mark.parametrize(("args", "kwargs"), [((1,), {}), ((1, 10), {}), ((), {"y": 10, "x": 1}), ((1,), {"y": 10})])
def test_however_it_is_written_it_is_the_same_call(shared_app, args, kwargs):
    invocation = tasks_calls.add(*args, **kwargs)
    assert invocation.result == 11
    assert invocation.arguments.kwargs == {"x": 1, "y": 10}
    assert invocation.call_id == tasks_calls.add(1, 10).call_id


def test_variadic_arguments(shared_app):
    invocation = tasks_calls.variadic(1, 2, z=3)
    args, kwargs = invocation.result
    assert (tuple(args), kwargs) == ((1, 2), {"z": 3})
    assert {name: list(value) for name, value in invocation.arguments.kwargs.items()} == {
        "args": [1, 2],
        "kwargs": ["z"],
    }


def test_every_kind_of_parameter(shared_app):
    assert tasks_calls.every_kind(1, d=4).result == "1 2 3 () 4 5 {}"
    assert tasks_calls.every_kind(1, 20, 30, 31, 32, d=40, e=50, f=60).result == "1 20 30 (31, 32) 40 50 {'f': 60}"
    assert tasks_calls.every_kind(1, c=30, d=40, a=70).result == "1 2 30 () 40 5 {'a': 70}"


def test_a_call_that_does_not_fit_the_signature_fails_where_it_is_made(shared_app):
    before = shared_app.orchestrator.count_invocations()
    with pytest.raises(TypeError, match="'x'"):
        tasks_calls.add(y=1)  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="too many"):
        tasks_calls.add(1, 2, 3)  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="'z'"):
        tasks_calls.add(1, z=2)  # pyright: ignore[reportCallIssue]
    assert shared_app.orchestrator.count_invocations() == before


def test_values_keep_their_types(shared_app):
    assert tasks_calls.mirrored(Point(1, 2)).result == Point(2, 1)
    value = {
        "tuple": (1, 2),
        "set": {3},
        "bytes": b"\x00\xff",
        "none": None,
        "nested": [{"deep": 1.5}],
        "text": "ü\ud83d",
    }
    assert tasks_calls.returns(value).result == value


@pytest.mark.parametrize("value", [None, 0, "", [], "@looks like a reference", "__pynenc__client_data__:x"])
def test_values_that_look_like_nothing_or_like_ours(shared_app, value):
    assert tasks_calls.returns(value).result == value


def test_exceptions_arrive_with_type_and_arguments(shared_app):
    invocation = tasks_calls.fails("value")
    with pytest.raises(ValueError, match="no such value") as caught:
        _ = invocation.result
    assert caught.value.args == ("no such value", 42)
    assert invocation.status is InvocationStatus.FAILED
    assert names(invocation) == ["REGISTERED", "PENDING", "RUNNING", "FAILED"]
    with pytest.raises(ValueError, match="no such value"):
        invocation.get_final_result()


def test_notes_and_own_exceptions_arrive(shared_app):
    with pytest.raises(LookupError, match="where is it") as noted:
        _ = tasks_calls.fails("noted").result
    assert "look under the table" in noted.value.__notes__
    with pytest.raises(OrderError, match="books") as own:
        _ = tasks_calls.fails("own").result
    assert (own.value.order, own.value.parcels) == ("books", 3)


def test_the_traceback_of_user_code_is_kept(shared_app):
    invocation = tasks_calls.fails("value")
    invocation.wait()
    (attempt,) = shared_app.state_backend.get_attempts(invocation.invocation_id)
    assert "tasks_calls.py" in attempt.traceback
    assert "engine/execution.py" not in attempt.traceback, "our own frames are of no use to the user"
    assert attempt.error_type == "builtins.ValueError"


def test_a_task_knows_its_invocation_workflow_and_logger(shared_app):
    invocation = tasks_calls.who_am_i()
    told = invocation.result
    assert told == {
        "invocation": invocation.invocation_id,
        "status": "RUNNING",
        "task": "tasks_calls.who_am_i",
        "workflow": invocation.invocation_id,
        "workflow_type": "tasks_calls.who_am_i",
    }
    assert invocation.workflow.workflow_id == invocation.invocation_id
    assert invocation.parent_invocation_id is None
    with pytest.raises(RuntimeError, match="Task has not been invoked yet"):
        _ = tasks_calls.who_am_i.invocation


def test_children_belong_to_the_workflow_of_their_parent(shared_app):
    invocation = tasks_calls.asks_child_who_it_is()
    own_id, child, parent_of_child = invocation.result
    assert own_id == parent_of_child == child["workflow"] == invocation.invocation_id
    assert child["workflow_type"] == "tasks_calls.asks_child_who_it_is"
    assert shared_app.state_backend.get_child_invocations(own_id) == [child["invocation"]]


def test_a_workflow_called_in_another_is_its_own_below_it(shared_app):
    invocation = tasks_calls.calls_a_workflow()
    outer, (inner, above) = invocation.result
    assert outer == above == invocation.invocation_id
    assert inner not in {outer, None}


def test_invocations_travel_as_arguments(shared_app):
    first, second = tasks_calls.add(1, 2), tasks_calls.add(3, 4)
    assert tasks_calls.result_of(first).result == 3
    assert tasks_calls.results_of([first, second, first]).result == [3, 7, 3]
    returned: Any = tasks_calls.returns(first).result
    assert returned == first
    assert returned.result == 3


def test_a_handle_can_be_made_from_the_id(shared_app):
    invocation = tasks_calls.add(5, 6)
    again = shared_app.get_invocation(invocation.invocation_id)
    assert again == invocation
    assert again.result == 11
    assert again.task is tasks_calls.add
    assert shared_app.state_backend.get_result(invocation.invocation_id) == 11


def test_results_can_be_awaited(shared_app):
    async def main() -> Sequence[Any]:
        one, two = tasks_calls.add(1, 2), await tasks_calls.add.submit_async(3, 4)
        failing: Awaitable[Any] = tasks_calls.fails("value").async_result()
        return await asyncio.gather(one, two.async_result(), failing, return_exceptions=True)

    one, two, error = asyncio.run(main())
    assert (one, two) == (3, 7)
    assert isinstance(error, ValueError)


def test_async_tasks(shared_app):
    assert tasks_calls.add_async(1, 2).result == 3
    with pytest.raises(LookupError, match="not on the loop either"):
        _ = tasks_calls.fails_async().result


def test_a_wait_can_have_an_end(shared_app, gate):
    invocation = tasks_calls.waits_at(gate)
    with pytest.raises(InvocationTimeoutError, match=invocation.invocation_id):
        invocation.result_within(0.01)
    with pytest.raises(TimeoutError):
        asyncio.run(invocation.async_result(0.01))
    with pytest.raises(InvocationError, match="not final"):
        invocation.get_final_result()
    open_gate(gate)
    assert invocation.result_within(30) == "through"
    assert invocation.wait() is InvocationStatus.SUCCESS
