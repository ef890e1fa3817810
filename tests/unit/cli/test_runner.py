"""Starting runners, and seeing them."""

import json
import sys

import pytest

from pynenc.invocation.record import Transition
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.runner.base_runner import BaseRunner
from tests.unit.cli.command_line import masked

SHARED = "from pynenc import Pynenc\n\napp = Pynenc(app_id='shop')\n"


@pytest.fixture
def started(monkeypatch):
    """The runners that were started; they do nothing."""
    runners = []

    def run(runner):
        runners.append(runner)

    monkeypatch.setattr(BaseRunner, "run", run)
    return runners


@pytest.fixture
def shared(write):
    """An application with its state in a file."""
    write("tasks.py", SHARED)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("command", [("runner", "start"), ("worker",)])
@pytest.mark.parametrize(
    ("options", "label"),
    [((), "auto-discovered app_id=shop"), (("--app=tasks.app",), "tasks.app"), (("--app", "tasks.py"), "tasks.py")],
)
def test_starting_a_runner(pynenc, started, command, options, label):
    ran = pynenc(*command, *options)
    assert ran.code == 0
    assert ran.lines == [f"Starting runner for app: {label}"]
    assert [type(each).__name__ for each in started] == ["PersistentProcessRunner"]


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("options", "kind", "settings"),
    [
        (("--class", "threadrunner", "-t", "8"), "ThreadRunner", {"max_threads": 8}),
        (("-p", "3", "-Q", "a", "-Q", "b"), "PersistentProcessRunner", {"num_processes": 3, "queues": ("a", "b")}),
        (("--class=MultiThreadRunner", "-p2", "-t4"), "MultiThreadRunner", {"max_processes": 2, "max_threads": 4}),
        (("--class=ProcessRunner", "--processes=2"), "ProcessRunner", {"max_processes": 2}),
    ],
)
def test_options_become_settings(pynenc, started, options, kind, settings):
    assert pynenc("runner", "start", *options).code == 0
    [runner] = started
    assert type(runner).__name__ == kind
    assert {name: getattr(runner.conf, name) for name in settings} == settings
    assert all(runner.conf.origin_of(name) == "assigned" for name in settings)
    # Workers in other processes see them too.
    entries = runner.app.settings.snapshot().entries
    assert {e.field for e in entries if e.origin == "assigned"} >= settings.keys()


@pytest.mark.usefixtures("shared")
def test_the_log_level(pynenc, started):
    assert pynenc("runner", "start", "--log-level", "debug").code == 0
    assert started[0].app.logger.level == 10


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--class=ThreadRunner", "-p2"), "--processes does not apply to ThreadRunner"),
        (("--threads=2",), "--threads does not apply to PersistentProcessRunner"),
        (("--class=ProcessRunner", "--threads=2"), "--threads does not apply to ProcessRunner"),
        (("--processes=0",), "0 is not in the range"),
        (("--class=Nonsense",), "'Nonsense' is not one of"),
    ],
)
def test_options_that_do_not_apply(pynenc, started, options, message):
    ran = pynenc("runner", "start", *options)
    assert (ran.code, started) == (2, [])
    assert message in ran.err


@pytest.mark.usefixtures("shop")
def test_components_in_memory_are_refused(pynenc, started):
    ran = pynenc("runner", "start")
    assert (ran.code, started) == (78, [])
    assert "keeps its state in the memory of this process" in ran.err
    assert "--allow-memory" in ran.err
    assert pynenc("runner", "start", "--allow-memory").code == 0
    assert [type(each).__name__ for each in started] == ["ThreadRunner"]


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("how", ["option", "setting"])
def test_a_runner_that_runs_nothing_is_refused(pynenc, started, how, monkeypatch):
    options = ["--class=DummyRunner"] if how == "option" else []
    if how == "setting":
        monkeypatch.setenv("PYNENC__RUNNER_CLS", "DummyRunner")
    ran = pynenc("runner", "start", *options)
    assert (ran.code, started) == (1, [])
    assert "DummyRunner cannot be started, use another runner" in ran.err


