"""Workflows on every runner and product: what is recorded repeats, what ended is not run again."""

import json

import pytest
import tasks_workflows
from click.testing import CliRunner
from gates_and_notes import DEADLINE_SECONDS, note, notes, open_gate, wait_for_notes
from stage import PLAIN, SETUPS, THREADS, names, wait_for_status, wait_until_ended

from pynenc.cli.main import cli
from pynenc.engine.retention import purge_expired
from pynenc.exceptions import InvocationNotFoundError
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until
from pynenc.workflow import DeterministicExecutor, WorkflowAccessError, WorkflowError, WorkflowMismatchError

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


@everywhere
def test_every_operation_repeats(shared_app, journal):
    invocation = tasks_workflows.every_operation(journal, failures=2)
    values = invocation.result
    written = notes(journal)
    assert [written.count(each) for each in ("attempt", "effect", "nothing", "doubled 21")] == [3, 1, 1, 1]
    assert len({each for each in written if each.startswith("{")}) == 1, "every attempt saw the same values"
    assert values["random"][0] != values["random"][1]
    assert values["times"][0] < values["times"][1]
    assert (values["before"], values["after"], values["none"]) == ("default", {"answer": 42}, None)
    assert values["child"][1] == 42
    assert names(invocation).count("RETRY") == 2
    [child] = shared_app.state_backend.get_child_invocations(invocation.invocation_id)
    assert child == values["child"][0]


@everywhere
def test_a_step_whose_failure_ends_the_attempt_is_tried_again(shared_app, journal):
    assert tasks_workflows.shaky_step(journal).result == "shaky done"
    assert notes(journal) == ["shaky"] * 3


@everywhere
def test_failures_that_were_dealt_with_repeat(shared_app, journal):
    assert tasks_workflows.compensated(journal).result == ["undo done", "undo no done"]
    assert notes(journal) == ["shaky", "undo", "refused no", "undo no", "attempt", "attempt"]


@everywhere
def test_sleeping_leaves_the_worker(shared_app, journal):
    invocation = tasks_workflows.sleeper(journal, 0.3)
    assert invocation.result == ["before done", "after done"]
    assert notes(journal) == ["before", "left", "left", "after"]
    assert names(invocation) == ["REGISTERED", "PENDING", "RUNNING", "REROUTED", "PENDING", "RUNNING", "SUCCESS"]
    assert invocation.num_retries == 0


@on_one_of_a_kind
def test_code_cannot_keep_what_is_to_leave(shared_app, journal):
    assert tasks_workflows.stubborn_sleeper(journal, 0.1).result == "right"
    assert notes(journal) == ["caught"]


@everywhere
def test_coroutines(shared_app, journal):
    values = tasks_workflows.coroutine(journal, 0.1).result
    assert values["steps"] == ["a done", "b done"]
    assert values["child"] == 8
    assert sorted(notes(journal)) == ["a", "b", "doubled 4"]


@on_one_of_a_kind
def test_operations_would_block_the_event_loop(shared_app):
    with pytest.raises(WorkflowAccessError, match="to_thread"):
        _ = tasks_workflows.on_the_loop().result


@on_one_of_a_kind
@pytest.mark.parametrize(
    ("what", "recorded", "found"),
    [
        ("operation", "random()", "uuid()"),
        ("task", "a call of task tasks_workflows.doubled", "a call of task tasks_workflows.refused"),
        ("argument", "a call of task tasks_workflows.doubled", "a call of task tasks_workflows.doubled"),
        ("step", "step 'a'", "step 'b'"),
        ("end", "random()", "the end of the code"),
        ("swallowed", "random()", "uuid()"),
    ],
)
def test_code_that_does_something_else_is_found(shared_app, journal, what, recorded, found):
    invocation = tasks_workflows.changing(journal, what)
    with pytest.raises(WorkflowMismatchError) as caught:
        _ = invocation.result
    assert (caught.value.log_id, caught.value.position) == (invocation.invocation_id, 2 if what == "end" else 1)
    assert caught.value.recorded.startswith(recorded)
    assert caught.value.found.startswith(found)


