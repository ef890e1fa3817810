"""Workflows on every runner and product: what is recorded repeats, what ended is not run again."""

import pytest
import tasks_workflows
from stage import PLAIN, SETUPS, names
from gates_and_notes import notes

from pynenc.workflow import WorkflowAccessError, WorkflowMismatchError

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
