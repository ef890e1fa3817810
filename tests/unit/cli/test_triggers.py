"""Triggers and events on the command line."""

import json

import pytest

from pynenc.engine.trigger_registration import register_triggers
from pynenc.trigger import TriggerBuilder, on_cron
from pynenc.trigger.definition import in_words


def day_of(context):
    return {"to": context.payload["to"]}


@pytest.fixture
def stored(shop):
    """The id of a trigger with arguments for any cause, and of one without."""
    triggers = [on_cron("0 9 * * *").with_args_static({"x": 1, "y": 2}).build("tasks.add")]
    others = [TriggerBuilder().on_event("asked").with_args_from_event(day_of).build("tasks.send")]
    register_triggers(
        shop.app.engine, {"tasks.add": triggers, "tasks.send": others}, ["tasks.add", "tasks.send"], alone=True
    )
    return {each.task_id: each.definition_id for each in shop.app.trigger.get_triggers()}


def test_list(pynenc, stored):
    rows = json.loads(pynenc("triggers", "list", "--json").out)
    assert [(row["id"], row["task"], row["when"]) for row in rows] == [
        (stored["tasks.add"], "tasks.add", "cron 0 9 * * *"),
        (stored["tasks.send"], "tasks.send", "event asked"),
    ]
    assert pynenc("triggers", "list").lines[0].split() == ["ID", "TASK", "WHEN", "SINCE"]


def test_fire_and_show(pynenc, shop, stored):
    ran = pynenc("triggers", "fire", stored["tasks.add"][:8])
    assert (ran.code, ran.err) == (0, "")
    invocation = shop.app.get_invocation(ran.lines[0])
    assert invocation.task_id.key == "tasks.add"
    shown = json.loads(pynenc("triggers", "show", stored["tasks.add"], "--json").out)
    [firing] = shown["firings"]
    assert (firing["invocation_id"], firing["causes"][0][0]) == (invocation.invocation_id, "by hand")
    assert "by hand" in pynenc("triggers", "show", stored["tasks.add"]).out


def test_fire_with_arguments(pynenc, shop, stored):
    refused = pynenc("triggers", "fire", stored["tasks.send"])
    assert refused.code == 1
    assert "Pass the arguments of the task as JSON" in refused.err
    assert pynenc("triggers", "fire", stored["tasks.send"], '{"nobody": 1}').code == 1
    assert pynenc("triggers", "fire", stored["tasks.send"], "[1]").code == 2
    ran = pynenc("triggers", "fire", stored["tasks.send"], '{"to": "ann"}', "--json")
    assert shop.app.get_invocation(json.loads(ran.out)["invocation_id"]).task_id.key == "tasks.send"


def first_of(context):
    return {"to": context.contexts()[0].payload}


def test_what_an_argument_function_raises(pynenc, shop):
    trigger = TriggerBuilder().on_event("asked").with_args_from_trigger_context(first_of).build("tasks.send")
    register_triggers(shop.app.engine, {"tasks.send": [trigger]}, ["tasks.send"], alone=True)
    [stored] = shop.app.trigger.get_triggers()
    refused = pynenc("triggers", "fire", stored.definition_id)
    assert refused.code == 1
    assert (
        "of tasks.send was not fired: IndexError: list index out of range\nBy hand there are no causes" in refused.err
    )
    assert pynenc("triggers", "fire", stored.definition_id, "{to}").code == 2
    assert "unexpected" not in refused.err
    assert shop.app.trigger.get_firings() == []


def test_without_the_functions(pynenc, shop, stored):
    store = shop.app.engine.backend.trigger
    definition = next(each for each in store.definitions() if each.task_id == "tasks.send")
    text = definition.text.replace("tests.unit.cli.test_triggers", "gone").replace(
        '{"equal": {}}', '{"call": "gone:wanted"}'
    )
    store.change_definitions([definition._replace(text=text, definition_id="f00")], [definition.definition_id])
    assert "event asked" in pynenc("triggers", "list").out
    assert json.loads(pynenc("triggers", "show", "f00", "--json").out)["when"] == "event asked"
    refused = pynenc("triggers", "fire", "f00", '{"to": "ann"}')
    assert refused.code == 1
    assert "gone:wanted cannot be imported here" in refused.err
    assert "must be importable" in refused.err


def test_without_code(pynenc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = pynenc("triggers", "fire", "f00")
    assert refused.code == 1
    assert "`pynenc triggers fire` calls a task, so it needs the code of the application." in refused.err


@pytest.mark.parametrize(
    "builder",
    [
        TriggerBuilder().on_status("m.f", ["running", "failed"], {"x": 1}).on_event("e", {"y": 2}),
        TriggerBuilder().on_result("m.f", 5).on_any_result("m.g").with_logic("and", within_seconds=2),
        TriggerBuilder().on_exception("m.f", "KeyError").on_cron("* * * * *").with_logic("or"),
    ],
    ids=["and", "within", "or"],
)
def test_stored_conditions_in_words(shop, builder):
    definition = builder.build("m.t")
    assert in_words(definition.to_json(shop.app.serializer)) == str(definition.condition)
    changed = '{"when": {"kind": "moon"}}'
    assert in_words(changed).startswith("stored by another version: ValueError: A stored condition is of the unknown")


def test_unknown_triggers(pynenc, stored):
    assert pynenc("triggers", "show", "zzz").code == 3
    assert "2 triggers begin with" in pynenc("triggers", "show", "").err


def test_events(pynenc, shop):
    ran = pynenc("events", "emit", "asked", '{"to": "ann"}')
    assert [event.event_id for event in shop.app.trigger.get_events()] == ran.lines
    assert json.loads(pynenc("events", "emit", "other", "--json").out).keys() == {"event_id"}
    [row] = json.loads(pynenc("events", "list", "--code", "asked", "--json").out)
    assert (row["event_id"], row["payload"]) == (ran.lines[0], {"to": "ann"})
    assert len(pynenc("events", "list").lines) == 3
    assert pynenc("events", "emit", "asked", "no json").code == 2
    refused = pynenc("events", "emit", "")
    assert (refused.code, "CODE is empty" in refused.err) == (2, True)
