"""What comes between the steps of a wait for an event, and who dies there; in one product and in a mixture."""

import threading
from typing import Any

import pytest

from pynenc import Pynenc
from pynenc.engine import event_inbox
from pynenc.engine.context import Running
from pynenc.engine.execution import call, classify
from pynenc.engine.recovery import recover_from
from pynenc.engine.triggers import Triggers
from pynenc.invocation import InvocationStatus
from pynenc.ports.steps import ClaimPlan
from pynenc.ports.trigger import NewOccurrence
from pynenc.testing.apps import installed
from tests.unit.engine import event_tasks

PRODUCTS = {
    "memory": {"product": "Mem"},
    "sqlite": {"product": "SQLite"},
    "mixture": {"product": "Mem", "trigger_cls": "SQLiteTrigger"},
}
WORKER = "worker"


class DiedError(Exception):
    pass


class Alone:
    """Nothing here waits."""

    announces = False


@pytest.fixture(params=list(PRODUCTS))
def app(request, tmp_path):
    kind = dict(PRODUCTS[request.param])
    product = kind.pop("product")
    made = Pynenc(
        {
            "app_id": "events",
            **{f"{part}_cls": f"{product}{name}" for part, name in PARTS.items()},
            "sqlite_db_path": str(tmp_path / "db"),
            "logging_level": "critical",
            **kind,
        }
    )
    with installed(made, event_tasks):
        yield made
    made.close()


PARTS = {
    "orchestrator": "Orchestrator",
    "broker": "Broker",
    "state_backend": "StateBackend",
    "trigger": "Trigger",
    "client_data_store": "ClientDataStore",
}


def claim(app):
    return app.engine.steps.advance((), (), ClaimPlan(WORKER, (), 1, start=1)).claimed


def execute(app, claimed):
    """Run the code of one; its end is not written."""
    engine = app.engine
    alone: Any = Alone()
    running = Running(engine, claimed, engine.find_task(claimed.record.task_id), alone)
    running.thread_ident = threading.get_ident()
    return classify(running, call(running), engine.clock.now())


def turn(app):
    """Run what can be run."""
    for claimed in claim(app):
        app.engine.steps.advance([execute(app, claimed)], (), None)


def emit(app, number):
    app.trigger.emit_event("e", {"n": number})


def evaluate(app):
    Triggers(app.engine).evaluate(10)


def waiter_of(app, invocation):
    return app.engine.backend.trigger.waiter_of(invocation.invocation_id)


@pytest.mark.parametrize("kind", ["dictionary", "lambda"])
def test_an_event_between_the_look_and_the_departure(app, kind):
    invocation = event_tasks.waiting(kind, 7)
    [claimed] = claim(app)
    finish = execute(app, claimed)
    emit(app, 7)
    evaluate(app)
    app.engine.steps.advance([finish], (), None)
    evaluate(app)
    turn(app)
    assert invocation.result == 7
    assert waiter_of(app, invocation) is None


def test_many_others_between_them_wake_nobody(app, monkeypatch):
    monkeypatch.setattr("pynenc.engine.event_waking.PAGE", 3)
    invocation = event_tasks.waiting("dictionary", 7)
    [claimed] = claim(app)
    finish = execute(app, claimed)
    for number in (*range(100, 110), 7, 8):
        emit(app, number)
    evaluate(app)
    app.engine.steps.advance([finish], (), None)
    assert waiter_of(app, invocation).unchecked
    assert claim(app) == []
    evaluate(app)
    turn(app)
    assert invocation.result == 7


def test_who_is_compared_and_wants_none_of_them_sleeps_on(app):
    invocation = event_tasks.waiting("dictionary", 7)
    [claimed] = claim(app)
    finish = execute(app, claimed)
    emit(app, 8)
    evaluate(app)
    app.engine.steps.advance([finish], (), None)
    evaluate(app)
    assert not waiter_of(app, invocation).unchecked
    assert claim(app) == []
    emit(app, 7)
    evaluate(app)
    turn(app)
    assert invocation.result == 7


