"""What ends in an odd way, and code that changes: a workflow that runs again comes to the same."""

import math
import time

import pytest
import tasks_replaying
from gates_and_notes import DEADLINE_SECONDS, note, notes
from stage import PLAIN, SETUPS, THREADS

from pynenc.engine.retention import purge_expired
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until
from pynenc.workflow import WorkflowAccessError, WorkflowError

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


@everywhere
def test_questions_come_and_go(shared_app, journal):
    invocation = tasks_replaying.asking_new_questions(journal)
    assert invocation.result == [True, True]
    marks = shared_app.workflows.history(invocation.invocation_id, after=-(1 << 62))
    assert sorted(each.name for each in marks) == ["a", "b", "c", "d"]


def test_an_owner_whose_record_is_refused_says_so(stage, journal, monkeypatch):
    app = stage.run("memory-thread")
    monkeypatch.setattr(app.engine.state, "append_log", lambda *_: False)
    invocation = tasks_replaying.asking_new_questions(journal)
    with pytest.raises(WorkflowError, match="has no room for patch"):
        _ = invocation.result
    assert invocation.status is InvocationStatus.FAILED


# --- steps that end in other ways -------------------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize(("how", "noted"), [("exit", "exits"), ("what cannot be recorded", "made")])
def test_any_end_of_a_step_repeats(shared_app, journal, how, noted):
    invocation = tasks_replaying.odd_ends(journal, how)
    assert invocation.result == "compensate done"
    assert [notes(journal).count(each) for each in (noted, "compensate", "attempt")] == [1, 1, 3]


@everywhere
def test_a_step_that_was_cancelled_is_so_again(shared_app, journal):
    assert tasks_replaying.timed_step(journal).result == "fallback done"
    assert [notes(journal).count(each) for each in ("slow", "fallback", "attempt")] == [1, 1, 3]


# --- failures that end an attempt -------------------------------------------------------------------------------------


@everywhere
def test_a_failure_that_ends_the_attempt_is_tried_again_whatever_came_after_it(shared_app, journal):
    invocation = tasks_replaying.busy_on_its_way_out(journal, "", 2)
    assert invocation.result == "shaky done"
    assert notes(journal) == ["shaky"] * 3
    assert [each.kind for each in shared_app.workflows.history(invocation.invocation_id)] == ["step", "set_data"]


@on_one_of_a_kind
def test_also_when_the_workflow_is_resumed(shared_app, journal):
    invocation = tasks_replaying.busy_on_its_way_out(journal, "another", 1)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    resumed = shared_app.workflows.resume(invocation.invocation_id)
    assert resumed.result == "shaky done"
    assert notes(journal) == ["shaky", "compensate", "shaky"]


@on_one_of_a_kind
@pytest.mark.parametrize("task", ["gathering", "grouping"])
def test_what_ran_beside_it_is_kept_unless_it_ended_with_it(shared_app, journal, task):
    invocation = getattr(tasks_replaying, task)(journal)
    assert sorted(invocation.result) == ["beside done", "shaky done"]
    assert sorted(notes(journal)) == ["beside", "shaky", "shaky"]


@on_one_of_a_kind
def test_a_sub_task_that_ended_the_workflow_is_run_again_when_it_is_resumed(shared_app, journal):
    invocation = tasks_replaying.child_on_its_way_out(journal)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    resumed = shared_app.workflows.resume(invocation.invocation_id)
    assert resumed.result == "shaky done"


# --- time-outs --------------------------------------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize("task", ["impatient", "impatient_coroutine"])
def test_a_time_out_that_was_dealt_with_repeats(shared_app, journal, gate, task):
    arguments = (journal, gate, True) if task == "impatient" else (journal, gate)
    invocation = getattr(tasks_replaying, task)(*arguments)
    assert invocation.result == "fallback done"
    assert notes(journal).count("fallback") == 1
    assert [each.kind for each in shared_app.workflows.history(invocation.invocation_id)] == ["task", "timeout", "step"]


@on_one_of_a_kind
def test_a_time_out_that_ended_the_attempt_does_not(shared_app, journal, gate):
    assert tasks_replaying.impatient(journal, gate, caught=False).result == "in time"
    assert notes(journal) == ["late"]


