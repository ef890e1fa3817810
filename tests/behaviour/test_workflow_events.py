"""Workflows that wait for events: which they are given, and what they hold meanwhile."""

import json

import pytest
import tasks_workflows
from click.testing import CliRunner
from gates_and_notes import DEADLINE_SECONDS, notes, wait_for_notes
from stage import PLAIN, SETUPS, names, wait_for_status, wait_until_ended
from tasks_workflows import ShakyError

from pynenc.cli.main import cli
from pynenc.engine.retention import purge_expired
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until
from pynenc.trigger import Event
from pynenc.workflow import WorkflowError, WorkflowMismatchError, WorkflowTimeoutError

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


def emit(app, order, amount=1, code="paid"):
    return app.trigger.emit_event(code, {"order": order, "amount": amount})


def asleep(invocation):
    """It has left its worker."""
    wait_for_status(invocation, InvocationStatus.REROUTED)


@everywhere
@pytest.mark.parametrize("kind", ["dictionary", "function", "lambda"])
def test_an_event_brings_it_back(shared_app, journal, kind):
    invocation = tasks_workflows.waiting_for(journal, kind, 7, 1)
    asleep(invocation)
    emit(shared_app, 6, 5)
    emit(shared_app, 7, 500)
    assert invocation.result == [{"order": 7, "amount": 500}]
    if kind != "lambda":
        # What it does not want does not wake it.
        assert notes(journal).count("began") == 2
        assert names(invocation) == ["REGISTERED", "PENDING", "RUNNING", "REROUTED", "PENDING", "RUNNING", "SUCCESS"]
    assert invocation.num_retries == invocation.record.recoveries == 0
    assert shared_app.engine.backend.trigger.waiter_of(invocation.invocation_id) is None


@everywhere
def test_each_is_given_once_and_repeats_in_a_replay(shared_app, journal):
    invocation = tasks_workflows.waiting_for(journal, "nothing", None, 3)
    asleep(invocation)
    for order in (1, 2, 3):
        emit(shared_app, order)
    assert [each["order"] for each in invocation.result] == [1, 2, 3]
    assert notes(journal).count("came") == 2
    [first, *_] = [e for e in shared_app.workflows.history(invocation.invocation_id) if e.kind == "event"]
    assert isinstance(first.value, Event)
    assert (first.value.event_code, first.value.payload) == ("paid", {"order": 1, "amount": 1})


@on_one_of_a_kind
def test_what_came_before_the_wait_counts_in_any_order(shared_app, journal):
    shared_app.trigger.emit_event("stage", {"name": "first"})
    invocation = tasks_workflows.out_of_order(journal)
    wait_for_notes(journal)
    shared_app.trigger.emit_event("stage", {"name": "first"})
    shared_app.trigger.emit_event("stage", {"name": "second"})
    assert invocation.result == ["second", "first"]
    events = [e.value for e in shared_app.workflows.history(invocation.invocation_id) if e.kind == "event"]
    in_log = [e.position for e in shared_app.trigger.get_events(event_code="stage", limit=1000)][-3:]
    assert [event.position for event in events] == [in_log[2], in_log[1]], "what was there before it began is not its"


@on_one_of_a_kind
def test_everybody_gets_it(shared_app, journal):
    invocations = [tasks_workflows.waiting_for(journal, "dictionary", "all", 1) for _ in range(3)]
    for each in invocations:
        asleep(each)
    emit(shared_app, "all")
    assert [each.result for each in invocations] == [[{"order": "all", "amount": 1}]] * 3


@everywhere
def test_a_time_out_repeats(shared_app, journal):
    invocation = tasks_workflows.impatient(journal, 0.2)
    assert invocation.result == ["late done", "never", 1]
    assert notes(journal) == ["late", "attempt", "attempt"]
    kinds = [(e.kind, e.failed) for e in shared_app.workflows.history(invocation.invocation_id)]
    assert kinds == [("wait_event", False), ("event", True), ("step", False)]


@on_one_of_a_kind
def test_a_time_out_that_ends_it_is_waited_for_again_when_it_is_resumed(shared_app, journal):
    invocation = tasks_workflows.strict(journal, 0.1)
    with pytest.raises(WorkflowTimeoutError, match="waited for an event 'approved'"):
        _ = invocation.result
    wait_until_ended(shared_app)
    shared_app.trigger.emit_event("approved", {"late": True})
    assert shared_app.workflows.resume(invocation.invocation_id).result == {"late": True}


