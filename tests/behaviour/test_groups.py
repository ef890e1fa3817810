"""Many calls at once: how they are given, and in which order their results come."""

import asyncio
from typing import Any

import pytest
import tasks_groups
from gates_and_notes import open_gate
from stage import PLAIN, SETUPS, STAYING

from pynenc.exceptions import InvocationTimeoutError
from pynenc.invocation import InvocationStatus, ReusedInvocation

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


@everywhere
def test_tuples_mappings_and_arguments(shared_app):
    group = tasks_groups.scaled.parallelize(
        [(2,), (2, 3), {"x": 4}, {"x": 4, "shift": 1}, tasks_groups.scaled.args(5, shift=2)]
    )
    assert group.ordered_results == [2, 6, 4, 5, 7]
    assert [invocation.result for invocation in group] == [2, 6, 4, 5, 7]
    assert len(group) == len(group.invocation_map) == 5


@everywhere
def test_common_arguments_yield_to_those_of_the_element(shared_app):
    elements = [{"x": 1}, {"x": 2}, {"x": 3, "factor": 100}, {"x": 4}]
    group = tasks_groups.scaled.parallelize(elements, common_args={"factor": 10, "shift": 5})
    assert group.ordered_results == [15, 25, 305, 45]
    assert [invocation.arguments.kwargs for invocation in group][2] == {"x": 3, "factor": 100, "shift": 5}
    assert group.invocations[0].call_id == tasks_groups.scaled(1, 10, 5).call_id, "it is the same call as a single one"


@on_one_of_a_kind
def test_wrong_elements_submit_nothing(shared_app):
    before = shared_app.orchestrator.count_invocations()
    with pytest.raises(TypeError, match="int"):
        tasks_groups.scaled.parallelize([(1,), 2])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="'z'"):
        tasks_groups.scaled.parallelize([{"x": 1}, {"x": 1, "z": 1}])
    with pytest.raises(ValueError, match="When using common_args, param_iter must contain only dictionaries"):
        tasks_groups.scaled.parallelize([{"x": 1}, (2,)], common_args={"factor": 1})
    assert shared_app.orchestrator.count_invocations() == before


@on_one_of_a_kind
def test_an_empty_group(shared_app):
    group = tasks_groups.square.parallelize([])
    assert (list(group.results), group.ordered_results, len(group)) == ([], [], 0)


@pytest.mark.parametrize("shared_app", STAYING, indirect=True, ids=str, scope="module")
@pytest.mark.parametrize("task", [tasks_groups.square, tasks_groups.square_one_by_one], ids=["batches", "singly"])
def test_more_calls_than_a_batch_holds(shared_app, task):
    group = task.parallelize((x,) for x in range(250))
    assert sorted(group.results) == [x * x for x in range(250)]
    assert group.ordered_results == [x * x for x in range(250)]


def test_results_come_in_the_order_of_completion(stage, tmp_path):
    stage.run("sqlite-thread", slots=3)
    gates = [str(tmp_path / name) for name in ("first", "second", "third")]
    results = iter(tasks_groups.through.parallelize([(gate,) for gate in gates]).results)
    for gate in reversed(gates):
        open_gate(gate)
        assert next(results) == gate
    assert next(results, "no more") == "no more"


def test_ordered_results_wait_for_their_turn(stage, tmp_path):
    stage.run("memory-thread", slots=3)
    gates = [str(tmp_path / name) for name in ("first", "second", "third")]
    group = tasks_groups.through.parallelize([(gate,) for gate in gates])
    for gate in reversed(gates):
        open_gate(gate)
    assert list(group.iter_results(ordered=True)) == group.ordered_results == gates


@everywhere
def test_failures_are_raised_or_returned(shared_app):
    group = tasks_groups.odd_fails.parallelize([(x,) for x in range(4)])
    with pytest.raises(ValueError, match="is odd"):
        list(group.results)
    values = list(group.iter_results(ordered=True, return_exceptions=True))
    assert (values[0], values[2]) == (0, 2)
    assert [str(value) for value in values[1::2]] == ["1 is odd", "3 is odd"]
    assert len(list(group.iter_results(return_exceptions=True))) == 4, "it can be asked again, and none is lost"


@everywhere
def test_duplicates_are_yielded_once_for_each_call(shared_app):
    group = tasks_groups.once_for_equal_arguments.parallelize([(1,), (1,), (2,), (1,)])
    assert sorted(group.results) == [10, 10, 10, 20]
    assert group.ordered_results == [10, 10, 20, 10]
    assert [isinstance(invocation, ReusedInvocation) for invocation in group] == [False, True, False, True]
    assert len(group.invocation_map) == 2


@everywhere
def test_groups_inside_tasks(shared_app):
    wanted = sum(x * x for x in range(30))
    calls = [tasks_groups.sum_of_squares(30), tasks_groups.sum_of_squares_async(30)]
    assert [call.result for call in calls] == [wanted, wanted]
    assert tasks_groups.ordered_squares(5).result == [0, 1, 4, 9, 16]


@on_one_of_a_kind
def test_awaited_results(shared_app):
    async def main(**options: Any) -> list[Any]:
        group = tasks_groups.odd_fails.parallelize([(x,) for x in range(4)])
        return [value async for value in group.async_results(return_exceptions=True, **options)]

    assert [str(value) for value in asyncio.run(main(ordered=True))] == ["0", "1 is odd", "2", "3 is odd"]
    assert {str(value) for value in asyncio.run(main())} == {"0", "1 is odd", "2", "3 is odd"}


@on_one_of_a_kind
def test_the_time_for_a_group_is_for_all_of_it(shared_app, gate):
    group = tasks_groups.through.parallelize([(gate,), (gate,)])
    with pytest.raises(InvocationTimeoutError):
        list(group.iter_results(timeout_seconds=0.01))
    with pytest.raises(InvocationTimeoutError):
        list(group.iter_results(ordered=True, timeout_seconds=0.01))
    open_gate(gate)
    assert list(group.iter_results(timeout_seconds=30)) == [gate, gate]
    assert {invocation.status for invocation in group} == {InvocationStatus.SUCCESS}
