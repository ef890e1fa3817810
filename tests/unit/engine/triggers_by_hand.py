"""Applications whose invocations and triggers move only when a test says so; in memory, in SQLite, and in a mixture."""

import json

from pynenc import Pynenc
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.triggers import Triggers
from pynenc.invocation.record import Finish, Outcome, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.steps import ClaimPlan
from pynenc.serializer.signing import RESULT
from tests.unit.engine import trigger_model_tasks as tasks

WORKER = "worker"
TASK = tasks.target.key
STORES = {
    "memory": {"orchestrator_cls": "MemOrchestrator"},
    "sqlite": {"orchestrator_cls": "SQLiteOrchestrator"},
    "mixture": {"orchestrator_cls": "MemOrchestrator", "trigger_cls": "SQLiteTrigger"},
}


def make_app(store: str, path) -> Pynenc:
    return Pynenc({"app_id": "model", "sqlite_db_path": str(path / "db"), "logging_level": "critical", **STORES[store]})


def register(app, *builders):
    """Triggers of one task; their ids."""
    built = [builder.build(TASK) for builder in builders]
    register_triggers(app.engine, {TASK: built}, [TASK], alone=True)
    names = {each.text: each.definition_id for each in app.trigger.get_triggers()}
    return [names[each.to_json(app.serializer)] for each in built]


def start(app, invocation):
    """Have it claimed and running."""
    plan = ClaimPlan(WORKER, [("none", "none")], 1, prefer=[invocation.invocation_id], start=1)
    [claimed] = app.engine.steps.advance((), (), plan).claimed
    return claimed.record


def change(app, record, status):
    """One more status; the record then."""
    [changed] = app.engine.ledger.transition(
        [Transition(record.invocation_id, status, WORKER, record.attempt)], app.engine.clock.now()
    )
    assert changed is not None
    return changed


def succeed(app, record, result):
    now = app.engine.clock.now()
    text = app.engine.payloads.pack(result, RESULT, record.invocation_id)[0]
    ended = Outcome(record.invocation_id, record.attempt, WORKER, now, now, text, None, None, None, None)
    done = Transition(record.invocation_id, InvocationStatus.SUCCESS, WORKER, record.attempt)
    app.engine.steps.advance([Finish(done, record, ended)], (), None)


def evaluate(app):
    Triggers(app.engine).evaluate(10)


def called_with(app, firing):
    """The arguments that a firing gave to its task."""
    [text] = app.engine.backend.state.load_calls([firing.invocation_id]).values()
    return app.engine.payloads.unpack_arguments(text, firing.task_id, firing.invocation_id)


def causes(app):
    """The keys of what caused each firing, in the order in which they came."""
    return [[key for _, key in json.loads(firing.causes)] for firing in reversed(app.trigger.get_firings(limit=1_000))]
