"""A product that takes the steps itself must not leave out what triggers wait for."""

from dataclasses import replace

import pytest

from pynenc import Pynenc
from pynenc.engine.composed_steps import ComposedSteps
from pynenc.exceptions import ConfigError
from pynenc.testing.apps import installed
from pynenc.trigger import on_status
from tests.unit.engine import trigger_model_tasks as tasks


class OwnSteps(ComposedSteps):
    """Around the ledger of the product, which knows nothing of triggers."""


@pytest.fixture
def open_with_own_steps(monkeypatch):
    from pynenc.backends.memory.product import open_memory  # noqa: PLC0415

    apps = []

    def open_app(records_occurrences):
        monkeypatch.setattr(OwnSteps, "records_occurrences", records_occurrences)

        def opened(app_id, settings):
            steps = OwnSteps.__new__(OwnSteps)
            return replace(open_memory(app_id, settings), steps=steps)

        monkeypatch.setattr(
            "pynenc.assembly.open_product", lambda _name, app_id, settings, *_: opened(app_id, settings)
        )
        app = Pynenc({"app_id": "model", "orchestrator_cls": "MemOrchestrator"})
        apps.append(app)
        return app

    return open_app


def test_steps_that_record_no_occurrences_are_refused(open_with_own_steps):
    with pytest.raises(ConfigError, match=r"test_own_steps\.OwnSteps.*no trigger would ever fire.*records_occurrences"):
        _ = open_with_own_steps(records_occurrences=False).engine


def test_steps_that_say_they_do_are_used(open_with_own_steps):
    assert isinstance(open_with_own_steps(records_occurrences=True).engine.steps, OwnSteps)


def test_the_engines_own_go_through_the_watched_ledger():
    app = Pynenc({"app_id": "model", "orchestrator_cls": "MemOrchestrator"})
    trigger = on_status(tasks.first, "registered").with_args_static({"n": 1})
    with installed(app, tasks):
        app.engine.backend.trigger.change_definitions([], [])
        from pynenc.engine.trigger_registration import register_triggers  # noqa: PLC0415

        register_triggers(
            app.engine, {tasks.target.key: [trigger.build(tasks.target.key)]}, [tasks.target.key], alone=True
        )
        tasks.first(1)
    assert len(app.engine.backend.trigger.pending(10)) == 1
    app.close()
