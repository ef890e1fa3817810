"""One evaluation in detail: what user code may do to it, what waits, and what is said of it."""

import logging

import numpy as np
import pytest

from pynenc import Pynenc
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.triggers import Triggers
from pynenc.trigger import TriggerBuilder, on_event
from pynenc.trigger.arguments import StaticArgumentFilter, StaticResultFilter
from tests.unit.engine import trigger_model_tasks as tasks

TASK = tasks.target.key


class NoWordsError(Exception):
    def __str__(self):
        raise RuntimeError("not even that")


class Hostile:
    """Cannot be compared."""

    def __eq__(self, other):
        raise NoWordsError

    def __hash__(self):
        return 0


def without_words(_payload) -> bool:
    raise NoWordsError


@pytest.fixture(params=["MemOrchestrator", "SQLiteOrchestrator"])
def app(request, tmp_path, monkeypatch):
    values = {"orchestrator_cls": request.param, "sqlite_db_path": str(tmp_path / "db")}
    made = Pynenc({"app_id": "model", **values})
    # One that reaches pytest, whatever was configured before.
    monkeypatch.setattr(made.engine.events, "_log", logging.getLogger("what-is-said"))
    yield made
    made.close()


def register(app, *builders):
    built = [builder.with_args_static({"n": n}).build(TASK) for n, builder in enumerate(builders)]
    register_triggers(app.engine, {TASK: built}, [TASK], alone=True)
    names = {each.text: each.definition_id for each in app.trigger.get_triggers()}
    return [names[each.to_json(app.serializer)] for each in built]


@pytest.mark.parametrize("bad", [tasks.raising, without_words], ids=["SystemExit", "an error without words"])
def test_a_filter_that_raises_does_not_match_and_stops_nobody(app, caplog, bad):
    either = TriggerBuilder().on_event("e", bad).on_event("e").with_logic("or")
    trigger, other = register(app, either, on_event("e"))
    event_id = app.trigger.emit_event("e", {"x": 1})
    assert Triggers(app.engine).evaluate(10) == 1
    assert app.engine.backend.trigger.pending(10) == []
    fired = {(f.definition_id, f.error is None) for f in app.trigger.get_firings()}
    assert fired == {(trigger, False), (trigger, True), (other, True)}, "its other condition matches all the same"
    [line] = [record.getMessage() for record in caplog.records if "did not start" in record.getMessage()]
    assert f"trigger:{trigger}" in line
    assert f"task:{TASK}" in line
    assert event_id in line


def test_a_value_that_cannot_be_compared_raises_out_of_the_filter_only(app):
    # Not by way of the store: the filter's value is ours, and what is compared with it is what a task returned.
    with pytest.raises(NoWordsError):
        StaticResultFilter(Hostile()).accepts(Hostile())


@pytest.mark.parametrize(
    ("found", "wanted", "accepted"),
    [
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([1, 2]), np.array([1, 3]), False),
        (np.array([1, 2]), np.array([1, 2, 3]), False),
        (np.ones(3), 1, False),
        (1, np.ones(3), False),
        (np.float64(1), 1.0, True),
        (np.zeros((0, 3)), np.zeros((0, 3)), True),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_arrays_are_equal_when_all_of_them_is(found, wanted, accepted):
    assert StaticResultFilter(wanted).accepts(found) is accepted
    assert StaticArgumentFilter({"x": wanted}).accepts({"x": found}) is accepted


def test_what_makes_room_is_named(app, caplog):
    pair = TriggerBuilder().on_event("left").on_event("right")
    [trigger] = register(app, pair)
    ids = [app.trigger.emit_event("left", {"x": n}) for n in range(5)]
    triggers = Triggers(app.engine, longest_line=2)
    with caplog.at_level(logging.WARNING):
        triggers.evaluate(10)
    [line] = [record.getMessage() for record in caplog.records]
    assert f"trigger:{trigger} of task:{TASK}" in line
    assert "at /0 (event left)" in line
    assert [event_id in line for event_id in ids] == [True, True, True, False, False]
    assert "max_waiting_occurrences" in line
    assert len(app.engine.backend.trigger.waiting([trigger])) == 2


def test_lines_are_read_once_while_nobody_else_evaluates(app, monkeypatch):
    [trigger] = register(app, TriggerBuilder().on_event("left").on_event("right"))
    store = app.engine.backend.trigger
    reads = []
    waiting = store.waiting
    monkeypatch.setattr(store, "waiting", lambda ids: reads.append(ids) or waiting(ids))
    ours, others = Triggers(app.engine), Triggers(app.engine)

    def emit(code, evaluator):
        app.trigger.emit_event(code)
        evaluator.evaluate(10)

    for _ in range(3):
        emit("left", ours)
    assert len(reads) == 1
    emit("right", others)
    assert len(app.trigger.get_firings()) == 1
    emit("right", ours)
    assert len(reads) == 3, "somebody else has changed them"
    assert len(app.trigger.get_firings()) == 2
    # What is too old is dropped by whoever has that duty, and nobody fires with it any more.
    store.forget(app.engine.clock.now() + 10)
    emit("right", ours)
    assert len(app.trigger.get_firings()) == 0
    assert [token.place for token in store.waiting([trigger])] == ["/1"]