@on_one_of_a_kind
def test_patched_code_goes_on_as_it_began(shared_app, journal):
    assert tasks_workflows.changing(journal, "guarded").result == 2


@on_one_of_a_kind
def test_operations_inside_of_a_step_are_refused(shared_app, journal):
    with pytest.raises(WorkflowAccessError, match="inside of step 'outer'"):
        _ = tasks_workflows.nested_step(journal).result


@on_one_of_a_kind
def test_the_root_is_the_root(shared_app):
    with pytest.raises(WorkflowAccessError, match="the root of its workflow is"):
        _ = tasks_workflows.with_member().result


@on_one_of_a_kind
def test_members_share_data_and_have_values_of_their_own(shared_app):
    theirs, again, written, own = tasks_workflows.sharing().result
    assert theirs[0] == again[0] == [1, 2]
    assert written == "shared"
    assert len({theirs[1], again[1], own}) == 3


@on_one_of_a_kind
def test_nothing_outside_of_tasks(shared_app):
    with pytest.raises(WorkflowAccessError, match="no task of app 'tests' is running"):
        tasks_workflows.sharing.wf.random()


# --- leaving the stack ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_a_workflow_that_waits_long_leaves_its_thread(stage, setup, journal, gate):
    # To leave it, too, takes a slot, for the code's last words; the child has one.
    app = stage.run(setup, slots=2, workflow_stack_seconds=0.05)
    invocation = tasks_workflows.family(gate, journal)
    wait_until(lambda: names(invocation).count("REROUTED") == 1, DEADLINE_SECONDS, "the root to leave its thread")
    [child] = app.state_backend.get_child_invocations(invocation.invocation_id)
    below = app.get_invocation(child)
    wait_until(lambda: names(below).count("REROUTED") == 1, DEADLINE_SECONDS, "its child to leave its thread")
    assert names(invocation)[-3:] == ["PAUSED", "RESUMED", "REROUTED"]
    open_gate(gate)
    assert invocation.result == "passed"
    assert notes(journal).count("gated") == 1
    assert invocation.record.recoveries == 0


def test_calls_that_are_in_no_record_keep_the_stack(stage, journal, gate):
    stage.run("memory-thread", slots=4, workflow_stack_seconds=0.02)
    invocation = tasks_workflows.patient_with_plain_call(gate, journal)
    other = tasks_workflows.patient(gate, journal)
    wait_until(lambda: names(other).count("REROUTED") == 1, DEADLINE_SECONDS, "the other to leave its thread")
    assert "REROUTED" not in names(invocation)
    open_gate(gate)
    assert invocation.result == other.result == "passed"
    assert notes(journal).count("doubled 1") == 1


# --- cancelling -------------------------------------------------------------------------------------------------------


# Who is told that it is cancelled needs a slot for it, and the child has one.
@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_cancelling_goes_down_the_tree(stage, setup, journal, gate):
    shared_app = stage.run(setup, slots=2)
    invocation = tasks_workflows.family(gate, journal)
    wait_for_notes(journal, 2)
    [child] = shared_app.state_backend.get_child_invocations(invocation.invocation_id)
    [grandchild] = shared_app.state_backend.get_child_invocations(child)
    invocation.cancel()
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    assert shared_app.get_invocation(child).wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    # Its code is in no wait: it was asked, and did not look.
    assert shared_app.get_invocation(grandchild).record.cancel_requested
    open_gate(gate)
    wait_until_ended(shared_app)


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_a_cancelled_workflow_cleans_up(stage, setup, journal, gate):
    shared_app = stage.run(setup, slots=2)
    invocation = tasks_workflows.cleaning_up(gate, journal)
    wait_for_notes(journal)
    invocation.cancel()
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    assert notes(journal) == ["gated", "clean up"]
    kinds = [each.kind for each in shared_app.workflows.history(invocation.invocation_id)]
    assert kinds == ["task", "cancel", "step"]
    open_gate(gate)
    wait_until_ended(shared_app)


@on_one_of_a_kind
def test_a_sleeping_workflow_is_cancelled_at_once(shared_app, journal):
    invocation = tasks_workflows.sleeper(journal, 1000)
    wait_for_status(invocation, InvocationStatus.REROUTED)
    assert invocation.cancel() is InvocationStatus.CANCELLED
    assert notes(journal) == ["before", "left"]


