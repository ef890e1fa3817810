"""Whatever a task does, its invocation ends with an error that says what happened, and the runner goes on."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tasks_failures
from gates_and_notes import notes
from stage import DEADLINE_SECONDS, PLAIN, PROCESSES, SETUPS, names

from pynenc.exceptions import (
    InvocationLostError,
    SerializationError,
    StoreUnavailableError,
    TaskExitError,
    TaskNotFoundError,
)
from pynenc.invocation import DistributedInvocation, InvocationStatus
from pynenc.runner import missing_task
from pynenc.testing import wait_until

on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")
in_processes = pytest.mark.parametrize("setup", PROCESSES, ids=str)

FAILED = ["REGISTERED", "PENDING", "RUNNING", "FAILED"]


def error_of(invocation: DistributedInvocation) -> Exception:
    """What the client sees of an invocation that failed once; the runner has gone on."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - judged by who asked
        _ = invocation.result
    assert invocation.status is InvocationStatus.FAILED
    assert names(invocation) == FAILED
    assert tasks_failures.fine().result == "fine"
    return caught.value


@on_one_of_a_kind
def test_an_exception_that_cannot_travel(shared_app):
    error = error_of(tasks_failures.fails_badly("cannot travel"))
    assert "CannotTravelError" in f"{type(error).__name__} {error}"
    assert "see the lock" in str(error)


@on_one_of_a_kind
def test_an_exception_without_words(shared_app):
    error = error_of(tasks_failures.fails_badly("has no words"))
    assert "HasNoWordsError" in f"{type(error).__name__}" or "HasNoWordsError" in str(error)


@on_one_of_a_kind
@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("exit", "SystemExit(I am done)"),
        ("exit without a word", "SystemExit()"),
        ("interrupt", "KeyboardInterrupt()"),
        ("generator exit", "GeneratorExit()"),
        ("no exception", "NoExceptionError(below all of them)"),
    ],
)
def test_what_is_no_exception_ends_nothing_but_the_task(shared_app, how, what):
    """Neither the worker nor, raised where its result is asked for, the client."""
    invocation = tasks_failures.fails_badly(how)
    error = error_of(invocation)
    assert isinstance(error, TaskExitError)
    assert what in str(error)
    assert invocation.invocation_id in str(error)


@on_one_of_a_kind
@pytest.mark.parametrize(("how", "kind"), [("recursion", RecursionError), ("memory", MemoryError)])
def test_at_the_end_of_the_means(shared_app, how, kind):
    assert isinstance(error_of(tasks_failures.fails_badly(how)), kind)


@on_one_of_a_kind
@pytest.mark.parametrize("how", ["exit", "interrupt", "cancelled", "cancels itself"])
def test_on_the_event_loop(shared_app, how):
    error = error_of(tasks_failures.fails_badly_on_the_loop(how))
    assert isinstance(error, TaskExitError)


@on_one_of_a_kind
def test_a_result_that_cannot_travel(shared_app):
    invocation = tasks_failures.returns_what_cannot_travel()
    error = error_of(invocation)
    assert isinstance(error, SerializationError)
    assert "lock" in str(error)
    assert invocation.invocation_id in str(error)


@on_one_of_a_kind
def test_an_argument_that_cannot_be_read(shared_app):
    error = error_of(tasks_failures.takes(tasks_failures.RefusesToLoad()))
    assert isinstance(error, SerializationError)
    assert "I refuse" in str(error)
    assert "value" in str(error)


@on_one_of_a_kind
def test_an_argument_that_cannot_be_sent(shared_app):
    before = shared_app.orchestrator.count_invocations()
    with pytest.raises(SerializationError, match=r"Failed to serialize argument 'value' .*lock"):
        tasks_failures.takes(__import__("threading").Lock())
    assert shared_app.orchestrator.count_invocations() == before


@in_processes
@pytest.mark.parametrize("how", ["abort", "kill", "exit"])
def test_a_task_that_takes_its_process_along(stage, setup, journal, how):
    stage.run(setup, slots=1, max_recoveries=1)
    invocation = tasks_failures.kills_its_process(journal, how)
    with pytest.raises(InvocationLostError, match="2 of its workers died") as caught:
        _ = invocation.result
    assert "max_recoveries is 1" in str(caught.value)
    assert "tasks_failures.kills_its_process" in str(caught.value)
    first, second = notes(journal)
    assert first != second, "each time in another process"
    walk = ["REGISTERED", "PENDING", "RUNNING", "RUNNING_RECOVERY", "REROUTED"]
    assert names(invocation) == [*walk, "PENDING", "RUNNING", "RUNNING_RECOVERY", "FAILED"]
    assert tasks_failures.fine().result == "fine"


@in_processes
def test_a_task_whose_process_dies_once_is_run_again(stage, setup, journal):
    stage.run(setup, slots=1)
    invocation = tasks_failures.kills_its_process_at_first(journal)
    assert invocation.result == "survived"
    assert invocation.record.recoveries == 1


