"""At most one of a scope at a time: the others stand in line, or are dropped."""

from collections import Counter

import pytest
import tasks_concurrency
from gates_and_notes import DEADLINE_SECONDS, intervals, notes, open_gate, overlapping, wait_for_notes
from stage import PLAIN, SETUPS, STAYING, names, wait_for_status

from pynenc.exceptions import InvocationDroppedError
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until

everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
on_one_of_a_kind = pytest.mark.parametrize("setup", PLAIN, ids=str)
SUBMISSIONS = pytest.mark.parametrize("in_batches", [False, True], ids=["singly", "in a group"])

QUICK = ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]
IN_LINE = ("CONCURRENCY_CONTROLLED", "REROUTED")
AFTER_STANDING_IN_LINE = ["REGISTERED", "CONCURRENCY_CONTROLLED", "REROUTED", "PENDING", "RUNNING", "SUCCESS"]


def submit(task, calls, *, in_batches):
    return list(task.parallelize(calls)) if in_batches else [task(*call) for call in calls]


@everywhere
@SUBMISSIONS
def test_one_of_the_task_at_a_time(stage, setup, journal, in_batches):
    stage.run(setup, slots=3)
    calls = submit(
        tasks_concurrency.one_of_the_task, [(journal, f"call-{i}") for i in range(12)], in_batches=in_batches
    )
    assert [call.result for call in calls] == [f"call-{i}" for i in range(12)]
    assert not overlapping(intervals(journal))
    for call in calls:
        walk = names(call)
        assert [name for name in walk if name not in IN_LINE] == QUICK
        assert walk.count("CONCURRENCY_CONTROLLED") <= len(calls), "overtaken by each other at most, no hot loop"


@everywhere
@SUBMISSIONS
def test_who_is_blocked_stands_in_line_without_a_sound(stage, setup, journal, gate, in_batches):
    app = stage.run(setup, slots=3)
    holder = tasks_concurrency.one_of_the_task(journal, "holder", gate)
    wait_for_notes(f"{journal}.begun")
    calls = submit(tasks_concurrency.one_of_the_task, [(journal, f"call-{i}") for i in range(5)], in_batches=in_batches)
    for call in calls:
        wait_for_status(call, InvocationStatus.CONCURRENCY_CONTROLLED)
    still = app.engine.ledger.last_change()
    assert tasks_concurrency.unlimited("others go on").result == "others go on 0"
    assert app.engine.ledger.last_change() == still + 4, "nobody but the one that ran changed its status"
    open_gate(gate)
    assert holder.result == "holder"
    assert [call.result for call in calls] == [f"call-{i}" for i in range(5)]
    assert [names(call) for call in calls] == [AFTER_STANDING_IN_LINE] * 5
    assert [interval.what for interval in intervals(journal)] == ["holder", *(f"call-{i}" for i in range(5))]
    assert not overlapping(intervals(journal))


@everywhere
@SUBMISSIONS
def test_scopes_by_arguments_and_by_keys(stage, setup, journal, gate, in_batches):
    stage.run(setup, slots=3)
    calls = [(journal, "a", gate, 1), (journal, "a", gate, 2), (journal, "b", gate, 3)]
    by_key = submit(tasks_concurrency.one_of_the_key, calls, in_batches=in_batches)
    begun = wait_for_notes(f"{journal}.begun", 2)
    assert sorted(begun) == ["a", "b"], "different keys at the same time"
    # Which of the two came first is for the workers' race, where claiming is more than one trip.
    blocked = InvocationStatus.CONCURRENCY_CONTROLLED
    wait_until(
        lambda: blocked in {call.status for call in by_key[:2]}, DEADLINE_SECONDS, "one of the two to be blocked"
    )
    open_gate(gate)
    assert [call.result for call in by_key] == ["a", "a", "b"]
    assert not overlapping([interval for interval in intervals(journal) if interval.what == "a"])
    equal = [(journal, "c"), (journal, "c"), (journal, "d")]
    by_arguments = submit(tasks_concurrency.one_of_the_arguments, equal, in_batches=in_batches)
    assert [call.result for call in by_arguments] == ["c", "c", "d"]
    assert not overlapping([interval for interval in intervals(journal) if interval.what == "c"])


@everywhere
@SUBMISSIONS
def test_dropped_where_the_task_says_so(stage, setup, journal, gate, in_batches):
    stage.run(setup, slots=3)
    holder = tasks_concurrency.one_or_none(journal, "holder", gate)
    wait_for_notes(f"{journal}.begun")
    calls = submit(tasks_concurrency.one_or_none, [(journal, f"call-{i}") for i in range(3)], in_batches=in_batches)
    for call in calls:
        with pytest.raises(InvocationDroppedError, match="reroute_on_concurrency_control") as caught:
            _ = call.result
        assert isinstance(caught.value, KeyError)
        assert names(call) == ["REGISTERED", "CONCURRENCY_CONTROLLED_FINAL"]
    open_gate(gate)
    assert holder.result == "holder"
    assert tasks_concurrency.one_or_none(journal, "afterwards").result == "afterwards"
    assert [interval.what for interval in intervals(journal)] == ["holder", "afterwards"]


