"""What triggers will still ask for is kept, however old it is."""

import pytest

from pynenc.engine.retention import purge_expired
from pynenc.engine.trigger_needs import CLOCKS_DIFFER_SECONDS
from pynenc.testing.apps import installed
from pynenc.trigger import TriggerBuilder, on_event
from tests.unit.engine import trigger_model_tasks as tasks
from tests.unit.engine.triggers_by_hand import STORES, called_with, evaluate, make_app, register, start, succeed

DAY = 86_400.0


@pytest.fixture(params=list(STORES))
def app(request, tmp_path):
    made = make_app(request.param, tmp_path)
    with installed(made, tasks):
        yield made
    made.close()


@pytest.fixture
def pass_time(app, monkeypatch):
    passed = [0.0]
    now = app.engine.clock.now
    monkeypatch.setattr(app.engine.clock, "now", lambda: now() + passed[0])

    def pass_on(seconds):
        passed[0] += seconds

    return pass_on


def after(task):
    return TriggerBuilder().on_any_result(task)


def test_what_waits_in_an_and_is_kept_until_it_was_used(app, pass_time):
    takes, static = register(
        app,
        after(tasks.listing).on_event("approved").with_args_from_result(tasks.count_of_result),
        after(tasks.listing).on_event("late").with_args_static({"n": 7}),
    )
    kept = tasks.listing()
    succeed(app, start(app, kept), [1, 2])
    evaluate(app)
    for number in (1, 2):
        pass_time(DAY)
        app.trigger.emit_event("nobody waits for", {"n": number})
        evaluate(app)
        assert purge_expired(app.engine, DAY) == 0
    pass_time(DAY)
    app.trigger.emit_event("approved")
    evaluate(app)
    [firing] = app.trigger.get_firings()
    assert (firing.definition_id, firing.error) == (takes, None)
    assert called_with(app, firing) == {"n": 2}
    assert purge_expired(app.engine, DAY) == 0, "the other trigger still needs it"
    app.trigger.emit_event("late")
    evaluate(app)
    assert {(f.definition_id, f.error) for f in app.trigger.get_firings()} == {(takes, None), (static, None)}
    assert purge_expired(app.engine, DAY) == 1
    assert app.engine.ledger.read([kept.invocation_id]) == {}


def test_of_many_those_that_nobody_needs_go(app, pass_time, monkeypatch):
    monkeypatch.setattr("pynenc.engine.retention.BATCH", 2)
    register(app, TriggerBuilder().on_result(tasks.listing, [1]).on_event("e").with_args_static({"n": 1}))
    for number in range(12):
        succeed(app, start(app, tasks.listing()), [number % 2])
    evaluate(app)
    evaluate(app)
    pass_time(DAY)
    assert purge_expired(app.engine, 0.0) == 6
    assert purge_expired(app.engine, 0.0) == 0
    assert app.orchestrator.count_invocations(tasks.listing.key) == 6


def test_what_is_not_evaluated_yet_is_kept(app, pass_time):
    [takes] = register(app, after(tasks.listing).with_args_from_result(tasks.count_of_result))
    succeed(app, start(app, tasks.listing()), [1, 2])
    pass_time(9 * DAY)
    assert purge_expired(app.engine, DAY) == 0, "no runner was there for nine days"
    evaluate(app)
    [firing] = app.trigger.get_firings()
    assert (firing.definition_id, firing.error) == (takes, None)
    assert called_with(app, firing) == {"n": 2}
    assert purge_expired(app.engine, DAY) == 1


def test_a_token_goes_with_the_oldest_of_its_occurrences(app, pass_time):
    [pair] = register(app, on_event("left").on_event("right").with_args_from_event(tasks.count_of))
    app.trigger.emit_event("left", {"lines": [1]})
    pass_time(3 * DAY)
    # The first runner comes three days later.
    evaluate(app)
    store = app.engine.backend.trigger
    store.forget(app.engine.clock.now() - 7 * DAY)
    assert len(store.waiting([pair])) == 1
    pass_time(4 * DAY + CLOCKS_DIFFER_SECONDS)
    store.forget(app.engine.clock.now() - 7 * DAY)
    assert store.waiting([pair]) == store.after(0, 10) == []
    app.trigger.emit_event("right")
    evaluate(app)
    assert app.trigger.get_firings() == []
