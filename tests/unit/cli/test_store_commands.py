"""Tasks, queues, settings, health, and removing everything."""

import io
import json
import sys

import pytest

from pynenc.invocation.runner_record import RunnerRecord
from tests.unit.cli.command_line import finish


def alive(app, queues=()):
    """A runner that lives."""
    now = app.engine.clock.now()
    app.engine.ledger.save_runners([RunnerRecord("r", "ThreadRunner", None, "host", 1, now, now, None, queues, 1)])


# ----------------------------------------------------------------------------------------------------- tasks, queues


def test_tasks(pynenc, shop):
    shop.send("ann")
    unpublished = [line.split() for line in pynenc("tasks", "list").lines]
    assert unpublished[0] == ["TASK", "SIGNATURE", "QUEUE", "ASYNC", "RETRIES", "INVOCATIONS", "PUBLISHED"]
    assert unpublished[1:] == [
        ["tasks.add", "-", "-", "-", "-", "0", "no"],
        ["tasks.send", "-", "-", "-", "-", "1", "no"],
        ["tasks.twice", "-", "-", "-", "-", "0", "no"],
    ]
    finish(shop.app, shop.add(1, 2))
    rows = {row["task_id"]: row for row in json.loads(pynenc("tasks", "list", "--json").out)}
    assert rows["tasks.add"]["signature"] == "(x: int, y: int) -> int"
    assert rows["tasks.add"]["doc"] == "Add two numbers."
    assert (rows["tasks.add"]["invocations"], rows["tasks.add"]["published"]) == (1, True)
    assert pynenc("tasks", "list").lines[2].split()[-5:] == ["mail", "False", "2", "1", "yes"]


def test_queues(pynenc, shop):
    shop.add(1, 2)
    shop.add(3, 4)
    shop.send("ann")
    alive(shop.app, ("mail",))
    assert [line.split() for line in pynenc("queues", "list").lines] == [
        ["QUEUE", "LANE", "WAITING", "RUNNERS"],
        ["default", "thread", "2", "0"],
        ["mail", "thread", "1", "1"],
    ]
    assert json.loads(pynenc("queues", "list", "--json").out)[0] == {
        "queue": "default",
        "lane": "thread",
        "waiting": 2,
        "runners": 0,
    }


# ------------------------------------------------------------------------------------------------------------ config


@pytest.fixture
def configured(write, monkeypatch):
    """An application with settings from several sources."""
    monkeypatch.setenv("PYNENC__RUNNER__MAX_ASYNC_TASKS", "7")
    write("pyproject.toml", "[tool.pynenc.task]\nmax_retries = 3\n")
    write("tasks.py", "from pynenc import Pynenc\napp = Pynenc({'app_id': 'shop', 'lease_seconds': 20})\n")


@pytest.mark.usefixtures("configured")
def test_settings_and_where_they_come_from(pynenc):
    rows = [" ".join(line.split()) for line in pynenc("config", "show", "--changed").lines]
    assert rows[0] == "SECTION FIELD VALUE FROM"
    assert "pynenc app_id shop builder/constructor" in rows
    assert "pynenc lease_seconds 20.0 builder/constructor" in rows
    assert "task max_retries 3 pyproject.toml [tool.pynenc.task]" in rows
    assert "runner max_async_tasks 7 env PYNENC__RUNNER__MAX_ASYNC_TASKS" in rows
    assert not any(row.endswith(" default") for row in rows)


@pytest.mark.usefixtures("configured")
def test_some_settings_as_json(pynenc):
    rows = json.loads(pynenc("config", "show", "--section", "Task", "--json").out)
    assert {row["section"] for row in rows} == {"task"}
    [retries] = [row for row in rows if row["field"] == "max_retries"]
    assert (retries["value"], retries["origin"]) == (3, "pyproject.toml [tool.pynenc.task]")
    assert retries["description"]
    ran = pynenc("config", "show", "--section", "taks")
    assert ran.code == 2
    assert "There is no section 'taks'. Use one of broker," in ran.err


