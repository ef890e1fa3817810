"""Runners are stopped: what runs may end, what does not is given back, and nothing is lost."""

import re
import signal

import pytest
import tasks_stopping
from gates_and_notes import DEADLINE_SECONDS, notes, open_gate, wait_for_notes
from stage import PLAIN, THREADS, names, wait_for_status

from pynenc.exceptions import RunnerError
from pynenc.invocation import InvocationStatus
from pynenc.runner import grace
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerThread, collected_log

on_one_of_a_kind = pytest.mark.parametrize("setup", PLAIN, ids=str)
with_threads = pytest.mark.parametrize("setup", THREADS, ids=str)
#: Those that can be in a process of their own.
shared = pytest.mark.parametrize("setup", [setup for setup in PLAIN if setup.shared], ids=str)

TAKEN_AWAY = ["REGISTERED", "PENDING", "RUNNING", "KILLED", "REROUTED"]
TWICE = [*TAKEN_AWAY, "PENDING", "RUNNING", "SUCCESS"]
NO_GRACE = 0.05
#: Nobody waits for so long.
LONG_GRACE = 1000


@on_one_of_a_kind
@pytest.mark.parametrize("task", [tasks_stopping.works, tasks_stopping.works_on_the_loop], ids=["sync", "async"])
def test_what_runs_longer_than_the_grace_is_given_back_and_runs_again(stage, setup, task, journal, gate):
    app = stage.build(setup, slots=1, stop_grace_seconds=NO_GRACE)
    runner = stage.start(app)
    invocation = task(journal, gate)
    wait_for_notes(journal)
    runner.stop()
    assert names(invocation) == TAKEN_AWAY
    assert not app.orchestrator.get_active_runners()
    with collected_log(app) as log:
        runner.start()
        wait_for_notes(journal, 2)
        open_gate(gate)
        assert invocation.result == "done"
        assert names(invocation) == TWICE
    assert not any("RECOVERED" in line for line in log), "it was given back, and nobody had to find it"


@with_threads
def test_the_outcome_of_the_attempt_that_was_taken_away_is_refused(stage, setup, journal, gate):
    app = stage.build(setup, slots=1, stop_grace_seconds=NO_GRACE)
    with collected_log(app) as log:
        runner = stage.start(app)
        invocation = tasks_stopping.works(journal, gate)
        wait_for_notes(journal)
        runner.stop()
        assert any(f"still executing invocation:{invocation.invocation_id}" in line for line in log)
        runner.start()
        wait_for_notes(journal, 2)
        open_gate(gate)
        assert invocation.result == "done"
    assert names(invocation) == TWICE
    assert len(app.state_backend.get_attempts(invocation.invocation_id)) == 1


@on_one_of_a_kind
@pytest.mark.parametrize(
    "task", [tasks_stopping.waits_for_work, tasks_stopping.waits_on_the_loop], ids=["sync", "async"]
)
def test_what_waits_is_given_back_with_what_it_waits_for(stage, setup, task, journal, gate):
    app = stage.build(setup, slots=1, stop_grace_seconds=NO_GRACE)
    runner = stage.start(app)
    parent = task(journal, gate)
    wait_for_notes(journal, 2)
    wait_for_status(parent, InvocationStatus.PAUSED)
    runner.stop()
    assert names(parent) == [*TAKEN_AWAY[:3], "PAUSED", "KILLED", "REROUTED"]
    (child,) = app.state_backend.get_child_invocations(parent.invocation_id)
    assert names(app.get_invocation(child)) == TAKEN_AWAY
    open_gate(gate)
    runner.start()
    assert parent.result == "done"
    assert app.get_invocation(child).result == "done"


@with_threads
def test_code_that_waits_is_left_in_good_order(stage, setup, journal, gate):
    app = stage.build(setup, slots=1, stop_grace_seconds=NO_GRACE)
    runner = stage.start(app)
    parent = tasks_stopping.waits_for_work(journal, gate)
    wait_for_status(parent, InvocationStatus.PAUSED)
    runner.stop()
    wait_until(lambda: "left" in notes(journal), DEADLINE_SECONDS, "the finally block of the task that waits")
    open_gate(gate)
    runner.start()
    assert parent.result == "done"
    for child in app.state_backend.get_child_invocations(parent.invocation_id):
        assert app.get_invocation(child).result == "done"


@on_one_of_a_kind
@pytest.mark.parametrize("task", [tasks_stopping.works, tasks_stopping.works_on_the_loop], ids=["sync", "async"])
def test_what_ends_within_the_grace_ends_well(stage, setup, task, journal, gate):
    app = stage.build(setup, slots=1, stop_grace_seconds=LONG_GRACE)
    runner = stage.start(app)
    invocation = task(journal, gate)
    wait_for_notes(journal)
    app.runner.stop_runner_loop()
    assert app.runner.wait_until_stopped(NO_GRACE) is False
    open_gate(gate)
    runner.stop()
    assert app.runner.wait_until_stopped() is True
    assert names(invocation) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]


