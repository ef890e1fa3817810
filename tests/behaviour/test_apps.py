"""Applications beside one another, without a runner, and in each other's place."""

import asyncio
import logging
import threading

import pytest
import tasks_calls
import tasks_groups
import tasks_options
import tasks_waiting
from gates_and_notes import notes
from stage import MODULES, PLAIN, SETUPS, THREADS
from tasks_calls import OrderError

from pynenc import Pynenc, PynencBuilder
from pynenc.exceptions import AlreadyInitializedError, InvocationNotFoundError, RetryError, RunnerError
from pynenc.invocation import ConcurrentInvocation, InvocationStatus
from pynenc.testing.apps import RunnerThread, build_app, installed

everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
with_threads = pytest.mark.parametrize("setup", THREADS, ids=str)

# ------------------------------------------------------------------- sync mode


@pytest.fixture
def sync_app(tmp_path):
    app = build_app(SETUPS["sqlite-thread"], tmp_path / "never", dev_mode_force_sync_tasks=True)
    with installed(app, *MODULES):
        yield app
    assert not (tmp_path / "never").exists(), "sync mode touches no store"


def test_calls_run_where_they_are_made(sync_app, journal):
    invocation = tasks_calls.add(1, 2)
    assert isinstance(invocation, ConcurrentInvocation)
    assert (invocation.status, invocation.result) == (InvocationStatus.SUCCESS, 3)
    tasks_options.noted(journal, "without asking for the result")
    assert notes(journal) == ["without asking for the result"]
    assert tasks_waiting.fibonacci(10).result == 55
    assert tasks_waiting.fibonacci_async(5).result == 5
    assert tasks_calls.add_async(1, 2).result == 3


def test_failures_and_retries_run_there_too(sync_app, journal):
    failing = tasks_calls.fails("own")
    assert failing.status is InvocationStatus.FAILED
    with pytest.raises(OrderError, match="books"):
        _ = failing.result
    retried = tasks_options.retried(journal, times=2)
    assert (retried.result, retried.num_retries) == (3, 2)
    with pytest.raises(RetryError):
        _ = tasks_options.never_retried(journal + "2").result


def test_groups_and_direct_tasks_run_there_too(sync_app):
    assert list(tasks_groups.square.parallelize([(1,), (2,)]).results) == [1, 4]
    assert tasks_groups.sum_of_squares(4).result == 14
    assert tasks_groups.where(1)[2] == threading.get_ident()
    assert tasks_groups.scaled_sum([1, 2, 3]) == 12
    assert asyncio.run(tasks_groups.add_directly(1, 2)) == 3


def test_a_task_knows_its_invocation_there_too(sync_app):
    invocation = tasks_calls.asks_child_who_it_is()
    own_id, child, parent_of_child = invocation.result
    assert own_id == parent_of_child == child["workflow"] == invocation.invocation_id


def test_sync_mode_by_assignment_and_by_environment(stage, monkeypatch):
    app = stage.build("memory-thread")
    app.conf.dev_mode_force_sync_tasks = True
    assert isinstance(tasks_calls.add(1, 2), ConcurrentInvocation)
    app.conf.dev_mode_force_sync_tasks = False
    stage.start(app)
    assert tasks_calls.add(1, 2).result == 3
    monkeypatch.setenv("PYNENC__DEV_MODE_FORCE_SYNC_TASKS", "True")
    stage.build("memory-thread")
    assert isinstance(tasks_calls.add(1, 2), ConcurrentInvocation)


# ------------------------------------------------------------------------ purge


@everywhere
def test_purge(stage, setup):
    app = stage.build(setup)
    runner = stage.start(app)
    ended = tasks_calls.returns("x" * 5_000)
    assert ended.result == "x" * 5_000
    runner.stop()
    waiting = [tasks_calls.add(number, 1) for number in range(5)]
    app.purge()
    assert app.orchestrator.count_invocations() == app.broker.count_invocations() == 0
    assert app.client_data_store.usage() == (0, 0)
    for invocation in (ended, *waiting):
        with pytest.raises(InvocationNotFoundError):
            _ = invocation.result
    runner.start()
    assert tasks_calls.add(1, 2).result == 3
    assert tasks_calls.returns("x" * 5_000).result == "x" * 5_000, "nothing is remembered that is not stored any more"


# ------------------------------------------------------- several apps, one file


