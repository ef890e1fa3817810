"""Invocations that wait for others: paused without holding their slot, and resumed when the wait is over."""

import asyncio

import pytest
import tasks_waiting
from gates_and_notes import open_gate, wait_for_notes
from stage import PLAIN, SETUPS, STAYING, THREADS, names, wait_for_status

from pynenc.invocation import InvocationStatus

everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
on_one_of_a_kind = pytest.mark.parametrize("setup", PLAIN, ids=str)
with_threads = pytest.mark.parametrize("setup", THREADS, ids=str)


@pytest.mark.parametrize("setup", [s for s in SETUPS.values() if s.runner != "ProcessRunner"], ids=str)
def test_recursion_with_one_slot(stage, setup):
    app = stage.run(setup, slots=1)
    assert tasks_waiting.fibonacci(10).result == 55
    assert app.orchestrator.count_invocations() == 177


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_recursion_with_one_process_at_a_time(stage):
    stage.run("sqlite-process", slots=1)
    assert tasks_waiting.fibonacci(10).result == 55


@pytest.mark.slow
@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread", "sqlite-persistent-process"])
def test_deep_recursion_with_one_slot(stage, setup):
    app = stage.run(setup, slots=1)
    assert tasks_waiting.fibonacci(15).result == 610
    assert app.orchestrator.count_invocations() == 1973


@on_one_of_a_kind
def test_a_long_chain_of_waits(stage, setup):
    stage.run(setup, slots=1)
    depth = 10 if setup.runner == "ProcessRunner" else 60
    assert tasks_waiting.chain(depth).result == depth


@everywhere
def test_history_of_one_wait(stage, setup, gate):
    app = stage.run(setup, slots=1)
    parent = tasks_waiting.waits_once(gate)
    wait_for_status(parent, InvocationStatus.PAUSED)
    open_gate(gate)
    assert parent.result == "through"
    assert names(parent) == ["REGISTERED", "PENDING", "RUNNING", "PAUSED", "RESUMED", "SUCCESS"]
    (child,) = app.state_backend.get_child_invocations(parent.invocation_id)
    assert names(app.get_invocation(child)) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]


@everywhere
def test_history_of_one_wait_of_a_coroutine(stage, setup, gate):
    stage.run(setup, slots=1)
    parent = tasks_waiting.waits_once_async(gate)
    wait_for_status(parent, InvocationStatus.PAUSED)
    open_gate(gate)
    assert parent.result == "through"
    assert names(parent) == ["REGISTERED", "PENDING", "RUNNING", "PAUSED", "RESUMED", "SUCCESS"]


@on_one_of_a_kind
def test_it_goes_on_in_its_own_thread(stage, setup, gate):
    stage.run(setup, slots=1)
    parent = tasks_waiting.waits_on_the_same_thread(gate)
    wait_for_status(parent, InvocationStatus.PAUSED)
    open_gate(gate)
    assert parent.result is True


@on_one_of_a_kind
@pytest.mark.parametrize(
    "task", [tasks_waiting.waits_for_all, tasks_waiting.waits_for_all_async], ids=["sync", "async"]
)
def test_one_of_those_it_waits_for_has_ended_before(stage, setup, task, tmp_path):
    stage.run(setup, slots=2)
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    open_gate(first)
    ended = tasks_waiting.gated(first)
    assert ended.result == "through"
    parent = task(ended, tasks_waiting.gated(second))
    wait_for_status(parent, InvocationStatus.PAUSED)
    open_gate(second)
    assert parent.result == ["through", "through"]


@on_one_of_a_kind
def test_a_client_waits_for_several_of_which_one_has_ended_before(stage, setup, tmp_path):
    app = stage.run(setup, slots=2)
    gates = [str(tmp_path / name) for name in ("first", "second", "third")]
    group = tasks_waiting.gated.parallelize([(gate,) for gate in gates])
    open_gate(gates[0])
    assert group.invocations[0].result == "through"
    results = group.iter_results(ordered=True)
    app.engine.hub.listen()
    with_nobody_told = asyncio.run(_opened_while_waited_for(group, gates[1:]))
    assert with_nobody_told == ["through"] * 3
    assert list(results) == ["through"] * 3


