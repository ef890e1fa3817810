"""Two runners with different code on one store: nothing is lost, and nothing fires twice."""

import sys
from datetime import UTC, datetime

import pytest

from pynenc.conf.config_trigger import ConfigTrigger
from pynenc.engine.trigger_passing_on import LOOK_AGAIN_SECONDS, PASS_ON_SECONDS
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.trigger_service import TriggerService
from pynenc.engine.triggers import Triggers
from pynenc.testing.apps import installed
from pynenc.trigger import TriggerBuilder, on_cron, on_event, on_status
from tests.unit.engine import trigger_model_tasks as tasks
from tests.unit.engine.triggers_by_hand import TASK, called_with, evaluate, make_app, register, start, succeed

START = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()
MODULE = "only_in_the_new_code"
CODE = "def size(event):\n    return {'n': event.payload['x']}\n\ndef tick(time):\n    return {'n': 3}\n"


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path):
    made = make_app(request.param, tmp_path)
    with installed(made, tasks):
        yield made
    made.close()


@pytest.fixture(autouse=True)
def clock(app, monkeypatch):
    """Moves both clocks, which stand still otherwise."""
    passed = [0.0]
    monkeypatch.setattr(app.engine.clock, "now", lambda: START + passed[0])
    monkeypatch.setattr(app.engine.clock, "monotonic", lambda: passed[0])

    def move(seconds):
        passed[0] += seconds

    return move


def live(app, count):
    app.engine.ledger.save_runners([app.runner.record(runner_id=f"r{n}", slots=1) for n in range(count)])


@pytest.fixture
def versions(app, clock, tmp_path, monkeypatch):
    """The trigger systems of a runner with the old code, which knows the new triggers but lacks a module, and of one
    with the new code."""
    live(app, 2)
    path = tmp_path / "new"
    path.mkdir()
    (path / f"{MODULE}.py").write_text(CODE)
    monkeypatch.syspath_prepend(path)
    code = __import__(MODULE)
    register(
        app,
        on_event("e").with_args_from_event(code.size),
        on_event("e").with_args_static({"n": 5}),
        on_cron("* * * * *").with_args_from_cron(code.tick),
    )
    new = Triggers(app.engine)
    new.known()
    sys.modules.pop(MODULE)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(path)])
    old = Triggers(app.engine)
    old.known()
    yield old, new
    sys.modules.pop(MODULE, None)


def fired(app):
    return sorted(called_with(app, firing)["n"] for firing in app.trigger.get_firings() if firing.error is None)


def errors(app):
    return [firing.error.partition(":")[0] for firing in app.trigger.get_firings() if firing.error is not None]


def test_who_lacks_the_code_leaves_it_to_others(app, versions, monkeypatch):
    old, new = versions
    told = []
    monkeypatch.setattr(app.engine.trigger_hints, "pass_on", lambda: told.append(1))
    app.trigger.emit_event("e", {"x": 1})
    assert old.evaluate(10) == old.evaluate(10) == 0
    assert told == [1], "once"
    assert old.passing_on.look_again_in() == LOOK_AGAIN_SECONDS
    assert new.evaluate(10) == 1
    assert fired(app) == [1, 5]
    old.evaluate(10)
    assert old.passing_on.look_again_in() is None
    assert (fired(app), errors(app)) == ([1, 5], [])


def test_who_lacks_the_task_leaves_it_to_others(app, monkeypatch):
    live(app, 2)
    old, new = Triggers(app.engine), Triggers(app.engine)
    register(app, on_event("e").with_args_static({"n": 5}))
    app.trigger.emit_event("e")
    with monkeypatch.context() as patch:
        # As it is before the task is there.
        patch.setattr(app.engine, "find_task", {}.__getitem__)
        assert old.evaluate(10) == 0
    assert new.evaluate(10) == 1
    assert (fired(app), errors(app)) == ([5], [])


