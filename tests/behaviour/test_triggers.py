"""Tasks that start when something happens: once for each time it does."""

import json
import signal

import pytest
import tasks_schedule
import tasks_triggers
from gates_and_notes import DEADLINE_SECONDS, notes, open_gate, wait_for_notes
from stage import PLAIN, SETUPS, wait_until_ended

from pynenc.testing import wait_until
from pynenc.trigger import on_status

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")


def settled(app):
    """Nothing is left to evaluate, and nothing to run."""
    trigger = app.engine.backend.trigger
    wait_until(lambda: not trigger.pending(1) and not trigger.unsettled(1), DEADLINE_SECONDS, "the evaluation")
    wait_until_ended(app)


@everywhere
def test_each_success_fires_once(shared_app, journal):
    group = [tasks_triggers.source(journal, n) for n in range(5)]
    assert [invocation.result for invocation in group] == [0, 10, 20, 30, 40]
    settled(shared_app)
    assert sorted(notes(journal)) == [
        *(f"on_both both {n}" for n in (0, 10, 20, 30, 40)),
        *("on_odd result 10", "on_odd result 30"),
        *["on_success SUCCESS"] * 5,
    ]


@everywhere
def test_exceptions_fire_by_their_class(shared_app, journal):
    for kind in ("key", "value", "key"):
        tasks_triggers.failing(journal, kind)
    wait_for_notes(journal, 2)
    settled(shared_app)
    assert notes(journal) == ["on_key_error KeyError"] * 2


@everywhere
def test_events_from_outside_and_inside_of_tasks(shared_app, journal):
    shared_app.trigger.emit_event("plain", {"journal": journal, "number": 7})
    assert wait_for_notes(journal) == ["on_either plain 7"]
    event_id = tasks_triggers.emitting(journal).result
    wait_for_notes(journal, 3)
    settled(shared_app)
    assert sorted(notes(journal)) == ["on_either plain 7", "on_either plain None", "on_either transactional 1"]
    assert event_id in {event.event_id for event in shared_app.trigger.get_events(event_code="transactional")}


@on_one_of_a_kind
def test_a_transactional_event_waits_for_its_tasks_success(shared_app, journal, gate):
    invocation = tasks_triggers.emitting(journal, gate=gate)
    assert wait_for_notes(journal) == ["on_either plain None"]
    open_gate(gate)
    _ = invocation.result
    assert wait_for_notes(journal, 2)[1:] == ["on_either transactional 1"]


@on_one_of_a_kind
def test_a_transactional_event_goes_with_the_attempt_that_failed(shared_app, journal):
    tasks_triggers.emitting(journal, fails=True)
    retried = tasks_triggers.emitting_and_retried(journal)
    _ = retried.result
    settled(shared_app)
    assert sorted(notes(journal)) == ["attempt", "attempt", "on_either plain None"]
    mine = [e for e in shared_app.trigger.get_events(event_code="transactional") if e.payload["journal"] == journal]
    assert [event.payload["number"] for event in mine] == [2], "of the attempt that succeeded"


@everywhere
def test_and_pairs_each_occurrence_once(shared_app, journal):
    def emit(code, number):
        shared_app.trigger.emit_event(code, {"journal": journal, "number": number})

    emit("left", 1)
    emit("left", 2)
    emit("right", 3)
    assert wait_for_notes(journal) == ["on_pair 1 3"]
    emit("middle", 4)
    wait_for_notes(journal, 3)
    emit("right", 5)
    settled(shared_app)
    assert sorted(notes(journal)) == ["on_pair 1 3", "on_pair 2 4", "on_pair middle 4"]
    emit("left", 6)
    assert wait_for_notes(journal, 4)[3:] == ["on_pair 6 5"]
    settled(shared_app)


@on_one_of_a_kind
def test_what_caused_a_firing_can_be_asked(shared_app, journal):
    invocation = tasks_triggers.failing(journal, "key")
    wait_for_notes(journal)
    [firing] = shared_app.trigger.get_firings(limit=1)
    assert json.loads(firing.causes) == [
        ["tasks_triggers.failing fails with KeyError", f"{invocation.invocation_id}#1#failed"]
    ]
    assert shared_app.get_invocation(firing.invocation_id).task_id.key == "tasks_triggers.on_key_error"


@on_one_of_a_kind
@pytest.mark.parametrize(("code", "error"), [("bad-filter", "RuntimeError: 5"), ("bad-arguments", "TypeError")])
def test_what_user_code_raises_is_recorded_and_stops_nobody(shared_app, journal, code, error):
    shared_app.trigger.emit_event(code, {"number": 5})
    shared_app.trigger.emit_event("plain", {"journal": journal, "number": 5})
    wait_for_notes(journal)
    failed = [firing for firing in shared_app.trigger.get_firings() if firing.error]
    assert failed[0].error.startswith(error)
    assert failed[0].invocation_id is None


def test_events_before_the_first_runner_are_not_lost(stage, journal):
    app = stage.build("sqlite-thread")
    app.trigger.emit_event("plain", {"journal": journal, "number": 1})
    stage.start(app)
    assert wait_for_notes(journal) == ["on_either plain 1"]


def test_a_schedule_fires_once_for_each_time_and_not_at_the_start(stage):
    app = stage.build("sqlite-thread", slots=2, trigger_task_modules=["tasks_schedule"])
    stage.adopt(app, tasks_schedule)
    stage.start(app)
    second = stage.start_process(app)
    name = "tasks_schedule.each_second"

    def fired():
        return [firing for firing in app.trigger.get_firings() if firing.task_id == name]

    wait_until(lambda: len(fired()) >= 2, DEADLINE_SECONDS, "two seconds of the schedule")
    second.send(signal.SIGKILL)
    wait_until(lambda: len(fired()) >= 4, DEADLINE_SECONDS, "two more")
    times = [json.loads(firing.causes)[0][1] for firing in fired()]
    assert len(times) == len(set(times))
    assert all(float(time.rpartition(":")[2]).is_integer() for time in times)
    assert {firing.error for firing in fired()} == {None}
    stage.leaves_unfinished = True


def test_changed_and_vanished_triggers_go_at_the_next_start(stage, monkeypatch):
    app = stage.build("memory-thread")
    runner = stage.start(app)
    stored = {each.task_id: each.definition_id for each in app.trigger.get_triggers()}
    assert "tasks_triggers.on_odd" in stored
    runner.stop()
    changed = on_status(tasks_triggers.source, "failed").build("tasks_triggers.on_success")
    monkeypatch.setattr(tasks_triggers.on_success, "triggers", [changed])
    monkeypatch.setattr(tasks_triggers.on_odd, "triggers", [])
    stage.start(app)
    after = {each.task_id: each.definition_id for each in app.trigger.get_triggers()}
    assert "tasks_triggers.on_odd" not in after
    assert after["tasks_triggers.on_success"] != stored["tasks_triggers.on_success"]
    assert after["tasks_triggers.on_either"] == stored["tasks_triggers.on_either"]


def test_nothing_fires_in_sync_mode(stage, journal):
    app = stage.build("memory-thread", dev_mode_force_sync_tasks=True)
    assert tasks_triggers.source(journal, 1).result == 10
    assert app.trigger.emit_event("plain", {"journal": journal})
    assert app.trigger.get_events() == []
    assert notes(journal) == []
