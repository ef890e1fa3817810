"""Calls that are answered by one that waits already."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import tasks_concurrency
from gates_and_notes import open_gate, wait_for_notes
from stage import SETUPS, wait_for_status

from pynenc.exceptions import InvocationConcurrencyWithDifferentArgumentsError
from pynenc.invocation import InvocationStatus, ReusedInvocation

#: The runner plays no part before it starts; the stores do.
stores = pytest.mark.parametrize("setup", [setup for setup in SETUPS.values() if setup.in_process], ids=str)
CALLS = [("a", 1), ("a", 1), ("a", 2), ("b", 1)]
#: Which of the calls is answered by which.
ANSWERS = {
    "unlimited": [0, 1, 2, 3],
    "once_for_the_arguments": [0, 0, 2, 3],
    "once_for_the_key": [0, 0, 0, 3],
    "once_for_the_task": [0, 0, 0, 0],
}


@stores
@pytest.mark.parametrize("in_batches", [False, True], ids=["singly", "in a group"])
@pytest.mark.parametrize("name", list(ANSWERS))
def test_modes(stage, setup, name, in_batches):
    app = stage.build(setup)
    task = getattr(tasks_concurrency, name)
    invocations = list(task.parallelize(CALLS)) if in_batches else [task(*call) for call in CALLS]
    ids = [invocation.invocation_id for invocation in invocations]
    assert [ids.index(invocation_id) for invocation_id in ids] == ANSWERS[name]
    assert app.orchestrator.count_invocations() == app.broker.count_invocations() == len(set(ids))
    for position, (invocation, call) in enumerate(zip(invocations, CALLS, strict=True)):
        stands_in = ANSWERS[name][position]
        assert isinstance(invocation, ReusedInvocation) is (stands_in != position)
        if isinstance(invocation, ReusedInvocation):
            differs = CALLS[stands_in] != call
            assert (invocation.diff_arg is not None) is differs
            if invocation.diff_arg is not None:
                assert invocation.diff_arg.kwargs == {"key": call[0], "value": call[1]}
            assert invocation == invocations[stands_in]
            with pytest.raises(NotImplementedError):
                invocation.run()
    stage.start(app)
    results = [invocation.result for invocation in invocations]
    assert results == ["{} {}".format(*CALLS[stands_in]) for stands_in in ANSWERS[name]], "with the first arguments"


@stores
def test_another_batch_meets_what_the_first_left(stage, setup):
    app = stage.build(setup)
    first = tasks_concurrency.once_for_the_key.parallelize([("a", 1), ("b", 1)])
    second = tasks_concurrency.once_for_the_key.parallelize([("b", 2), ("c", 2), ("c", 3)])
    assert app.orchestrator.count_invocations() == 3
    stage.start(app)
    assert [*first.ordered_results, *second.ordered_results] == ["a 1", "b 1", "b 1", "c 2", "c 2"]


@stores
def test_a_difference_can_be_an_error_that_shows_it(stage, setup):
    app = stage.build(setup)
    first = tasks_concurrency.once_for_the_key_strictly("a", 1, gone=3, kept=4)
    assert tasks_concurrency.once_for_the_key_strictly("a", 1, gone=3, kept=4) == first
    with pytest.raises(InvocationConcurrencyWithDifferentArgumentsError) as caught:
        tasks_concurrency.once_for_the_key_strictly("a", 2, gone=3, kept=4)
    error = caught.value
    assert str(error.task_id) == "tasks_concurrency.once_for_the_key_strictly"
    assert error.existing_invocation_id == first.invocation_id
    assert str(error.new_call_id).startswith("tasks_concurrency.once_for_the_key_strictly:")
    assert error.diff == (
        "Arguments differ for task tasks_concurrency.once_for_the_key_strictly:\nChanged:\n  value: 1 -> 2"
    )
    with pytest.raises(InvocationConcurrencyWithDifferentArgumentsError):
        tasks_concurrency.once_for_the_key_strictly.parallelize([("a", 3)])
    assert app.orchestrator.count_invocations() == 1
    stage.start(app)
    assert first.result == "a 1 {'gone': 3, 'kept': 4}"


@stores
def test_one_that_runs_answers_no_call(stage, setup, journal, gate):
    stage.run(setup, slots=2)
    running = tasks_concurrency.once_while_it_waits(journal, gate)
    wait_for_notes(journal, 1)
    another = tasks_concurrency.once_while_it_waits(journal, gate)
    assert another != running
    wait_for_notes(journal, 2)
    open_gate(gate)
    assert [running.result, another.result] == [None, None]


@stores
def test_one_that_waits_for_its_retry_answers(stage, setup):
    stage.run(setup)
    retried = tasks_concurrency.once_while_it_waits_for_its_retry()
    wait_for_status(retried, InvocationStatus.RETRY)
    assert tasks_concurrency.once_while_it_waits_for_its_retry() == retried
    retried.cancel()


@stores
def test_of_calls_at_the_same_moment_one_is_registered(stage, setup):
    app = stage.build(setup)
    callers = 8
    barrier = Barrier(callers)

    def call(number: int) -> str:
        barrier.wait()
        return tasks_concurrency.once_for_the_key("a", number).invocation_id

    with ThreadPoolExecutor(callers) as executor:
        ids = set(executor.map(call, range(callers)))
    assert len(ids) == 1
    assert app.orchestrator.count_invocations() == app.broker.count_invocations() == 1
    stage.start(app)
    (invocation_id,) = ids
    assert app.get_invocation(invocation_id).result.startswith("a ")