@with_threads
def test_a_stop_that_takes_long_says_what_it_waits_for(stage, setup, journal, gate, monkeypatch):
    monkeypatch.setattr(grace, "FIRST_LINE_SECONDS", 0.0)
    app = stage.build(setup, slots=1, stop_grace_seconds=LONG_GRACE)
    with collected_log(app) as log:
        runner = stage.start(app)
        invocation = tasks_stopping.works(journal, gate)
        wait_for_notes(journal)
        app.runner.stop_runner_loop()
        named = f"invocation:{invocation.invocation_id} task:tasks_stopping.works for "
        wait_until(lambda: any(named in line for line in log), DEADLINE_SECONDS, "a line that names it")
        open_gate(gate)
        runner.stop()
    (first, *_) = [line for line in log if named in line]
    assert re.search(r"^INFO runner:\S+ stops when these have ended, in (1e\+03|99\d) s at the latest: ", first)


@pytest.mark.parametrize("setup", [setup for setup in PLAIN if setup.runner != "ProcessRunner"], ids=str)
def test_within_the_grace_only_what_is_waited_for_begins(stage, setup, journal, gate, tmp_path):
    app = stage.build(setup, slots=1, stop_grace_seconds=LONG_GRACE)
    runner = stage.start(app)
    first = str(tmp_path / "first")
    parent = tasks_stopping.opens_late(journal, gate, first)
    wait_for_notes(journal)
    others = [tasks_stopping.quick() for _ in range(3)]
    app.runner.stop_runner_loop()
    open_gate(first)
    open_gate(gate)
    runner.stop()
    assert parent.status is InvocationStatus.SUCCESS
    for other in others:
        assert other.status in (InvocationStatus.REGISTERED, InvocationStatus.REROUTED)
    runner.start()
    assert [other.result for other in others] == ["quick and "] * 3


@shared
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signals(stage, setup, signum, journal, gate):
    app = stage.build(setup, slots=1, stop_grace_seconds=NO_GRACE)
    process = stage.start_process(app)
    invocation = tasks_stopping.works(journal, gate)
    wait_for_notes(journal)
    process.send(signum)
    assert process.wait() == 0
    assert names(invocation) == TAKEN_AWAY
    assert f"stopping: signal {signum.name}" in process.log
    assert "Traceback" not in process.log
    assert not app.orchestrator.get_active_runners()
    open_gate(gate)
    process.start()
    assert invocation.result == "done"
    assert names(invocation) == TWICE


@shared
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_grace(stage, setup, signum, journal, gate):
    app = stage.build(setup, slots=2, stop_grace_seconds=LONG_GRACE)
    process = stage.start_process(app)
    invocations = [tasks_stopping.works(journal, gate), tasks_stopping.waits_for_work(journal, gate)]
    invocations += [tasks_stopping.quick() for _ in range(3)]
    wait_for_notes(journal, 2)
    process.send(signum)
    wait_until(lambda: "stopping: signal" in process.log, DEADLINE_SECONDS, "the runner to say that it stops")
    assert process.returncode is None
    process.send(signum)
    assert process.wait() == 0
    assert not app.orchestrator.get_active_runners()
    statuses = {invocation.status for invocation in invocations}
    assert statuses <= {InvocationStatus.REROUTED, InvocationStatus.REGISTERED, InvocationStatus.SUCCESS}
    open_gate(gate)
    process.start()
    assert [invocation.result for invocation in invocations] == ["done", "done"] + ["quick and "] * 3
    for child in app.state_backend.get_child_invocations(invocations[1].invocation_id):
        assert app.get_invocation(child).result == "done"


@on_one_of_a_kind
def test_stopped_before_it_runs(stage, setup):
    app = stage.build(setup)
    assert app.runner.wait_until_stopped() is True, "it never ran"
    app.runner.stop_runner_loop()
    app.runner.run()
    assert app.runner.wait_until_stopped() is True
    assert not app.orchestrator.get_active_runners()
    stage.start(app)
    assert tasks_stopping.quick().result == "quick and ", "the request was for the first run"


@on_one_of_a_kind
def test_run_again_and_again(stage, setup):
    app = stage.build(setup)
    runner, ids = app.runner, set()
    for _ in range(3):
        with RunnerThread(app):
            assert app.runner is runner
            assert runner.is_running()
            ids.add(runner.runner_id)
            assert tasks_stopping.quick().result == "quick and "
        assert not runner.is_running()
        runner.stop_runner_loop()
    assert len(ids) == 3, "each time another incarnation"


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-persistent-process"])
def test_one_at_a_time(stage, setup):
    app = stage.run(setup)
    with pytest.raises(RunnerError, match="running already"):
        app.runner.run()
    assert tasks_stopping.quick().result == "quick and "
