"""Schedules on a clock that the test moves."""

import json
from datetime import UTC, datetime

import pytest

from pynenc import Pynenc
from pynenc.conf.config_trigger import ConfigTrigger
from pynenc.engine.trigger_registration import register_triggers
from pynenc.engine.trigger_service import TriggerService
from pynenc.engine.triggers import Triggers
from pynenc.testing.conformance.races import race
from pynenc.trigger import on_cron

TASK = "tests.unit.engine.trigger_model_tasks.target"
START = datetime(2030, 1, 1, 10, 0, 30, tzinfo=UTC).timestamp()
MINUTE, DAY = 60.0, 86_400.0


class Setting:
    def __init__(self, app, monkeypatch):
        self.app = app
        self.now = START
        monkeypatch.setattr(app.engine.clock, "now", lambda: self.now)

    def register(self, **options):
        trigger = on_cron("* * * * *", **options).with_args_static({"n": 1}).build(TASK)
        register_triggers(self.app.engine, {TASK: [trigger]}, [TASK], alone=True)

    def look(self):
        triggers = Triggers(self.app.engine)
        upcoming = triggers.look_at_schedules()
        triggers.evaluate(10)
        return upcoming

    @property
    def fired(self):
        """The minutes after the start for which it fired, in order."""
        keys = [json.loads(firing.causes)[0][1] for firing in self.app.trigger.get_firings()]
        return [(float(key.rpartition(":")[2]) - START) / MINUTE for key in reversed(keys)]


@pytest.fixture(params=["MemOrchestrator", "SQLiteOrchestrator"])
def setting(request, tmp_path, monkeypatch):
    values = {"orchestrator_cls": request.param, "sqlite_db_path": str(tmp_path / "db"), "logging_level": "critical"}
    app = Pynenc({"app_id": "model", **values})
    yield Setting(app, monkeypatch)
    app.close()


def test_each_minute_once_and_none_at_the_start(setting):
    setting.register()
    assert setting.look() == START + 30
    assert setting.fired == []
    for half_minute in range(1, 7):
        setting.now = START + half_minute * 30
        setting.look()
        setting.look()
    assert setting.fired == [0.5, 1.5, 2.5]


def test_at_registration_once(setting):
    setting.register(at_registration=True)
    setting.look()
    setting.register(at_registration=True)
    setting.look()
    assert setting.fired == [0]


@pytest.mark.parametrize(
    ("options", "fired"),
    [
        ({}, [4.5]),
        ({"misfire": "all"}, [0.5, 1.5, 2.5, 3.5, 4.5]),
        ({"misfire": "all", "catch_up_limit": 2}, [3.5, 4.5]),
    ],
)
def test_a_restart_makes_up_for_what_was_missed(setting, options, fired):
    setting.register(**options)
    setting.now = START + 5 * MINUTE - 10
    setting.register(**options)
    setting.look()
    assert setting.fired == fired


def test_the_clock_is_set_back(setting):
    setting.register()
    setting.now = START + MINUTE
    setting.look()
    setting.now = START - 5
    setting.look()
    setting.now = START + MINUTE
    setting.look()
    assert setting.fired == [0.5], "the same minute does not fire again"
    setting.now = START - DAY
    setting.look()
    setting.now = START - DAY + MINUTE
    setting.look()
    assert setting.fired == [0.5, 0.5 - DAY / MINUTE], "and a schedule does not stand still for a day"


def test_many_look_at_the_same_time(setting):
    setting.register()
    setting.now = START + MINUTE
    race(lambda _: setting.look())
    assert setting.fired == [0.5]


def test_the_scheduler_can_be_switched_off(setting):
    setting.register()
    setting.now = START + MINUTE
    assert TriggerService(setting.app.engine, ConfigTrigger(enable_scheduler=False)).look() == 60
    assert setting.fired == []
    assert 0 < TriggerService(setting.app.engine, ConfigTrigger(scheduler_interval_seconds=7)).look() <= 7
    assert setting.fired == [0.5]


def test_events_are_kept_as_long_as_configured(setting):
    setting.app.trigger.emit_event("old")
    setting.look()
    setting.now += 2 * DAY
    setting.app.trigger.emit_event("new")
    TriggerService(setting.app.engine, ConfigTrigger(event_retention_days=3)).forget_old()
    assert [event.event_code for event in setting.app.trigger.get_events()] == ["old", "new"]
    TriggerService(setting.app.engine, ConfigTrigger(event_retention_days=1)).forget_old()
    assert [event.event_code for event in setting.app.trigger.get_events()] == ["new"]