@in_processes
def test_a_parent_whose_process_is_taken_along_is_run_again(stage, setup, journal):
    stage.run(setup, slots=1)
    assert tasks_failures.waits_for_a_killer(journal).result == "survived"


MakeModule = Callable[[str], Path]


@pytest.fixture
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeModule:
    """A module with tasks that can vanish."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(tasks: str) -> Path:
        path = tmp_path / "vanishing_tasks.py"
        path.write_text(f"from behaviour_app import app\n\n{tasks}")
        importlib.invalidate_caches()
        sys.modules.pop("vanishing_tasks", None)
        return path

    return make


HERE_AND_GONE = "@app.task\ndef here_and_gone():\n    return 'here'\n"


@pytest.mark.parametrize("setup", [setup for setup in SETUPS.values() if setup.shared and not setup.odd], ids=str)
@pytest.mark.parametrize(
    ("afterwards", "said"),
    [
        (None, "No module named 'vanishing_tasks'"),
        ("raise RuntimeError('no configuration')", "no configuration"),
        ("here_and_renamed = 1\n", "no task 'here_and_gone'"),
        ("here_and_gone = 1\n", "no task 'here_and_gone'"),
    ],
    ids=["module gone", "module fails", "task gone", "no task any more"],
)
def test_a_task_that_the_worker_cannot_import(stage, setup, make_module, afterwards, said):
    path = make_module(HERE_AND_GONE)
    stage.build(setup)
    invocation = importlib.import_module("vanishing_tasks").here_and_gone()
    if afterwards is None:
        path.unlink()
        sys.modules.pop("vanishing_tasks")
    else:
        make_module(afterwards)
    # The one of the worker: the caller's knows the task already.
    stage.run(setup)
    error = error_of(invocation)
    assert isinstance(error, TaskNotFoundError)
    assert "vanishing_tasks.here_and_gone" in str(error)
    assert said in str(error)


@pytest.mark.parametrize("setup", [setup for setup in SETUPS.values() if setup.shared and not setup.odd], ids=str)
def test_a_task_that_other_workers_have_is_left_to_them(stage, setup, make_module):
    """A new version is rolled out: the old worker takes a call of a new task before the new one does."""
    path = make_module(HERE_AND_GONE)
    app = stage.build(setup)
    invocation = importlib.import_module("vanishing_tasks").here_and_gone()
    path.unlink()
    sys.modules.pop("vanishing_tasks")
    app.engine.ledger.save_runners([app.runner.record(runner_id="the new one", slots=1)])
    stage.run(setup)
    wait_until(lambda: "REROUTED" in names(invocation), DEADLINE_SECONDS, "the worker to hand it back")
    # The workers of the test stand for the new ones now.
    make_module(HERE_AND_GONE)
    assert invocation.result == "here"
    assert names(invocation)[:4] == ["REGISTERED", "PENDING", "RUNNING", "REROUTED"]
    [lacked, *_] = app.engine.state.attempts(invocation.invocation_id)
    assert "No module named 'vanishing_tasks'" in lacked.error_message


def test_a_call_does_not_fail_because_the_store_cannot_say_who_else_is_there(stage, make_module, monkeypatch):
    path = make_module(HERE_AND_GONE)
    stage.build("sqlite-thread")
    invocation = importlib.import_module("vanishing_tasks").here_and_gone()
    path.unlink()
    sys.modules.pop("vanishing_tasks")

    def away() -> bool:
        raise StoreUnavailableError("away, says the test")

    monkeypatch.setattr(missing_task, "LONGEST_PAUSE_SECONDS", 0.2)
    # The one of the worker: the caller's knows the task already.
    worker = stage.build("sqlite-thread")
    monkeypatch.setattr(worker.engine, "is_alone", away)
    stage.start(worker)
    wait_until(lambda: "REROUTED" in names(invocation), DEADLINE_SECONDS, "the worker to hand it back")
    make_module(HERE_AND_GONE)
    assert invocation.result == "here"


def test_a_task_that_nobody_has_fails_in_the_end(stage, make_module, monkeypatch):
    path = make_module(HERE_AND_GONE)
    app = stage.build("sqlite-thread")
    invocation = importlib.import_module("vanishing_tasks").here_and_gone()
    path.unlink()
    sys.modules.pop("vanishing_tasks")
    app.engine.ledger.save_runners([app.runner.record(runner_id="another old one", slots=1)])
    monkeypatch.setattr(missing_task, "PATIENCE_SECONDS", 0.0)
    stage.run("sqlite-thread")
    with pytest.raises(TaskNotFoundError, match="vanishing_tasks"):
        _ = invocation.result
    assert [name for name in names(invocation) if name not in {"PENDING", "RUNNING"}] == [
        "REGISTERED",
        "REROUTED",
        "FAILED",
    ]