@everywhere
def test_coroutines(shared_app, journal):
    invocation = tasks_workflows.waiting_coroutine(journal)
    asleep(invocation)
    emit(shared_app, 1)
    assert invocation.result == {"order": 1, "amount": 1}


@everywhere
def test_events_of_sub_tasks(shared_app, journal):
    assert tasks_workflows.emitting(journal).result == 5


@on_one_of_a_kind
def test_a_filter_that_fails_fails_the_attempt(shared_app, journal):
    invocation = tasks_workflows.waiting_for(journal, "broken", None, 1)
    asleep(invocation)
    emit(shared_app, 1)
    with pytest.raises(ShakyError, match="order"):
        _ = invocation.result
    assert invocation.num_retries == 1


@on_one_of_a_kind
def test_cancelled_at_once(shared_app, journal):
    invocation = tasks_workflows.waiting_for(journal, "dictionary", "nobody", 1)
    asleep(invocation)
    trigger = shared_app.engine.backend.trigger
    assert trigger.waiter_of(invocation.invocation_id) is not None
    assert invocation.cancel() is InvocationStatus.CANCELLED
    assert trigger.waiter_of(invocation.invocation_id) is None
    resumed = shared_app.workflows.resume(invocation.invocation_id)
    asleep(resumed)
    emit(shared_app, "nobody")
    assert resumed.result == [{"order": "nobody", "amount": 1}]


@on_one_of_a_kind
def test_code_that_waits_for_something_else_is_found(shared_app, journal, monkeypatch):
    invocation = tasks_workflows.changing(journal, "event")
    with pytest.raises(WorkflowMismatchError) as caught:
        _ = invocation.result
    assert caught.value.recorded == "a wait for event 'a'"
    assert caught.value.found == "a wait for event 'b'"


# --- on a stage of its own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread"])
def test_of_many_only_those_that_want_it_are_woken(stage, setup, journal):
    app = stage.run(setup, slots=2)
    waiting = [tasks_workflows.waiting_for(journal, "dictionary", number, 1) for number in range(300)]
    trigger = app.engine.backend.trigger
    wait_until(lambda: len(trigger.waiters(["event:paid"])) == 300, DEADLINE_SECONDS, "all to wait")
    for number in (17, 250):
        emit(app, number)
        assert waiting[number].result == [{"order": number, "amount": 1}]
    assert notes(journal).count("began") == 302
    for each in waiting:
        each.cancel()
    assert trigger.waiters(["event:paid"]) == []


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread", "memory-but-sqlite-values"])
def test_waits_go_with_their_invocations(stage, setup, journal):
    app = stage.run(setup, slots=1)
    invocation = tasks_workflows.strict(journal, 1000)
    asleep(invocation)
    trigger = app.engine.backend.trigger
    [waiter] = trigger.waiters(["event:approved"])
    invocation.cancel()
    # As a store could have it that died between its products.
    trigger.add_waiters([waiter])
    wait_until(lambda: purge_expired(app.engine, -1.0), DEADLINE_SECONDS, "it to be old")
    assert trigger.waiter_of(invocation.invocation_id) is None


def test_sync_mode(stage, journal):
    app = stage.build("memory-thread", dev_mode_force_sync_tasks=True)
    emit(app, 5)
    assert tasks_workflows.emitting(journal).result == 5
    assert tasks_workflows.impatient(journal, 1000).result == ["late done", "never", 1]
    with pytest.raises(WorkflowError, match="would wait for ever: in sync mode"):
        _ = tasks_workflows.waiting_for(journal, "dictionary", 5, 1).result


def test_command_line(stage, journal, monkeypatch):
    app = stage.run("memory-thread", slots=1)
    invocation = tasks_workflows.waiting_for(journal, "dictionary", 7, 1)
    asleep(invocation)
    monkeypatch.setattr("pynenc.cli.workflows.readable_app", lambda _ctx: (app, None))

    def shown():
        return json.loads(CliRunner().invoke(cli, ["workflows", "show", invocation.invocation_id, "--json"]).output)

    assert [(e["kind"], e["name"], e["value"]) for e in shown()["operations"]] == [("wait_event", "paid", None)]
    emit(app, 7)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.SUCCESS
    assert [e["kind"] for e in shown()["operations"]] == ["wait_event", "event"]
