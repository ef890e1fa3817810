"""Triggers in another product than the ledger, with somebody dying between the two commits."""

import pytest

from pynenc import Pynenc
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.triggers import PROOF_SECONDS, Triggers
from pynenc.ports.trigger import NewOccurrence
from pynenc.trigger import on_event, on_status

TASK = "tests.unit.engine.trigger_model_tasks.target"


class DiedError(Exception):
    pass


@pytest.fixture
def app(tmp_path):
    made = Pynenc(
        {
            "app_id": "model",
            "orchestrator_cls": "MemOrchestrator",
            "trigger_cls": "SQLiteTrigger",
            "sqlite_db_path": str(tmp_path / "db"),
            "logging_level": "critical",
        }
    )
    triggers = [on_event("e").with_args_static({"n": 1}), on_status(TASK, "success").with_args_static({"n": 2})]
    register_triggers(made.engine, {TASK: [builder.build(TASK) for builder in triggers]}, [TASK], alone=True)
    yield made
    made.close()


@pytest.mark.parametrize("dies_in", ["submit", "settle"])
def test_what_was_decided_is_submitted_once(app, monkeypatch, dies_in):
    assert not app.assembled.backend.capabilities.one_product
    app.trigger.emit_event("e")
    owner = app.engine.steps if dies_in == "submit" else app.engine.backend.trigger

    def die(*_args, **_kwargs):
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(owner, dies_in, die)
        with pytest.raises(DiedError):
            Triggers(app.engine).evaluate(10)
    assert len(app.engine.backend.trigger.unsettled(10)) == 1
    Triggers(app.engine).evaluate(10)
    Triggers(app.engine).evaluate(10)
    [firing] = app.trigger.get_firings()
    assert app.orchestrator.get_task_invocation_ids(TASK) == [firing.invocation_id]
    assert app.engine.backend.trigger.unsettled(10) == []


def test_a_status_that_was_never_committed_fires_nothing(app, monkeypatch):
    now = app.engine.clock.now()
    fields = {"invocation_id": "i", "attempt": 1, "status": "success"}
    app.engine.backend.trigger.record([NewOccurrence("i#1#success", f"task:{TASK}:success", now, **fields)])
    assert Triggers(app.engine).evaluate(10) == 0
    assert len(app.engine.backend.trigger.pending(10)) == 1, "it may be committed in a moment"
    monkeypatch.setattr(app.engine.clock, "now", lambda: now + PROOF_SECONDS + 1)
    assert Triggers(app.engine).evaluate(10) == 0
    assert app.engine.backend.trigger.pending(10) == app.trigger.get_firings() == []
