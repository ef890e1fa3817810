"""What users are promised with the queues in RabbitMQ and everything else on Redis, whose shortcuts are taken then."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import pytest
import rabbitmq_tasks as tasks
import redis

from pynenc import Pynenc
from pynenc.engine import crash_points, hub
from pynenc.engine.beside_queue import BesideQueue
from pynenc.invocation import InvocationStatus
from pynenc.invocation.record import QueueEntry
from pynenc.runner import watch
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, RunnerThread

RUNNERS = ["ThreadRunner", "PersistentProcessRunner", "MultiThreadRunner", "ProcessRunner"]
#: Short, so that tests are.
UPKEEP = {
    "lease_seconds": 2.0,
    "recovery_interval_seconds": 0.5,
    "sweep_interval_seconds": 1.0,
    "sweep_grace_seconds": 2.0,
}
DEADLINE_SECONDS = 30.0
#: Of the 64 that a server of a test session has, the last: behind those of other tests.
_databases = count()


@pytest.fixture
def make(make_app, redis_server) -> Callable[..., Pynenc]:
    """Make an app of a RabbitMQ server, a runner and settings."""
    url = f"{redis_server.url}/{60 + next(_databases) % 4}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()

    def make(server: Any, runner: str = "ThreadRunner", slots: int = 2, **settings: Any) -> Pynenc:
        elsewhere = {f"{name}_cls": f"Redis{kind}" for name, kind in _KINDS.items()}
        made: Pynenc = make_app(server, runner, slots, redis_url=url, **elsewhere, **settings)
        return made

    return make


_KINDS = {
    "orchestrator": "Orchestrator",
    "state_backend": "StateBackend",
    "trigger": "Trigger",
    "client_data_store": "ClientDataStore",
}


@pytest.fixture
def without_safety_nets(monkeypatch):
    """A lost wake-up is a failure, not a second of waiting that nobody notices."""
    monkeypatch.setattr(hub, "SAFETY_CHECK_SECONDS", 1000.0)
    monkeypatch.setattr(watch, "SAFETY_LOOK_SECONDS", 1000.0)


@pytest.fixture
def taken(monkeypatch) -> Counter[tuple[str, bool]]:
    """How often a step was taken as a shortcut in this process, and how often it was not."""
    seen: Counter[tuple[str, bool]] = Counter()
    for name in ("submit", "advance", "wait"):
        usual = getattr(BesideQueue, name)

        def counted(*args, name=name, usual=usual, **options):
            answer = usual(*args, **options)
            seen[name, bool(answer)] += 1
            return answer

        monkeypatch.setattr(BesideQueue, name, counted)
    return seen


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.usefixtures("without_safety_nets")
def test_calls_come_to_their_results(rabbitmq_server, make, runner):
    with RunnerThread(make(rabbitmq_server, runner)):
        for number in range(5):
            assert tasks.add(number, 2).result == number + 2
        group = tasks.add.parallelize([(number, number) for number in range(200)])
        assert sorted(group.results) == [2 * number for number in range(200)]


@pytest.mark.usefixtures("without_safety_nets")
def test_the_plain_cases_are_shortcuts(rabbitmq_server, make, taken):
    with RunnerThread(make(rabbitmq_server, slots=1)):
        assert tasks.fibonacci(7).result == 13
    assert all(taken[step, True] for step in ("submit", "advance", "wait"))
    assert not taken["submit", False]


@pytest.mark.parametrize("runner", RUNNERS[:3])
@pytest.mark.usefixtures("without_safety_nets")
def test_nested_waits_with_one_slot(rabbitmq_server, make, runner):
    with RunnerThread(make(rabbitmq_server, runner, slots=1)):
        assert tasks.fibonacci(8).result == 21


@pytest.mark.usefixtures("without_safety_nets")
def test_nested_waits_of_coroutines(rabbitmq_server, make):
    with RunnerThread(make(rabbitmq_server)):
        assert tasks.fibonacci_async(8).result == 21


@contextmanager
def slot_taken() -> Iterator[None]:
    """Meanwhile a task executes in one slot."""
    tasks.gate.clear()
    held = tasks.waits_at_gate()
    wait_until(lambda: held.status is InvocationStatus.RUNNING, DEADLINE_SECONDS, "the slot to be taken")
    try:
        yield
    finally:
        tasks.gate.set()
    assert held.result is None


@pytest.mark.usefixtures("without_safety_nets")
def test_a_slot_at_rest_is_told_while_another_works(rabbitmq_server, make):
    """Over and over: the other one has emptied the queue each time, and listens no more."""
    with RunnerThread(make(rabbitmq_server, slots=2)), slot_taken():
        for number in range(20):
            assert tasks.add(number, 1).result == number + 1


@pytest.mark.usefixtures("without_safety_nets")
def test_a_coroutine_starts_while_every_slot_works(rabbitmq_server, make):
    with RunnerThread(make(rabbitmq_server, slots=1)), slot_taken():
        assert [tasks.fibonacci_async(1).result for _ in range(5)] == [1] * 5


@pytest.mark.usefixtures("without_safety_nets")
def test_a_delayed_call_is_run_in_time(rabbitmq_server, make):
    with RunnerThread(make(rabbitmq_server)):
        assert tasks.add(1, 1).result == 2
        assert tasks.add.with_options(delay_seconds=0.2)(2, 2).result == 4


@pytest.mark.usefixtures("without_safety_nets")
def test_scopes_are_kept_among_plain_calls(rabbitmq_server, make, taken):
    with RunnerThread(make(rabbitmq_server, slots=4)):
        calls = [task(number) for number in range(30) for task in (tasks.one_at_a_time, tasks.send_mail)]
        assert [call.result for call in calls] == [number for number in range(30) for _ in range(2)]
    assert taken["advance", False]


@pytest.mark.usefixtures("without_safety_nets")
def test_stale_and_double_entries_are_passed_over(rabbitmq_server, make):
    app = make(rabbitmq_server)
    broker = app.engine.backend.broker
    calls = [tasks.add(number, 1) for number in range(10)]
    broker.push([QueueEntry(call.invocation_id, "default", "thread", 0) for call in calls for _ in range(3)])
    broker.push([QueueEntry("nobody's", "default", "thread", 100)])
    with RunnerThread(app):
        assert [call.result for call in calls] == [number + 1 for number in range(10)]
        wait_until(lambda: app.broker.count_invocations() == 0, DEADLINE_SECONDS, "the queue to be empty")
    histories = app.engine.ledger.history([call.invocation_id for call in calls])
    assert [entry.status for entry in histories].count(InvocationStatus.RUNNING) == 10


@pytest.mark.parametrize("point", ["claim.before_commit", "queue.before_commit", "claim.after_commit:2"])
def test_a_worker_that_dies_around_a_claim_loses_nothing(rabbitmq_server, make, tmp_path, die_at, point):
    app = make(rabbitmq_server, **UPKEEP)
    calls = [tasks.add(number, 1) for number in range(20)]
    die_at(app, point)
    with RunnerProcess(app, tmp_path):
        assert [call.result for call in calls] == [number + 1 for number in range(20)]


@pytest.mark.parametrize("point", ["submit.before_commit", "queue.before_commit"])
def test_a_client_that_dies_while_it_calls(rabbitmq_server, make, tmp_path, point):
    """Before the commit there is no call; after it there is one that nobody queued, and the sweep finds it."""
    app = make(rabbitmq_server, **UPKEEP)
    client = os.fork()
    if client == 0:
        crash_points.arm(point)
        with suppress(BaseException):
            tasks.add(1, 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(client, 0)[1]) == -signal.SIGKILL
    ids = app.orchestrator.get_task_invocation_ids(tasks.add.key, limit=10)
    assert app.broker.count_invocations() == 0
    if point == "submit.before_commit":
        assert ids == []
        return
    [left] = ids
    with RunnerProcess(app, _folder(tmp_path, "runner")):
        assert app.get_invocation(left).result == 3


@pytest.mark.timeout(120)
def test_calls_while_the_server_is_away(own_server, make):
    app = make(own_server, **UPKEEP)
    with RunnerThread(app):
        assert tasks.add(1, 1).result == 2
        own_server.stop()
        calls = [tasks.add(number, 1) for number in range(20)]
        own_server.start()
        assert [call.result for call in calls] == [number + 1 for number in range(20)]


def _folder(parent, name):
    folder = parent / name
    folder.mkdir()
    return folder