def test_what_concerns_no_such_trigger_goes_on(app, versions):
    old, _ = versions
    store = app.engine.backend.trigger
    app.trigger.emit_event("e", {"x": 1})
    app.trigger.emit_event("other", {"x": 1})
    assert old.evaluate(10) == 1
    assert [each.source for each in store.pending(10)] == ["event:e"]


def test_times_of_schedules_are_left_to_others_too(app, versions, clock):
    old, new = versions
    clock(60)
    live(app, 2)
    assert old.look_at_schedules() is not None
    assert old.evaluate(10) == 0
    assert new.evaluate(10) == 1
    assert (fired(app), errors(app)) == ([3], [])


@pytest.mark.parametrize("alone", [False, True])
def test_if_nobody_has_it_that_is_recorded(app, versions, clock, alone):
    old, _ = versions
    app.trigger.emit_event("e", {"x": 1})
    if alone:
        app.engine.ledger.retire(["r1"], app.engine.clock.now())
    else:
        assert old.evaluate(10) == 0
        clock(PASS_ON_SECONDS)
    assert old.evaluate(10) == 1
    assert (fired(app), errors(app)) == ([5], ["ValueError"])


def test_the_thread_looks_again(app, versions):
    old, _ = versions
    service = TriggerService(app.engine, ConfigTrigger(scheduler_interval_seconds=60))
    service._triggers = old
    app.trigger.emit_event("e", {"x": 1})
    assert service.look() <= LOOK_AGAIN_SECONDS


def test_each_occurrence_fires_by_one_version_of_a_trigger(app):
    versions = [on_event("e").with_args_static({"n": number}) for number in (1, 2)]
    for number in (0, 1, 0, 1):
        register(app, versions[number])
        app.trigger.emit_event("e")
        if number:
            evaluate(app)
    assert fired(app) == [2, 2, 2, 2]


def test_a_trigger_that_is_removed_fires_no_more_and_one_that_stays_goes_on(app):
    removed = on_event("e").with_args_static({"n": 1})
    stays = TriggerBuilder().on_any_result(tasks.first).on_event("e").with_args_static({"n": 2})
    register(app, removed, stays)
    succeed(app, start(app, tasks.first(1)), 1)
    evaluate(app)
    register(app, stays)
    app.trigger.emit_event("e")
    # Somebody with the old code: it has read the definitions before, and sees that they changed.
    evaluate(app)
    assert fired(app) == [2]


def test_one_that_was_added_is_watched_by_those_who_run_already(app):
    register(app, on_event("e").with_args_static({"n": 1}))
    record = start(app, tasks.first(1))
    register_triggers(
        app.engine, {TASK: [on_status(tasks.first).with_args_static({"n": 2}).build(TASK)]}, [TASK], alone=True
    )
    succeed(app, record, 1)
    evaluate(app)
    assert fired(app) == [2]


def test_a_changed_schedule_goes_on_where_the_former_left_off(app, clock):
    def daily(number, expression="0 10 * * *", **options):
        return on_cron(expression, **options).with_args_static({"n": number})

    register(app, daily(1))
    triggers = Triggers(app.engine)
    clock(86_400)
    # No runner was there at ten; the one that comes has other arguments.
    register(app, daily(2, jitter_seconds=0.5))
    clock(1)
    triggers.look_at_schedules()
    evaluate(app)
    assert fired(app) == [2]
    register(app, daily(3))
    triggers.look_at_schedules()
    evaluate(app)
    assert fired(app) == [2], "dealt with is dealt with"
    clock(86_400)
    register(app, daily(4, timezone="Asia/Tokyo"))
    triggers.look_at_schedules()
    evaluate(app)
    assert fired(app) == [2], "other times are another schedule, which begins now"


def test_a_runner_is_on_the_board_before_its_triggers_are_in_the_store(app, monkeypatch):
    seen = []
    store = app.engine.backend.trigger
    change = store.change_definitions
    monkeypatch.setattr(
        store, "change_definitions", lambda *args: seen.append(app.engine.alive_runners()) or change(*args)
    )
    app.runner._enlist(1)
    assert seen == [1]