# -------------------------------------------------------------------------------------------------------------- list


@pytest.fixture
def board(shop):
    """A runner that lives, its worker, one that fell silent, one that stopped."""
    ledger, now = shop.app.engine.ledger, shop.app.engine.clock.now()

    def runner(name, cls, *, parent=None, beat=now, stopped=None, queues=(), slots=0):
        return RunnerRecord(name, cls, parent, "host", 42, now - 200, beat, stopped, queues, slots)

    ledger.save_runners(
        [
            runner("r-1", "MultiThreadRunner"),
            runner("r-2", "MTRWorker", parent="r-1", queues=("a", "b"), slots=4),
            runner("r-3", "ThreadRunner", beat=now - 100, slots=2),
            runner("r-4", "ThreadRunner", stopped=now - 1),
        ]
    )


@pytest.mark.usefixtures("board")
def test_listing_runners(pynenc):
    head = "RUNNER  CLASS  PARENT  HOST  PID  SLOTS  QUEUES  STATE  SINCE  LAST BEAT  RUNS"
    alive = [
        "r-1  MultiThreadRunner  -  host  42  0  all  alive  <time>  <duration> ago  -",
        "r-2  MTRWorker  r-1  host  42  4  a, b  alive  <time>  <duration> ago  -",
    ]
    gone = [
        "r-3  ThreadRunner  -  host  42  2  all  silent  <time>  <duration> ago  -",
        "r-4  ThreadRunner  -  host  42  0  all  stopped  <time>  <duration> ago  -",
    ]
    assert masked(pynenc("runner", "list").out).splitlines() == [head, *alive]
    assert masked(pynenc("runner", "list", "--all").out).splitlines() == [head, *alive, *gone]
    assert masked(pynenc("runner", "ls").out).splitlines() == [head, *alive]
    rows = json.loads(pynenc("runner", "ls", "--all", "--json").out)
    began = rows[0]["started_at"]
    assert [(row["runner_id"], row["state"], round(row["since"] - began)) for row in rows] == [
        ("r-1", "alive", 0),
        ("r-2", "alive", 0),
        ("r-3", "silent", 100),
        ("r-4", "stopped", 199),
    ]


@pytest.mark.usefixtures("board")
def test_what_a_runner_runs(pynenc, shop):
    engine = shop.app.engine
    ids = [shop.add(1, 2).invocation_id, shop.add(3, 4).invocation_id, shop.twice(5).invocation_id]
    ids.append(shop.send("nobody").invocation_id)  # stays registered

    def change(invocation_id, *statuses):
        for status in statuses:
            [record] = engine.ledger.read([invocation_id]).values()
            step = Transition(invocation_id, status, "r-2", record.attempt)
            engine.ledger.transition([step], engine.clock.now())

    for invocation_id in ids[:3]:
        change(invocation_id, InvocationStatus.PENDING, InvocationStatus.RUNNING)
    [supervisor, worker] = json.loads(pynenc("runner", "ls", "--json").out)
    assert supervisor["running"] == []
    assert [row["invocation_id"] for row in worker["running"]] == ids[:3]
    assert worker["running"][0]["task_id"] == "tasks.add"
    assert worker["running"][0]["since"] >= worker["started_at"]
    assert pynenc("runner", "ls").lines[2].endswith("  tasks.add ×2, tasks.twice")
    change(ids[2], InvocationStatus.PAUSED)
    assert pynenc("runner", "ls").lines[2].endswith("  tasks.add ×2")


@pytest.mark.usefixtures("shop")
def test_the_settings_of_the_runner(pynenc):
    sys.modules["tasks"].app.conf.runner_cls = "ThreadRunner"
    out = pynenc("runner", "show_config").out
    assert "Config ConfigThreadRunner:\n" in out
    assert (
        "max_threads: \n  Default: 0\n  Value: 1\n  Source: builder/constructor\n  Description: Threads that run" in out
    )