# --- resuming ---------------------------------------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize("kind", ["task", "flow", "deep"])
def test_sub_tasks_go_on_with_their_records(shared_app, journal, kind):
    invocation = tasks_replaying.whole(journal, kind)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    once = shared_app.workflows.resume(invocation.invocation_id)
    assert once.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    note(journal, "ready")
    again = shared_app.workflows.resume(invocation.invocation_id)
    assert again.result == "ready"
    charges = ["charge whole", "charge part", *(["charge middle"] if kind == "deep" else [])]
    assert [notes(journal).count(each) for each in charges] == [1] * len(charges)
    [below] = shared_app.state_backend.get_child_invocations(again.invocation_id)
    assert shared_app.get_invocation(below).status is InvocationStatus.SUCCESS


@on_one_of_a_kind
@pytest.mark.parametrize("waits", [True, False])
def test_a_sub_workflow_that_was_resumed_by_itself_is_joined(shared_app, journal, waits):
    invocation = tasks_replaying.whole(journal, "flow")
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.FAILED
    [child] = shared_app.state_backend.get_child_invocations(invocation.invocation_id)
    note(journal, "ready")
    own = shared_app.workflows.resume(child)
    if waits:
        assert own.result == "ready"
    assert shared_app.workflows.resume(invocation.invocation_id).result == "ready"
    assert [notes(journal).count(each) for each in ("charge part", "needs")] == [1, 2]
    assert shared_app.workflows.get(child).times_resumed == 1


# --- keeping ----------------------------------------------------------------------------------------------------------


def left(invocation):
    wait_until(
        lambda: invocation.status is InvocationStatus.REROUTED and invocation.record.not_before is not None,
        DEADLINE_SECONDS,
        "it to sleep",
    )


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_what_a_living_workflow_may_ask_for_is_kept(stage, setup):
    app = stage.run(setup, slots=2)
    assert tasks_replaying.cached(21).result == 42
    user = tasks_replaying.uses_cached(1000)
    left(user)
    [operation, _] = app.workflows.history(user.invocation_id)
    call = app.get_invocation(operation.value)
    root = tasks_replaying.outlived(1000)
    member = app.get_invocation(root.result)
    left(member)
    tasks_replaying.cached(1).wait(DEADLINE_SECONDS)
    wait_until(lambda: purge_expired(app.engine, -1.0), DEADLINE_SECONDS, "something to be old")
    assert call.result == 42
    assert app.workflows.data(root.invocation_id) == {"first": 1, "second": 2}
    for each in (user, member):
        each.cancel()
    assert purge_expired(app.engine, -1.0) == 4


def test_sync_mode(stage, journal):
    stage.build("memory-thread", dev_mode_force_sync_tasks=True)
    assert tasks_replaying.busy_on_its_way_out(journal, "", 2).result == "shaky done"
    assert tasks_replaying.odd_ends(journal, "exit").result == "compensate done"
    assert [notes(journal).count(each) for each in ("shaky", "exits", "compensate")] == [3, 1, 1]
    with pytest.raises(WorkflowAccessError, match="to_thread"):
        _ = tasks_replaying.random_on_the_loop().result


# --- what is refused --------------------------------------------------------------------------------------------------


@on_one_of_a_kind
@pytest.mark.parametrize(
    ("what", "value", "error", "match"),
    [
        *((what, 5, TypeError, "must be text, and not 5") for what in ("key", "key read", "step", "patch", "event")),
        ("patch", None, TypeError, "must be text, and not None"),
        ("function", 5, TypeError, "needs a function"),
        ("sleep", "soon", TypeError, "number of seconds, and not 'soon'"),
        ("sleep", None, TypeError, "number of seconds, and not None"),
        ("sleep", math.nan, ValueError, "at most"),
        ("sleep", math.inf, ValueError, "at most"),
        ("timeout", "later", TypeError, "number of seconds, and not 'later'"),
        ("async", None, TypeError, "asyncio.run"),
        ("foreign", None, WorkflowError, "belongs to app 'tests'"),
        ("transactional", None, WorkflowAccessError, "inside of step 'tell'"),
    ],
)
def test_mistakes_are_refused_before_anything_is_recorded(shared_app, what, value, error, match):
    invocation = tasks_replaying.misused(what, value)
    with pytest.raises(error, match=match):
        _ = invocation.result
    assert shared_app.workflows.history(invocation.invocation_id) == []
    assert len(shared_app.workflows.tree(invocation.invocation_id)) == 1


@on_one_of_a_kind
def test_looking_at_the_clock_does_not_move_it(shared_app):
    began = time.time()
    assert tasks_replaying.looking(50).result <= time.time() - began + 0.001