# --- asking and resuming ----------------------------------------------------------------------------------------------


@everywhere
def test_a_failed_workflow_goes_on_where_it_failed(shared_app, journal):
    flag = "flag"
    invocation = tasks_workflows.failing_in_the_middle(journal, flag)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    wait_until_ended(shared_app)
    note(journal, flag)
    resumed = shared_app.workflows.resume(invocation.invocation_id)
    assert resumed.result == ["first done", flag, "10", "last done"]
    assert sorted(notes(journal)) == sorted(["first", "needs flag", "doubled 5", flag, "needs flag", "last"])
    assert invocation.status is InvocationStatus.FAILED
    assert resumed.invocation_id != invocation.invocation_id
    assert resumed.workflow == invocation.workflow
    summary = shared_app.workflows.get(invocation.invocation_id)
    assert (summary.invocation_id, summary.status, summary.times_resumed) == (
        resumed.invocation_id,
        InvocationStatus.SUCCESS,
        1,
    )
    with pytest.raises(WorkflowError, match="is success"):
        shared_app.workflows.resume(invocation.invocation_id)


@on_one_of_a_kind
def test_resuming_again_and_from_a_position(shared_app, journal):
    flag = "flag"
    invocation = tasks_workflows.failing_in_the_middle(journal, flag)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    second = shared_app.workflows.resume(invocation.invocation_id)
    assert second.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    wait_until_ended(shared_app)
    note(journal, flag)
    third = shared_app.workflows.resume(second.invocation_id, again_from=1)
    assert third.result[-1] == "last done"
    assert [notes(journal).count(each) for each in ("first", "needs flag", "doubled 5", "last")] == [2, 3, 2, 1]
    assert shared_app.workflows.get(invocation.invocation_id).times_resumed == 2


@on_one_of_a_kind
def test_only_the_start_of_what_failed_is_resumed(shared_app, journal):
    invocation = tasks_workflows.sleeper(journal, 0)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.SUCCESS
    with pytest.raises(WorkflowError, match="Only what is failed or cancelled goes on"):
        shared_app.workflows.resume(invocation.invocation_id)
    member = tasks_workflows.failing_in_the_middle(journal, "x")
    member.wait(DEADLINE_SECONDS)
    [first, *_] = shared_app.state_backend.get_child_invocations(member.invocation_id)
    with pytest.raises(WorkflowError, match="belongs to workflow"):
        shared_app.workflows.resume(first)


@on_one_of_a_kind
def test_asking(shared_app, journal):
    invocation = tasks_workflows.every_operation(journal, failures=0)
    result = invocation.result
    workflows = shared_app.workflows
    listed = workflows.list("tasks_workflows.every_operation", [InvocationStatus.SUCCESS], limit=1)
    assert [each.workflow_id for each in listed] == [invocation.invocation_id]
    history = workflows.history(invocation.invocation_id)
    assert [each.position for each in history] == list(range(1, len(history) + 1))
    assert [each.kind for each in history][:3] == ["random", "random", "uuid"]
    steps = {each.name: each.value for each in history if each.kind == "step"}
    assert steps == {"effect": "effect done", "nothing": None}
    assert workflows.history(invocation.invocation_id, after=3, limit=2) == history[3:5]
    assert workflows.data(invocation.invocation_id) == {"key": {"answer": 42}}
    tree = [each.invocation_id for each in workflows.tree(invocation.invocation_id)]
    assert tree == [invocation.invocation_id, result["child"][0]]
    with pytest.raises(InvocationNotFoundError, match="belongs to workflow"):
        workflows.get(result["child"][0])


@on_one_of_a_kind
def test_executors_of_one_workflow_agree(shared_app, journal):
    invocation = tasks_workflows.sleeper(journal, 0)
    invocation.wait(DEADLINE_SECONDS)
    first, second = (DeterministicExecutor(invocation.workflow, shared_app) for _ in range(2))
    values = [first.random(), first.uuid(), first.utc_now(), first.utc_now()]
    assert [second.random(), second.uuid(), second.utc_now(), second.utc_now()] == values
    assert (values[3] - values[2]).total_seconds() == 1
    assert first.get_operation_count("time") == 2