@pytest.mark.usefixtures("configured")
def test_show_config(pynenc):
    out = pynenc("--app=tasks.app", "show_config").out
    assert out.startswith(
        "Showing configuration for Pynenc instance:\n - location: tasks.app\n - id: shop\nConfig ConfigPynenc:\n"
    )
    assert "-\nlease_seconds: \n  Default: 30\n  Value: 20.0\n  Source: builder/constructor\n  Description: Sec" in out


# ------------------------------------------------------------------------------------------------------------ doctor


def test_all_is_well(pynenc, shop):
    alive(shop.app)
    shop.add(1, 2)
    ran = pynenc("doctor")
    assert ran.code == 0
    assert [line.split()[:2] for line in ran.lines] == [
        ["ok", check]
        for check in [
            "application",
            "configuration",
            "stores",
            "storage",
            "wake-ups",
            "runners",
            "queues",
            "owners",
            "clocks",
            "tasks",
            "triggers",
        ]
    ]


def _no_runner(app):
    app.get_task("tasks.add")(1, 2)


def _wrong_queue(app):
    alive(app, ("other",))
    app.get_task("tasks.send")("ann")


def _clock_ahead(app):
    now = app.engine.clock.now() + 60
    app.engine.ledger.save_runners([RunnerRecord("r", "ThreadRunner", None, "host", 1, now, now, None)])


def _silent_owner(app):
    alive(app)
    long_ago = app.engine.clock.now() - 10 * app.conf.lease_seconds
    silent = RunnerRecord("gone", "ThreadRunner", None, "host", 2, long_ago, long_ago, None, (), 1)
    app.engine.ledger.save_runners([silent])
    invocation = app.get_task("tasks.add")(1, 2)
    app.engine.ledger.claim([invocation.invocation_id], "gone", app.engine.clock.now())


def _renamed_task(app):
    app.engine.state.publish("task", {"tasks.old_name": "{}"})


def _broken_trigger_module(app):
    app.conf.trigger_task_modules = frozenset({"no_such_module"})


@pytest.mark.parametrize(
    ("spoil", "check", "detail", "hint"),
    [
        (_no_runner, "queues", "serves default", "Start one: pynenc --app=tasks.app runner start"),
        (_wrong_queue, "queues", "serves mail", "Start one: pynenc --app=tasks.app runner start --queues mail"),
        (_clock_ahead, "clocks", "ahead of this machine's", "NTP"),
        (_silent_owner, "owners", "gone fell silent", "takes it back"),
        (_renamed_task, "tasks", "renamed or removed", "Deploy"),
        (_broken_trigger_module, "triggers", "no_such_module", "trigger_task_modules"),
    ],
)
def test_what_is_wrong(pynenc, shop, spoil, check, detail, hint):  # noqa: PLR0917
    spoil(shop.app)
    ran = pynenc("doctor", "--json")
    assert ran.code == 6
    [bad] = [finding for finding in json.loads(ran.out) if not finding["ok"]]
    assert bad["check"] == check
    assert detail in bad["detail"]
    assert hint in bad["hint"]
    text = pynenc("doctor").out
    assert f"BAD  {check}" in text
    assert hint in text


def test_a_check_that_fails_is_a_finding(pynenc, shop, monkeypatch):
    def refuse():
        raise OSError("no answer")

    monkeypatch.setattr(shop.app.engine.ledger, "last_change", refuse)
    ran = pynenc("doctor")
    assert ran.code == 6
    assert "BAD  stores        OSError: no answer" in ran.lines


# ------------------------------------------------------------------------------------------------------------- purge


@pytest.mark.parametrize("answer", ["", "\n", "other\n", "yes\n"])
def test_purging_asks(pynenc, shop, monkeypatch, answer):
    shop.add(1, 2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    ran = pynenc("purge")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("This removes 1 invocations of app 'shop' from the memory of this process, finished or")
    assert "Nothing was removed" in ran.err
    assert len(pynenc("invocations", "list", "-o", "id").lines) == 1


@pytest.mark.parametrize("answer", [None, "shop\n"])
def test_purging(pynenc, shop, monkeypatch, answer):
    shop.add(1, 2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer or ""))
    ran = pynenc("purge", *(() if answer else ("--yes",)))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.endswith("Removed 1 invocations of app 'shop'.\n")
    assert pynenc("invocations", "list", "-o", "id").out == ""
    assert pynenc("queues", "list").lines[1:] == []
