"""What runners do besides running: old invocations go, lost ones come back, and nobody waits in silence."""

import pytest
import tasks_load
from gates_and_notes import DEADLINE_SECONDS, open_gate
from stage import SETUPS, names

from pynenc.engine import hub
from pynenc.exceptions import InvocationNotFoundError, InvocationTimeoutError
from pynenc.invocation import DistributedInvocation, InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import collected_log

everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
#: The shortest time an invocation that has ended is kept here: some milliseconds.
TINY_HOURS = 1e-6


@everywhere
def test_old_invocations_go(stage, setup):
    app = stage.run(setup, auto_final_invocation_purge_hours=TINY_HOURS, purge_interval_seconds=0.05)
    later = tasks_load.nothing.with_options(delay_seconds=1000)(2)
    invocation = tasks_load.nothing(1)
    wait_until(lambda: app.orchestrator.count_invocations() == 1, DEADLINE_SECONDS, "the purge of the one that ended")
    for ask in (lambda: invocation.result, lambda: invocation.status, lambda: invocation.arguments):
        with pytest.raises(InvocationNotFoundError, match=invocation.invocation_id):
            ask()
    assert later.status is InvocationStatus.REGISTERED, "what has not ended is not old"
    later.cancel()


@everywhere
def test_what_has_ended_is_kept_for_its_time(stage, setup):
    app = stage.run(setup, purge_interval_seconds=0.02)
    invocation = tasks_load.nothing(1)
    assert invocation.result == 1
    ledger = app.engine.ledger
    wait_until(lambda: "purge" in ledger.duties(), DEADLINE_SECONDS, "the runner to look after it")
    held_until = ledger.duties()["purge"][1]
    wait_until(lambda: ledger.duties()["purge"][1] > held_until, DEADLINE_SECONDS, "the runner to look once more")
    assert invocation.result == 1


@everywhere
def test_what_is_lost_from_the_queue_comes_back(stage, setup):
    app = stage.build(setup, slots=1, sweep_interval_seconds=0.1, sweep_grace_seconds=0.05)
    lost = [tasks_load.nothing(number) for number in range(3)]
    if "RabbitMq" in setup.products:
        app.broker.purge()  # it cannot look into its queues
    else:
        app.engine.backend.broker.remove([invocation.invocation_id for invocation in lost])
    assert app.broker.count_invocations() == 0
    with collected_log(app) as log:
        stage.start(app)
        assert [invocation.result for invocation in lost] == [0, 1, 2]
        wait_until(lambda: _told_of_sweep(log, lost) == [1, 1, 1], DEADLINE_SECONDS, "a warning for each")
    assert names(lost[0]) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]


def _told_of_sweep(log: list[str], lost: list[DistributedInvocation[int]]) -> list[int]:
    warnings = [line for line in list(log) if "Sweep queued again" in line]
    return [sum(invocation.invocation_id in line for line in warnings) for invocation in lost]


@everywhere
def test_an_emptied_queue_fills_again(stage, setup):
    app = stage.build(setup, slots=1, sweep_interval_seconds=0.1, sweep_grace_seconds=0.05)
    invocation = tasks_load.nothing(1)
    app.broker.purge()
    stage.start(app)
    assert invocation.result == 1


@everywhere
def test_what_is_queued_twice_runs_once(stage, setup):
    app = stage.build(setup, slots=1)
    invocation = tasks_load.nothing(1)
    record = invocation.record
    app.engine.steps.requeue([record, record])
    stage.start(app)
    assert invocation.result == 1
    assert tasks_load.nothing(2).result == 2
    assert names(invocation) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]


def test_without_a_runner_the_waiting_side_says_so(stage, monkeypatch):
    monkeypatch.setattr(hub, "SAFETY_CHECK_SECONDS", 0.02)
    app = stage.build("sqlite-thread", no_runner_warning_seconds=0.05)
    invocation = tasks_load.nothing(1)
    with collected_log(app) as log, pytest.raises(InvocationTimeoutError, match="still registered"):
        invocation.result_within(0.5)
    (warning,) = [line for line in log if line.startswith("WARNING")]
    assert "no runner is alive" in warning
    assert "pynenc --app=behaviour_app.app runner start" in warning
    stage.start(app)
    assert invocation.result == 1


def test_with_a_runner_it_waits_in_silence(stage, monkeypatch, gate):
    monkeypatch.setattr(hub, "SAFETY_CHECK_SECONDS", 0.02)
    app = stage.run("sqlite-thread", no_runner_warning_seconds=0.05)
    invocation = tasks_load.gate_keeper(gate)
    with collected_log(app) as log, pytest.raises(InvocationTimeoutError):
        invocation.result_within(0.5)
    assert not [line for line in log if line.startswith("WARNING")]
    open_gate(gate)
    assert invocation.result == "open"
