"""What the start of a runner makes of the triggers in the store."""

import logging

import pytest

from pynenc.engine.trigger_registration import register_triggers
from pynenc.trigger import on_event, on_status
from tests.unit.engine.triggers_by_hand import TASK, make_app

MODULE = TASK.rpartition(".")[0]


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path, monkeypatch):
    made = make_app(request.param, tmp_path)
    # One that reaches pytest, whatever was configured before.
    monkeypatch.setattr(made.engine.events, "_log", logging.getLogger("what-is-said"))
    yield made
    made.close()


def start(app, *builders, task_keys=(TASK, f"{MODULE}.first")):
    register_triggers(app.engine, {TASK: [builder.build(TASK) for builder in builders]}, task_keys, alone=True)


def triggers(app):
    return {each.definition_id for each in app.trigger.get_triggers()}


@pytest.mark.parametrize(
    ("watched", "advice"),
    [
        (f"{MODULE}.frist", f"Did you mean {MODULE}.first?"),
        ("no_such_module.task", "Correct its name"),
        ("nonsense", "Correct its name"),
    ],
)
def test_a_task_that_is_not_there_is_named(app, caplog, watched, advice):
    start(app, on_status(f"{MODULE}.first"), on_status(watched).on_event("e"))
    [line] = [record.getMessage() for record in caplog.records]
    [trigger] = [each.definition_id for each in app.trigger.get_triggers() if watched in each.text]
    assert (
        f"trigger:{trigger} of task:{TASK} (({watched} becomes SUCCESS AND event e)) watches the task {watched}" in line
    )
    assert advice in line


def test_a_module_that_is_imported_when_it_is_needed_may_have_it(app, caplog):
    start(app, on_status("tests.unit.engine.event_tasks.waiting"), on_event("e"))
    assert caplog.records == []