# --- keeping and forgetting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread", "memory-but-sqlite-values"])
def test_what_an_unfinished_workflow_may_ask_for_is_kept(stage, setup, journal):
    app = stage.run(setup, slots=1)
    invocation = tasks_workflows.sleeping_after_child(journal, 1000)
    wait_for_status(invocation, InvocationStatus.REROUTED)
    other = tasks_workflows.every_operation(journal, failures=0)
    assert other.wait(DEADLINE_SECONDS) is InvocationStatus.SUCCESS
    wait_until(lambda: purge_expired(app.engine, -1.0), DEADLINE_SECONDS, "something to be old")
    [child] = app.state_backend.get_child_invocations(invocation.invocation_id)
    assert app.get_invocation(child).result == 2
    assert app.workflows.history(invocation.invocation_id)
    assert app.workflows.history(other.invocation_id) == []
    assert app.workflows.data(other.invocation_id) == {}
    invocation.cancel()
    assert purge_expired(app.engine, -1.0) == 2
    assert app.workflows.history(invocation.invocation_id) == []


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread"])
def test_what_a_resumed_workflow_may_ask_for_is_kept(stage, setup, journal):
    app = stage.run(setup, slots=1)
    invocation = tasks_workflows.resumed_and_sleeping(journal)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    resumed = app.workflows.resume(invocation.invocation_id)
    wait_for_status(resumed, InvocationStatus.REROUTED)
    assert purge_expired(app.engine, -1.0) == 0
    resumed.cancel()
    assert purge_expired(app.engine, -1.0) == 3


# --- in this thread ---------------------------------------------------------------------------------------------------


def test_sync_mode(stage, journal):
    stage.build("memory-thread", dev_mode_force_sync_tasks=True)
    values = tasks_workflows.every_operation(journal, failures=2).result
    written = notes(journal)
    assert [written.count(each) for each in ("attempt", "effect", "nothing", "doubled 21")] == [3, 1, 1, 1]
    assert values["after"] == {"answer": 42}
    assert tasks_workflows.compensated(f"{journal}-2").result == ["undo done", "undo no done"]
    assert tasks_workflows.sharing().result[2] == "shared"
    with pytest.raises(WorkflowMismatchError):
        _ = tasks_workflows.changing(f"{journal}-3", "operation").result


def test_sync_mode_does_not_wait(stage, journal):
    stage.build("memory-thread", dev_mode_force_sync_tasks=True)
    assert tasks_workflows.sleeper(journal, 86_400.0).result == ["before done", "after done"]
    assert tasks_workflows.asleep(86_400.0).result >= 86_400


# --- the command line -------------------------------------------------------------------------------------------------


def test_command_line(stage, journal, monkeypatch):
    app = stage.run("memory-thread", slots=1)
    invocation = tasks_workflows.failing_in_the_middle(journal, "flag")
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    wait_until_ended(app)
    monkeypatch.setattr("pynenc.cli.workflows.readable_app", lambda _ctx: (app, None))
    run = CliRunner()
    kind = "tasks_workflows.failing_in_the_middle"
    listed = json.loads(run.invoke(cli, ["workflows", "list", "--type", kind, "--status", "failed", "--json"]).output)
    assert [each["workflow_id"] for each in listed] == [invocation.invocation_id]
    assert "tasks_workflows.failing_in_the_middle" in run.invoke(cli, ["workflows", "list"]).output
    shown = json.loads(run.invoke(cli, ["workflows", "show", invocation.invocation_id, "--json"]).output)
    assert [each["kind"] for each in shown["operations"]] == ["step", "task", "task"]
    assert len(shown["tree"]) == 3
    assert "step       first" in run.invoke(cli, ["workflows", "show", invocation.invocation_id]).output
    note(journal, "flag")
    resumed = run.invoke(cli, ["workflows", "resume", invocation.invocation_id]).output.strip()
    assert app.get_invocation(resumed).result[-1] == "last done"
