"""What users are promised, with the queues in RabbitMQ and everything else in SQLite."""

import threading
from pathlib import Path

import pytest
import rabbitmq_tasks as tasks

from pynenc import PynencBuilder
from pynenc.engine import hub
from pynenc.invocation import InvocationStatus
from pynenc.runner import watch
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerThread
from pynenc_rabbitmq import RabbitMqBroker

RUNNERS = ["ThreadRunner", "PersistentProcessRunner", "MultiThreadRunner", "ProcessRunner"]


@pytest.fixture(autouse=True)
def _without_safety_nets(monkeypatch):
    """A lost wake-up is a failure, not a second of waiting that nobody notices."""
    monkeypatch.setattr(hub, "SAFETY_CHECK_SECONDS", 1000.0)
    monkeypatch.setattr(watch, "SAFETY_LOOK_SECONDS", 1000.0)


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_call_comes_to_its_result(rabbitmq_server, make_app, runner):
    with RunnerThread(make_app(rabbitmq_server, runner)):
        assert tasks.add(1, 2).result == 3


@pytest.mark.parametrize("runner", RUNNERS[:3])
def test_nested_waits_with_one_slot(rabbitmq_server, make_app, runner):
    with RunnerThread(make_app(rabbitmq_server, runner, slots=1)):
        assert tasks.fibonacci(8).result == 21


def test_nested_waits_of_coroutines(rabbitmq_server, make_app):
    with RunnerThread(make_app(rabbitmq_server)):
        assert tasks.fibonacci_async(8).result == 21


@pytest.mark.parametrize("runner", ["ThreadRunner", "PersistentProcessRunner"])
def test_a_burst(rabbitmq_server, make_app, runner):
    app = make_app(rabbitmq_server, runner)
    group = tasks.add.parallelize([(number, number) for number in range(1000)])
    assert app.broker.count_invocations() == 1000
    with RunnerThread(app):
        assert sorted(group.results) == [2 * number for number in range(1000)]
    assert app.broker.count_invocations() == 0


def test_the_highest_priority_runs_first(rabbitmq_server, make_app, tmp_path):
    app = make_app(rabbitmq_server, slots=1)
    path = tmp_path / "notes"
    tasks.gate.clear()
    with RunnerThread(app):
        first = tasks.waits_at_gate()
        wait_until(lambda: first.status is InvocationStatus.RUNNING, 20, "the slot to be taken")
        calls = [
            tasks.note.with_options(priority=priority)(str(path), str(priority))
            for priority in (-100, 0, 100, 3, -3, 20)
        ]
        tasks.gate.set()
        for call in calls:
            call.result  # noqa: B018 - waits for it
    assert path.read_text().split() == ["100", "20", "3", "0", "-3", "-100"]


def test_a_runner_serves_the_queues_it_is_told_to(rabbitmq_server, make_app):
    app = make_app(rabbitmq_server, queues=["mail"])
    other = tasks.add(1, 2)
    with RunnerThread(app):
        assert tasks.send_mail(7).result == 7
        assert other.status is InvocationStatus.REGISTERED


def test_a_runner_of_all_queues_finds_those_that_are_older_than_itself_and_those_that_come_later(
    rabbitmq_server, make_app
):
    app = make_app(rabbitmq_server)
    before = tasks.send_mail.with_options(queue="before")(1)
    # What this process knows of places goes with its connections.
    app.assembled.backend.units[-1].close()
    with RunnerThread(app):
        assert before.result == 1
        assert tasks.send_mail.with_options(queue="a queue of later")(2).result == 2


def test_a_delivery_wakes_a_process_that_rests(rabbitmq_server, make_app, monkeypatch):
    """Nothing else does: the orchestrator's wake-ups are cut off."""
    app = make_app(rabbitmq_server)
    with RunnerThread(app):
        assert tasks.add(1, 1).result == 2
        monkeypatch.setattr(app.engine.wakeups, "wake_workers", lambda *_args, **_options: 0)
        for number in range(20):
            assert tasks.add(number, 1).result == number + 1


def test_a_process_that_rests_asks_nothing(rabbitmq_server, make_app, monkeypatch):
    app = make_app(rabbitmq_server)
    with RunnerThread(app):
        assert tasks.add(1, 1).result == 2
        broker = app.engine.backend.broker
        asked: list[str] = []
        settled = threading.Event()
        for name in ("pop", "sizes", "expect"):
            usual = getattr(broker, name)

            def counted(*args, name=name, usual=usual):
                asked.append(name)
                return usual(*args)

            monkeypatch.setattr(broker, name, counted)
        settled.wait(1.0)  # it may still be on its way to rest
        asked.clear()
        settled.wait(2.0)
        assert asked == []


@pytest.mark.parametrize("settings", [{"rabbitmq_queue_type": "quorum"}, {"rabbitmq_exchange_name": ""}], ids=str)
def test_other_kinds_of_queues_and_exchanges(rabbitmq_server, make_app, settings):
    with RunnerThread(make_app(rabbitmq_server, **settings)):
        calls = [tasks.add(number, 1) for number in range(50)]
        assert [call.result for call in calls] == [number + 1 for number in range(50)]


def test_a_queue_that_somebody_deletes_is_made_again(rabbitmq_server, make_app):
    app = make_app(rabbitmq_server)
    tasks.add(0, 0)
    [name] = [n for n in rabbitmq_server.control("list_queues", "name").split() if _is_of(app, n) and "queue" in n]
    rabbitmq_server.control("delete_queue", name)
    call = tasks.add(1, 1)
    wait_until(lambda: app.broker.count_invocations() == 1, 20, "the entry to be sent once more")
    with RunnerThread(app):
        assert call.result == 2


def _is_of(app, name: str) -> bool:
    broker = app.assembled.backend.broker
    assert isinstance(broker, RabbitMqBroker)
    return name.startswith(f"{broker._unit._conf.rabbitmq_queue_prefix}/")


def test_purge_and_peek(rabbitmq_server, make_app):
    app = make_app(rabbitmq_server)
    calls = [tasks.add.with_options(priority=priority)(1, priority) for priority in (0, 5, -5)]
    broker = app.engine.backend.broker
    peeked = [entry.invocation_id for entry in broker.peek("default", 2)]
    assert peeked == [calls[1].invocation_id, calls[0].invocation_id]
    assert app.broker.count_invocations("default") == 3
    app.broker.purge()
    assert app.broker.count_invocations() == 0
    assert sorted(broker.missing([call.invocation_id for call in calls])) == sorted(c.invocation_id for c in calls)


def test_the_builder_chooses_the_broker_only(rabbitmq_server, tmp_path: Path):
    app = (
        PynencBuilder()
        .app_id("built")
        .sqlite(str(tmp_path / "built.db"))
        .rabbitmq_broker(
            host=f"{rabbitmq_server.host}:{rabbitmq_server.port}",
            username=rabbitmq_server.user,
            password=rabbitmq_server.password,
        )
        .build()
    )
    try:
        assert type(app.assembled.backend.broker).__name__ == "RabbitMqBroker"
        assert type(app.assembled.backend.orchestrator).__name__ != "RabbitMqBroker"
        assert app.broker.count_invocations() == 0
    finally:
        app.close()