@pytest.mark.parametrize("setup", [setup for setup in PLAIN if setup.shared], ids=str)
def test_two_apps_in_one_file_share_nothing(stage, setup, tmp_path):
    other = build_app(SETUPS["sqlite-thread"], tmp_path, app_id="Tests")
    with installed(other, *MODULES):
        of_other = tasks_calls.add(1, 1)
    app = stage.build(setup)
    mine = tasks_calls.add(2, 2)
    assert mine.call_id != of_other.call_id
    assert app.orchestrator.count_invocations() == other.orchestrator.count_invocations() == 1
    stage.start(app)
    assert mine.result == 4
    assert of_other.status is InvocationStatus.REGISTERED
    with pytest.raises(InvocationNotFoundError):
        app.get_invocation(of_other.invocation_id)
    app.purge()
    assert other.orchestrator.count_invocations() == other.broker.count_invocations() == 1
    with installed(other, *MODULES), RunnerThread(other):
        assert of_other.result == 2
    other.close()


# --------------------------------------------------- one app in another's place


@pytest.mark.parametrize("setup", PLAIN, ids=str)
def test_an_app_with_another_id_in_the_place_of_the_module_s(stage, setup):
    """In worker processes, too, where the module is imported anew with an app of its own."""
    app = stage.run(setup, slots=1, app_id="in its place")
    assert tasks_calls.add(1, 2).result == 3
    n = 3 if setup.runner == "ProcessRunner" else 7
    assert tasks_waiting.fibonacci(n).result == {3: 2, 7: 13}[n]
    invocation = tasks_calls.asks_child_who_it_is()
    assert invocation.result[0] == invocation.invocation_id
    assert app.orchestrator.count_invocations(tasks_waiting.fibonacci.task_id) == {3: 5, 7: 41}[n]


def test_as_the_documents_do_it():
    app = PynencBuilder().memory().thread_runner().build()
    with installed(app, *MODULES):
        thread = threading.Thread(target=app.runner.run, daemon=True)
        thread.start()
        assert tasks_calls.add(1, 2).result == 3
        app.runner.stop_runner_loop()
        thread.join(30)
        assert not thread.is_alive()


def test_components_are_chosen_before_their_first_use(stage):
    app = Pynenc(app_id="chosen late")
    app.conf.orchestrator_cls = "MemOrchestrator"
    app.conf.runner_cls = "ThreadRunner"
    with installed(app, *MODULES):
        invocation = tasks_calls.add(1, 2)
        app.conf.orchestrator_cls = "MemOrchestrator"
        with pytest.raises(AlreadyInitializedError, match="SQLiteOrchestrator"):
            app.conf.orchestrator_cls = "SQLiteOrchestrator"
        with RunnerThread(app):
            assert invocation.result == 3
            with pytest.raises(AlreadyInitializedError, match="running"):
                app.conf.runner_cls = "DummyRunner"


@pytest.mark.parametrize("runner", ["MultiThreadRunner", "ProcessRunner", "PersistentProcessRunner"])
def test_processes_do_not_see_the_memory_of_another(stage, runner):
    app = stage.build("memory-thread", runner_cls=runner)
    with pytest.raises(RunnerError, match=r"other processes.*Use a ThreadRunner"):
        app.runner.run()


@with_threads
def test_a_closed_app_opens_again(stage, setup):
    if not setup.shared:
        pytest.skip("what is in memory is gone with it")
    app = stage.build(setup)
    invocation = tasks_calls.add(1, 2)
    app.close()
    stage.start(app)
    assert app.get_invocation(invocation.invocation_id).result == 3


def test_nothing_is_logged_that_worries(stage, caplog):
    """A quiet life makes quiet logs: no warning, and at INFO only who starts, stops, and where things are."""
    app = stage.build("sqlite-thread", logging_propagate=True)
    with caplog.at_level(logging.INFO), RunnerThread(app):
        assert tasks_calls.add(1, 2).result == 3
        assert tasks_waiting.fibonacci(3).result == 2
    ours = [record for record in caplog.records if record.name.startswith("pynenc")]
    assert [record.levelname for record in ours] == ["INFO"] * len(ours)
    # An invocation's record may reach us twice: the logger passes it on, as it was asked to here.
    assert len({record.created for record in ours}) <= 4, [record.getMessage() for record in ours]
