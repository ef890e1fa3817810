"""A status that an attempt reaches several times fires each time, once."""

import pytest

from pynenc.engine.trigger_facts import proven
from pynenc.invocation.record import Transition
from pynenc.invocation.status import REPEATABLE, InvocationStatus
from pynenc.testing.apps import installed
from pynenc.trigger import on_status
from tests.unit.engine import trigger_model_tasks as tasks
from tests.unit.engine.triggers_by_hand import STORES, WORKER, causes, change, evaluate, make_app, register, start

PAUSED, RESUMED, REROUTED = InvocationStatus.PAUSED, InvocationStatus.RESUMED, InvocationStatus.REROUTED


@pytest.fixture(params=list(STORES))
def app(request, tmp_path):
    made = make_app(request.param, tmp_path)
    with installed(made, tasks):
        yield made
    made.close()


def watch(app, statuses):
    return register(app, on_status(tasks.first, statuses).with_args_static({"n": 1}))


def test_which_statuses_one_attempt_may_reach_again():
    assert {
        InvocationStatus.PAUSED,
        InvocationStatus.RESUMED,
        # Handed back, in line for a scope, and handed back from there.
        InvocationStatus.REROUTED,
        InvocationStatus.CONCURRENCY_CONTROLLED,
    } == REPEATABLE


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "evaluated together"])
def test_each_pause_and_each_return_fires_once(app, together):
    watch(app, ["PAUSED", "RESUMED"])
    record = start(app, tasks.first(1))
    for _ in range(3):
        for status in (PAUSED, RESUMED):
            change(app, record, status)
            if not together:
                evaluate(app)
    evaluate(app)
    name = f"{record.invocation_id}#1"
    assert causes(app) == [
        [f"{name}#{status}{number}"] for number in ("", "#2", "#3") for status in ("paused", "resumed")
    ]


def test_several_in_one_write(app):
    watch(app, ["PAUSED"])
    record = start(app, tasks.first(1))
    change(app, record, PAUSED)
    statuses = [RESUMED, PAUSED, RESUMED, PAUSED]
    app.engine.ledger.transition(
        [Transition(record.invocation_id, status, WORKER, record.attempt) for status in statuses],
        app.engine.clock.now(),
    )
    evaluate(app)
    assert [key.removeprefix(f"{record.invocation_id}#1#") for [key] in causes(app)] == [
        "paused",
        "paused#2",
        "paused#3",
    ]


def test_another_attempt_counts_anew(app):
    watch(app, ["PAUSED"])
    invocation = tasks.first(1)
    for attempt in (1, 2):
        record = start(app, invocation)
        change(app, change(app, record, PAUSED), RESUMED)
        change(app, record, REROUTED)
        evaluate(app)
        assert causes(app)[-1] == [f"{record.invocation_id}#{attempt}#paused"]
    assert len(causes(app)) == 2


def test_a_second_time_is_proven_by_the_second_entry_of_the_history(app):
    watch(app, ["PAUSED"])
    record = start(app, tasks.first(1))
    change(app, record, PAUSED)
    [first] = app.engine.backend.trigger.pending(10)
    second = first._replace(key=f"{first.key}#2")
    if app.assembled.backend.capabilities.one_product:
        return
    # Recorded, and its status not committed yet.
    assert proven(app.engine.backend, [first, second]) == [first]
    change(app, change(app, record, RESUMED), PAUSED)
    assert proven(app.engine.backend, [first, second]) == [first, second]