@on_one_of_a_kind
def test_dropped_by_key(stage, setup, journal, gate):
    stage.run(setup, slots=3)
    first = tasks_concurrency.one_of_the_key_or_none(journal, "a", gate, 1)
    wait_for_notes(f"{journal}.begun")
    dropped, other = tasks_concurrency.one_of_the_key_or_none.parallelize(
        [(journal, "a", gate, 2), (journal, "b", gate)]
    )
    assert dropped.wait() is InvocationStatus.CONCURRENCY_CONTROLLED_FINAL
    open_gate(gate)
    assert [first.result, other.result] == ["a", "b"]


@everywhere
@SUBMISSIONS
def test_retries_take_their_turn(stage, setup, journal, in_batches):
    stage.run(setup, slots=3)
    calls = [(journal, f"call-{i}") for i in range(5)]
    retried = submit(tasks_concurrency.one_of_the_task_with_a_retry, calls, in_batches=in_batches)
    assert [call.result for call in retried] == [f"call-{i}" for i in range(5)]
    assert set(Counter(interval.what for interval in intervals(journal)).values()) == {2}
    assert not overlapping(intervals(journal))
    for call in retried:
        walk = names(call)
        assert walk.count("RETRY") == 1
        assert walk.count("CONCURRENCY_CONTROLLED") <= 2 * len(calls), "overtaken by each attempt at most, no hot loop"


@everywhere
def test_one_that_ran_before_is_never_dropped(stage, setup, journal, tmp_path):
    stage.run(setup, slots=3)
    first_gate, second_gate = str(tmp_path / "first"), str(tmp_path / "second")
    retried = tasks_concurrency.one_or_none_with_a_retry(journal, "retried", first_gate)
    wait_for_notes(f"{journal}.begun")
    open_gate(first_gate)
    # Between its attempts others of the scope may come; they are dropped or run, it does both.
    others = [tasks_concurrency.one_or_none_with_a_retry(journal, f"other-{i}", second_gate) for i in range(5)]
    open_gate(second_gate)
    assert retried.result == "retried"
    for other in others:
        assert other.wait().is_final()
        if other.status is InvocationStatus.CONCURRENCY_CONTROLLED_FINAL:
            assert names(other) == ["REGISTERED", "CONCURRENCY_CONTROLLED_FINAL"]
    assert not overlapping(intervals(journal))


@on_one_of_a_kind
def test_coroutines(stage, setup, journal):
    stage.run(setup, slots=2)
    calls = tasks_concurrency.one_coroutine_of_the_task.parallelize([(journal, f"call-{i}") for i in range(6)])
    assert calls.ordered_results == [f"call-{i}" for i in range(6)]
    assert not overlapping(intervals(journal))


@everywhere
@pytest.mark.parametrize("slots", [1, 3])
def test_recursion_inside_a_scope(stage, setup, slots):
    stage.run(setup, slots=slots)
    n = 4 if setup.runner == "ProcessRunner" else 7
    assert tasks_concurrency.recursive_in_its_scope(n).result == {4: 3, 7: 13}[n]


@everywhere
@pytest.mark.parametrize("slots", [1, 3])
def test_a_descendant_of_the_holder_is_never_dropped(stage, setup, journal, slots):
    app = stage.run(setup, slots=slots)
    assert tasks_concurrency.recursive_or_none(4).result == 4
    assert tasks_concurrency.has_children_before_it_waits(journal, 2).result == 4
    assert sorted(notes(journal)) == ["0"] * 4 + ["1"] * 2 + ["2"]
    assert not app.orchestrator.count_invocations(statuses=[InvocationStatus.CONCURRENCY_CONTROLLED_FINAL])


@on_one_of_a_kind
def test_a_scope_is_held_while_its_holder_waits(stage, setup, journal, gate):
    stage.run(setup, slots=2)
    first = tasks_concurrency.holds_its_scope_while_it_waits(journal, "first", gate)
    wait_for_status(first, InvocationStatus.PAUSED)
    second = tasks_concurrency.holds_its_scope_while_it_waits(journal, "second", gate)
    wait_for_status(second, InvocationStatus.CONCURRENCY_CONTROLLED)
    open_gate(gate)
    assert [first.result, second.result] == ["through", "through"]
    assert not overlapping(intervals(journal))


@pytest.mark.parametrize("setup", STAYING, ids=str)
def test_a_line_of_many(stage, setup, journal):
    stage.run(setup, slots=3)
    calls = tasks_concurrency.one_of_the_task.parallelize([(journal, str(i)) for i in range(150)])
    assert calls.ordered_results == [str(i) for i in range(150)]
    assert not overlapping(intervals(journal))
    blocked = sum(names(call).count("CONCURRENCY_CONTROLLED") for call in calls)
    assert blocked <= 2 * 150, "a line, and no crowd that pushes for ever"
