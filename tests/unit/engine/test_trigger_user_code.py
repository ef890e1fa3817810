"""What users' code may do to the process that evaluates triggers: nothing."""

import logging
import threading

import pytest

from pynenc import Pynenc
from pynenc.conf.config_trigger import ConfigTrigger
from pynenc.engine.trigger_service import TriggerService
from pynenc.engine.triggers import Triggers
from pynenc.engine.user_code import contained, words
from pynenc.ports.trigger import EventWaiter
from pynenc.runner.publish import import_trigger_modules
from pynenc.testing import wait_until
from pynenc.testing.apps import installed
from pynenc.trigger import TriggerBuilder, on_event
from tests.unit.engine import trigger_model_tasks as tasks
from tests.unit.engine.triggers_by_hand import called_with, evaluate, make_app, register, start, succeed

SECONDS = 20


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path, monkeypatch):
    made = make_app(request.param, tmp_path)
    # One that reaches pytest, whatever was configured before.
    monkeypatch.setattr(made.engine.events, "_log", logging.getLogger("what-is-said"))
    with installed(made, tasks):
        yield made
    made.close()


@pytest.fixture
def module_that_exits(tmp_path, monkeypatch):
    (tmp_path / "leaves_at_import.py").write_text("import sys\nsys.exit('not here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "leaves_at_import"


class WithoutWords(BaseException):
    def __str__(self):
        raise SystemExit("not even that")


def test_the_door():
    def leave():
        raise SystemExit(3)

    def interrupt():
        raise KeyboardInterrupt

    assert contained(lambda: 5) == (5, None)
    assert isinstance(contained(leave).error, SystemExit)
    with pytest.raises(KeyboardInterrupt):
        contained(interrupt)
    assert words(WithoutWords()) == "WithoutWords"
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(contained(interrupt).error))
    thread.start()
    thread.join()
    assert isinstance(elsewhere[0], KeyboardInterrupt), "nobody's keyboard reaches another thread"


def test_the_thread_goes_on_whatever_is_raised(app, module_that_exits):
    register(
        app,
        on_event("filter", tasks.raising),
        on_event("arguments").with_args_from_event(tasks.raising_arguments),
        on_event("gone").with_args_static({"n": 1}),
        on_event("fine").with_args_static({"n": 2}),
    )
    # Stored by somebody whose module could still be imported.
    store = app.engine.backend.trigger
    [gone] = [each for each in store.definitions() if '"gone"' in each.text]
    store.change_definitions([], [gone.definition_id])
    call = f'{{"call": "{module_that_exits}:is_wanted"}}'
    store.change_definitions([gone._replace(text=gone.text.replace('{"equal": {}}', call))], [])
    service = TriggerService(app.engine, ConfigTrigger())
    service.start()
    try:
        for code in ("filter", "arguments", "gone", "fine"):
            app.trigger.emit_event(code, {"x": 1})
        wait_until(lambda: len(app.trigger.get_firings()) == 4, SECONDS, "four firings")
    finally:
        service.stop()
    errors = sorted(firing.error or "" for firing in app.trigger.get_firings())
    assert [error.partition(":")[0] for error in errors] == ["", "KeyboardInterrupt", "SystemExit", "SystemExit"]


def test_what_the_store_raises_does_not_end_the_thread_either(app, monkeypatch, caplog):
    register(app, on_event("fine").with_args_static({"n": 2}))
    store = app.engine.backend.trigger
    calls = []

    def exits_once():
        calls.append(1)
        monkeypatch.undo()
        raise SystemExit("a plugin's store")

    monkeypatch.setattr(app.engine.events, "_log", logging.getLogger("what-is-said"))
    monkeypatch.setattr(store, "turn", exits_once)
    service = TriggerService(app.engine, ConfigTrigger())
    service.start()
    try:
        wait_until(lambda: calls, SECONDS, "the first look")
        app.trigger.emit_event("fine")
        wait_until(app.trigger.get_firings, SECONDS, "the firing")
    finally:
        service.stop()


def test_a_module_that_exits_is_left_out(module_that_exits, monkeypatch, caplog):
    app = Pynenc({"app_id": "model", "trigger_task_modules": [module_that_exits, "json"]})
    monkeypatch.setattr(app.engine.events, "_log", logging.getLogger("what-is-said"))
    import_trigger_modules(app)
    [line] = [record.getMessage() for record in caplog.records]
    assert "leaves_at_import cannot be imported (SystemExit: not here)" in line
    app.close()


def test_each_function_is_given_its_own_event(app):
    drains, takes, both = register(
        app,
        on_event("e", tasks.draining).with_args_from_event(tasks.count_of),
        on_event("e").with_args_from_event(tasks.count_of),
        TriggerBuilder()
        .on_event("e", tasks.draining)
        .on_event("e", tasks.draining)
        .with_args_from_event(tasks.count_of),
    )
    store = app.engine.backend.trigger
    names = [f"tests.unit.engine.trigger_model_tasks:{name}" for name in ("draining", "has_lines")]
    store.add_waiters([EventWaiter(f"w{n}", 0, "event:e", f'{{"call": "{name}"}}', 0) for n, name in enumerate(names)])
    app.trigger.emit_event("e", {"lines": [1, 2, 3]})
    evaluate(app)
    fired = {firing.definition_id: firing for firing in app.trigger.get_firings()}
    assert {name: (firing.error, called_with(app, firing)) for name, firing in fired.items()} == {
        name: (None, {"n": 3}) for name in (drains, takes, both)
    }
    assert [waiter.invocation_id for waiter in store.woken(10)] == ["w0", "w1"]


def test_each_function_is_given_its_own_result(app):
    [drains, takes] = register(
        app,
        TriggerBuilder().on_result(tasks.listing, tasks.draining_result).with_args_from_result(tasks.count_of_result),
        TriggerBuilder().on_any_result(tasks.listing).with_args_from_result(tasks.count_of_result),
    )
    succeed(app, start(app, tasks.listing()), [1, 2])
    Triggers(app.engine).evaluate(10)
    fired = {firing.definition_id: firing for firing in app.trigger.get_firings()}
    assert {name: called_with(app, firing) for name, firing in fired.items()} == {
        drains: {"n": 2},
        takes: {"n": 2},
    }
