"""Who is cancelled is told once, where it can release what it holds, and comes to its end doing so."""

import pytest
import tasks_cancelling
from gates_and_notes import DEADLINE_SECONDS, notes, open_gate, wait_for_notes
from stage import PROCESSES, THREADS, names, wait_for_status, wait_until_ended

from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until


@pytest.mark.parametrize("setup", THREADS, ids=str)
@pytest.mark.parametrize(
    "case",
    [
        ("waits for a sub-task while cleaning up", ["task", "cancel", "task", "step"]),
        ("sleeps while cleaning up", ["task", "cancel", "sleep", "step"]),
        ("waits for a plain call", ["cancel", "step"]),
        ("in a step", ["step", "cancel", "step"]),
        ("waits in a step", ["cancel", "step"]),
    ],
)
def test_a_cancelled_workflow_cleans_up(stage, setup, journal, gate, case):
    how, kinds = case
    app = stage.run(setup, slots=3)
    invocation = tasks_cancelling.cleaning_up(gate, journal, how)
    wait_for_notes(journal)
    if how != "in a step":
        wait_for_status(invocation, InvocationStatus.PAUSED)
    invocation.cancel()
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    open_gate(gate)
    wait_until_ended(app)
    assert notes(journal).count("released") == 1
    refunds = 1 if how == "waits for a sub-task while cleaning up" else 0
    assert notes(journal).count("refund") == notes(journal).count("refunded") == refunds
    assert [each.kind for each in app.workflows.history(invocation.invocation_id)] == kinds
    assert names(invocation).count("REROUTED") == kinds.count("sleep"), "it stayed away as long as it slept"


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_a_coroutine_that_gathers_cleans_up(stage, setup, journal, gate):
    app = stage.run(setup, slots=2)
    invocation = tasks_cancelling.cleaning_coroutine(gate, journal)
    wait_for_notes(journal, 2)
    invocation.cancel()
    open_gate(gate)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    wait_until_ended(app)
    assert notes(journal).count("released") == 1


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_one_that_has_left_its_stack_comes_back_to_clean_up(stage, setup, journal, gate):
    app = stage.run(setup, slots=2, workflow_stack_seconds=0.05)
    invocation = tasks_cancelling.cleaning_up(gate, journal, "left its stack")
    wait_until(lambda: names(invocation)[-1] == "REROUTED", DEADLINE_SECONDS, "it to leave its stack")
    invocation.cancel()
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    open_gate(gate)
    wait_until_ended(app)
    assert notes(journal) == ["reserved", "gated", "released"]


@pytest.mark.parametrize("setup", [each for each in PROCESSES if each.runner != "ProcessRunner"], ids=str)
def test_a_death_while_cleaning_up(stage, setup, journal, gate, tmp_path):
    app = stage.run(setup, slots=3)
    invocation = tasks_cancelling.dying_cleaner(gate, journal, str(tmp_path / "marker"))
    wait_for_notes(journal)
    wait_for_status(invocation, InvocationStatus.PAUSED)
    invocation.cancel()
    # To be told takes a slot, and its process may have given its only one to the child.
    open_gate(gate)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    wait_until_ended(app)
    assert [each for each in notes(journal) if each != "gated"] == ["release begun"] * 2 + ["released", "notified"]


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_calls_made_before_it_notices_are_cancelled_too(stage, setup, journal, gate, monkeypatch):
    # As if its process did not know yet when it calls.
    monkeypatch.setattr("pynenc.engine.submit.raise_if_cancelled", lambda _running: None)
    app = stage.run(setup, slots=1)
    invocation = tasks_cancelling.growing(gate, journal)
    wait_for_notes(journal)
    invocation.cancel()
    open_gate(gate)
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    wait_until_ended(app)
    children = app.state_backend.get_child_invocations(invocation.invocation_id)
    assert [app.get_invocation(each).status for each in children] == [InvocationStatus.CANCELLED] * 3
    assert notes(journal) == ["gated"]


@pytest.mark.parametrize("setup", THREADS, ids=str)
def test_who_is_cancelled_makes_no_more_calls(stage, setup, journal, gate):
    app = stage.run(setup, slots=2)
    invocation = tasks_cancelling.calling_on(gate, journal)
    wait_for_notes(journal, 2)
    invocation.cancel()
    assert invocation.wait(DEADLINE_SECONDS) is InvocationStatus.CANCELLED
    assert len(app.state_backend.get_child_invocations(invocation.invocation_id)) == 1
    open_gate(gate)
    wait_until_ended(app)