async def _opened_while_waited_for(group, gates):
    async def collect():
        return [value async for value in group.async_results(ordered=True)]

    waiting = asyncio.ensure_future(collect())
    await asyncio.sleep(0)
    for gate in gates:
        open_gate(gate)
    return await waiting


@everywhere
def test_all_slots_work_at_once(stage, setup, journal, gate):
    stage.run(setup, slots=3)
    together = tasks_waiting.begins.parallelize([(journal, gate)] * 2)
    single = tasks_waiting.begins(journal, gate)
    wait_for_notes(journal, 3)
    open_gate(gate)
    assert [*together.results, single.result] == [None] * 3


@everywhere
def test_a_slot_that_is_free_takes_what_comes_while_another_is_busy(stage, setup, journal, gate):
    stage.run(setup, slots=2)
    calls = [tasks_waiting.begins(journal, gate)]
    wait_for_notes(journal, 1)
    calls.append(tasks_waiting.begins(journal, gate))
    wait_for_notes(journal, 2)
    open_gate(gate)
    assert [call.result for call in calls] == [None, None]


@on_one_of_a_kind
def test_the_loop_goes_on_while_a_coroutine_waits(stage, setup, gate):
    stage.run(setup, slots=2)
    assert tasks_waiting.ticks_while_it_waits(gate).result == 10


@on_one_of_a_kind
def test_coroutines_that_wait_for_coroutines(stage, setup):
    stage.run(setup, slots=2)
    n = 4 if setup.runner == "ProcessRunner" else 10
    assert tasks_waiting.fibonacci_async(n).result == {4: 3, 10: 55}[n]
    assert tasks_waiting.gathers(4).result == 0 + 1 + 1 + 2


@on_one_of_a_kind
def test_coroutines_do_not_stand_behind_threads(stage, setup, journal, gate):
    stage.run(setup, slots=1)
    in_the_slot = tasks_waiting.begins(journal, gate)
    wait_for_notes(journal, 1)
    if setup.runner != "ProcessRunner":
        assert tasks_waiting.fibonacci_async(3).result == 2
    open_gate(gate)
    assert in_the_slot.result is None


@on_one_of_a_kind
def test_a_blocking_wait_on_the_loop_is_an_error_that_says_what_to_do(stage, setup, gate):
    stage.run(setup, slots=1)
    parent = tasks_waiting.asks_for_a_result_on_the_loop(gate)
    with pytest.raises(Exception, match="await invocation") as caught:
        _ = parent.result
    assert type(caught.value).__name__ == "RunnerError"
    open_gate(gate)
    (child,) = parent.app.state_backend.get_child_invocations(parent.invocation_id)
    assert parent.app.get_invocation(child).result == "through"


@on_one_of_a_kind
def test_what_a_child_raises_is_raised_at_the_wait(stage, setup):
    stage.run(setup, slots=1)
    assert tasks_waiting.catches_what_its_child_raises().result == "caught: deep below"
    with pytest.raises(LookupError, match="deep below"):
        _ = tasks_waiting.passes_on_what_its_child_raises().result


@with_threads
def test_a_task_may_stop_waiting(stage, setup, gate):
    stage.run(setup, slots=2)
    parent = tasks_waiting.gives_up_waiting(gate)
    assert parent.result == "late: through"
    walk = ["REGISTERED", "PENDING", "RUNNING", "PAUSED", "RESUMED"]
    assert names(parent) in ([*walk, "SUCCESS"], [*walk, "PAUSED", "RESUMED", "SUCCESS"])


@pytest.mark.parametrize("setup", STAYING, ids=str)
def test_a_wait_in_another_thread_of_the_task_pauses_nothing(stage, setup, gate):
    stage.run(setup, slots=2)
    parent = tasks_waiting.waits_in_a_thread_of_its_own(gate)
    assert parent.result == "through"
    assert names(parent) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]
