"""Waits that would never end are refused, with an error that names the calls; what only looks like one is not."""

import pytest
import tasks_cycles
from gates_and_notes import note, notes, open_gate, wait_for_notes
from stage import PLAIN, SETUPS, STAYING, wait_for_status

from pynenc.exceptions import CycleDetectedError
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until

everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
on_one_of_a_kind = pytest.mark.parametrize("setup", PLAIN, ids=str)


@everywhere
@pytest.mark.parametrize("task", [tasks_cycles.calls_itself, tasks_cycles.calls_itself_async], ids=["sync", "async"])
def test_a_call_that_waits_for_the_same_call(stage, setup, task):
    app = stage.run(setup, slots=1)
    invocation = task(1)
    with pytest.raises(CycleDetectedError, match=task.key) as caught:
        _ = invocation.result
    assert set(caught.value.call_ids) == {invocation.call_id.key}
    if not task.is_async:
        # One slot, so that the second has not started when it is waited for. Coroutines may have gone on.
        assert app.orchestrator.count_invocations() == 2, "it is refused at the first step round"


@everywhere
def test_a_circle_of_two_tasks(stage, setup):
    app = stage.run(setup, slots=1)
    invocation = tasks_cycles.ping(1)
    with pytest.raises(CycleDetectedError, match=r"ping.*pong.*ping") as caught:
        _ = invocation.result
    assert caught.value.call_ids[0] == caught.value.call_ids[-1]
    assert {call.split(":")[0] for call in caught.value.call_ids} == {"tasks_cycles.ping", "tasks_cycles.pong"}
    assert app.orchestrator.count_invocations() == 3


@on_one_of_a_kind
def test_recursion_with_other_arguments_is_no_circle(stage, setup):
    stage.run(setup, slots=1)
    assert tasks_cycles.counts_down(5).result == 0


@everywhere
def test_two_that_wait_for_each_other(stage, setup, tmp_path, gate):
    stage.run(setup, slots=2)
    first = tasks_cycles.waits_for_the_id_in(str(tmp_path / "second"), gate)
    second = tasks_cycles.waits_for_the_id_in(str(tmp_path / "first"), gate)
    note(tmp_path / "first", first.invocation_id)
    note(tmp_path / "second", second.invocation_id)
    open_gate(gate)
    for invocation in (first, second):
        with pytest.raises(CycleDetectedError, match="waits_for_the_id_in"):
            _ = invocation.result


@on_one_of_a_kind
def test_three_of_which_one_catches_the_error(stage, setup, tmp_path, gate):
    stage.run(setup, slots=3)
    files = [str(tmp_path / str(i)) for i in range(3)]
    ring = [tasks_cycles.waits_for_the_id_in(files[1], gate), tasks_cycles.waits_for_the_id_in(files[2], gate)]
    ring.append(tasks_cycles.survives_a_circle(files[0], str(tmp_path / "last")))
    for file, invocation in zip(files, ring, strict=True):
        note(file, invocation.invocation_id)
    open_gate(gate)
    for invocation in ring[:2]:
        wait_for_status(invocation, InvocationStatus.PAUSED)
    open_gate(tmp_path / "last")
    assert [invocation.result for invocation in ring] == ["saw it: 4"] * 3


@on_one_of_a_kind
def test_one_that_waits_for_itself(stage, setup):
    stage.run(setup, slots=1)
    with pytest.raises(CycleDetectedError, match="waits_for_itself"):
        _ = tasks_cycles.waits_for_itself().result


@everywhere
def test_going_on_without_waiting_is_no_circle(stage, setup, journal):
    app = stage.run(setup, slots=1)
    assert tasks_cycles.goes_on_by_itself(journal, 5).result == 5
    wait_for_notes(journal, 6)
    wait_until(lambda: app.orchestrator.count_invocations(statuses=[InvocationStatus.SUCCESS]) == 6, 30, "all six")
    assert notes(journal) == ["5", "4", "3", "2", "1", "0"]


@on_one_of_a_kind
def test_the_same_call_again_without_waiting_is_no_circle(stage, setup, journal):
    app = stage.run(setup, slots=1)
    assert tasks_cycles.same_call_again(journal).result == "done"
    wait_until(lambda: app.orchestrator.count_invocations(statuses=[InvocationStatus.SUCCESS]) == 3, 30, "all three")


@everywhere
def test_a_place_in_line_counts_as_waiting(stage, setup, tmp_path):
    """The holder of a scope waits for one that waits for somebody in the line of that scope."""
    stage.run(setup, slots=3)
    gate, other_gate = str(tmp_path / "gate"), str(tmp_path / "other")
    blocked_until_now = tasks_cycles.waits_for_the_id_in(str(tmp_path / "in-line"), gate)
    holder = tasks_cycles.in_a_scope(gate, blocked_until_now)
    wait_for_status(holder, InvocationStatus.RUNNING)
    in_line = tasks_cycles.in_a_scope(other_gate)
    wait_for_status(in_line, InvocationStatus.CONCURRENCY_CONTROLLED)
    note(tmp_path / "in-line", in_line.invocation_id)
    open_gate(gate)
    open_gate(other_gate)
    ended = [invocation.wait() for invocation in (holder, blocked_until_now, in_line)]
    if ended[0] is InvocationStatus.SUCCESS:
        # The token passed down to the one in line, which the holder waits for by way of another: no circle at all.
        assert ended == [InvocationStatus.SUCCESS] * 3
    else:
        assert ended == [InvocationStatus.FAILED, InvocationStatus.FAILED, InvocationStatus.SUCCESS]
        with pytest.raises(CycleDetectedError):
            _ = holder.result


@pytest.mark.parametrize("setup", STAYING, ids=str)
def test_without_control_a_circle_goes_on(stage, setup):
    """Until somebody ends it: nobody looks for circles here."""
    app = stage.run(setup, slots=1, cycle_control=False, stop_grace_seconds=0.2)
    stage.leaves_unfinished = True
    invocation = tasks_cycles.calls_itself(1)
    wait_until(lambda: app.orchestrator.count_invocations() > 20, 30, "twenty rounds")
    assert invocation.status is InvocationStatus.PAUSED