def woken_before_it_left(app):
    """A workflow whose waiter is committed, and woken, while its departure is not; and how its attempt ends."""
    invocation = event_tasks.waiting("dictionary", 7)
    [claimed] = claim(app)
    finish = execute(app, claimed)
    app.engine.backend.trigger.add_waiters([finish.event_waiter])
    emit(app, 7)
    evaluate(app)
    return invocation, finish


def test_woken_before_the_departure_is_committed(app):
    """In a mixture the waiter is committed first: somebody may wake it whose record says that it is running."""
    invocation, finish = woken_before_it_left(app)
    assert waiter_of(app, invocation).woken_for is not None
    assert invocation.status is InvocationStatus.RUNNING
    app.engine.steps.advance([finish._replace(event_waiter=None)], (), None)
    if app.engine.backend.capabilities.one_product:
        # Cannot happen there; that nothing is lost then either is what the look of its own is for.
        app.engine.ledger.hasten([invocation.invocation_id])
        app.engine.steps.requeue([invocation.record])
    evaluate(app)
    turn(app)
    assert invocation.result == 7


def test_dead_between_the_waiter_and_the_departure(app):
    invocation, _ = woken_before_it_left(app)
    recover_from(app.engine, WORKER, "tester")
    turn(app)
    assert invocation.result == 7
    assert waiter_of(app, invocation) is None


def test_dead_between_waking_and_bringing_back(app, monkeypatch):
    invocation = event_tasks.waiting("dictionary", 7)
    turn(app)
    emit(app, 7)

    def die(*_args):
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(app.engine.backend.orchestrator, "hasten", die)
        if app.engine.backend.capabilities.one_product and app.conf.trigger_cls.startswith("Mem"):
            pytest.skip("memory does not undo, and dies as a whole")
        with pytest.raises(DiedError):
            evaluate(app)
    evaluate(app)
    turn(app)
    assert invocation.result == 7


def test_what_never_happened_is_not_given(app):
    """In a mixture an event that belongs to an outcome is in the log before the outcome is."""
    if app.engine.backend.capabilities.one_product:
        pytest.skip("in one product it is there with the outcome")
    invocation = event_tasks.greedy(3)
    fields = {"invocation_id": "i", "attempt": 1, "status": "success"}
    now = app.engine.clock.now()
    emit(app, 1)
    app.engine.backend.trigger.record([NewOccurrence("i#1#e", "event:e", now, '{"n": 2}', **fields)])
    emit(app, 3)
    turn(app)
    assert waiter_of(app, invocation) is not None
    taken = [each.value for each in app.workflows.history(invocation.invocation_id) if each.kind == "event"]
    assert [event.payload["n"] for event in taken] == [1, 3]
    evaluate(app)
    assert claim(app) == []


def test_it_looks_again_by_itself(app, monkeypatch):
    monkeypatch.setattr(event_inbox, "LOOK_AGAIN_SECONDS", 0.0)
    invocation = event_tasks.waiting("dictionary", 7)
    turn(app)
    app.trigger.purge()
    emit(app, 7)
    app.engine.steps.queue_due(10)
    turn(app)
    assert invocation.result == 7


def test_each_wait_costs_what_the_first_did(app, monkeypatch):
    """Events are read once, whatever number of waits there was before."""
    count = 300
    monkeypatch.setattr(event_inbox, "PAGE", 1)
    invocation = event_tasks.greedy(count)
    for number in range(count):
        emit(app, number)
    trigger = app.engine.backend.trigger
    reads = []
    after = trigger.after
    monkeypatch.setattr(trigger, "after", lambda *args: reads.append(args) or after(*args))
    turn(app)
    assert invocation.result == list(range(count))
    assert len(reads) == count


def test_an_unfinished_workflow_keeps_its_event(app):
    invocation = event_tasks.waiting("dictionary", 7)
    turn(app)
    emit(app, 8)
    emit(app, 7)
    evaluate(app)
    while app.engine.backend.trigger.forget(app.engine.clock.now() + 1):
        pass
    assert [event.payload["n"] for event in app.trigger.get_events()] == [7]
    turn(app)
    assert invocation.result == 7
    while app.engine.backend.trigger.forget(app.engine.clock.now() + 1):
        pass
    assert app.trigger.get_events() == []
