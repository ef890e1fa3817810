"""Who is told that there is something to evaluate."""

import pytest

from pynenc import Pynenc
from pynenc.engine.hub import TRIGGERS
from pynenc.engine.trigger_hints import SILENT_LEASES
from pynenc.invocation.runner_record import RunnerRecord


@pytest.fixture
def app(tmp_path):
    made = Pynenc({"app_id": "hints", "sqlite_db_path": str(tmp_path / "db"), "logging_level": "critical"})
    yield made
    made.close()


def test_a_runner_that_is_late_is_told_after_those_that_are_not(app, monkeypatch):
    """It may be the only one: nobody would look before the next periodic look."""
    now, lease = app.engine.clock.now(), app.engine.settings.lease_seconds
    beats = {"late": now - 2 * lease, "here": now, "dead": now - (SILENT_LEASES + 1) * lease}
    app.engine.ledger.save_runners(
        [
            RunnerRecord(name, "ThreadRunner", None, "host", 1, now - 1e6, beat, None, (), 1, "", name)
            for name, beat in beats.items()
        ]
    )
    told = []
    monkeypatch.setattr(type(app.engine.wakeups), "notify", lambda _self, messages: told.append(messages) or 0)
    app.trigger.emit_event("e")
    assert told == [{"here": [TRIGGERS]}, {"late": [TRIGGERS]}]
