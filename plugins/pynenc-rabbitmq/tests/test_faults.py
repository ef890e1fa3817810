"""RabbitMQ goes away, comes back, refuses; workers die: no call is lost, and what is refused is not half written."""

import os
import signal
import threading
from itertools import count

import pytest
import rabbitmq_tasks as tasks
from rabbitmq_reach import reach

from pynenc import Pynenc
from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation import InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, RunnerThread, workers
from pynenc.testing.servers import RabbitMQServer
from pynenc.testing.servers.fixtures import make_server
from pynenc.testing.storm import StormPlan, run_storm
from pynenc_rabbitmq import RabbitMqBroker

#: Short, so that tests are.
UPKEEP = {
    "lease_seconds": 2.0,
    "recovery_interval_seconds": 0.5,
    "sweep_interval_seconds": 1.0,
    "sweep_grace_seconds": 2.0,
}
DEADLINE_SECONDS = 60.0


@pytest.mark.timeout(240)
def test_nothing_is_lost_when_the_server_restarts_twice_under_load(own_server, make_app):
    app = make_app(own_server, "PersistentProcessRunner", **UPKEEP)
    over = threading.Event()
    calls: list = []

    def submit():
        for number in count():
            if over.is_set():
                return
            calls.append((tasks.add(number, 1), number + 1))
            over.wait(0.01)

    with RunnerThread(app):
        client = threading.Thread(target=submit)
        client.start()
        try:
            for restart in (own_server.restart, lambda: (own_server.kill(), own_server.start())):
                seen = len(calls)
                wait_until(lambda seen=seen: len(calls) > seen + 50, DEADLINE_SECONDS, "more calls")
                restart()
        finally:
            over.set()
            client.join()
        assert len(calls) > 100
        for invocation, expected in calls:
            wait_until(lambda i=invocation: i.status.is_final(), DEADLINE_SECONDS, "the end of all calls")
            assert invocation.result == expected


@pytest.mark.timeout(120)
def test_a_worker_that_is_born_while_the_server_is_away_lives_until_it_is_back(own_server, make_app, tmp_path):
    app = make_app(own_server, "PersistentProcessRunner", slots=1, **UPKEEP)
    with RunnerProcess(app, tmp_path) as runner:
        assert tasks.add(1, 1).result_within(DEADLINE_SECONDS) == 2
        [first] = workers(app)
        own_server.stop()
        os.kill(first.pid, signal.SIGKILL)
        wait_until(
            lambda: "failed, going on: StoreUnavailableError" in runner.log, DEADLINE_SECONDS, "the next one to look"
        )
        own_server.start()
        assert tasks.add(2, 2).result_within(DEADLINE_SECONDS) == 4
        assert runner.log.count("is replaced") == 1, runner.log


def test_connections_that_are_cut_are_opened_again(own_server, make_app):
    app = make_app(own_server, **UPKEEP)
    with RunnerThread(app):
        for number in range(3):
            calls = [tasks.add(number, each) for each in range(50)]
            own_server.close_connections()
            assert [call.result for call in calls] == [number + each for each in range(50)]


def test_a_server_that_does_not_answer_holds_nobody_up_for_long(own_server, make_app):
    app = make_app(own_server, **UPKEEP)
    with RunnerThread(app):
        assert tasks.add(1, 1).result == 2
        own_server.pause()
        call = tasks.add(2, 2)
        own_server.resume()
        assert call.result == 4


@pytest.mark.parametrize("point", ["claim.before_commit", "claim.after_commit"])
def test_a_worker_that_dies_with_a_delivery_loses_nothing(rabbitmq_server, make_app, tmp_path, die_at, point):
    app = make_app(rabbitmq_server, **UPKEEP)
    calls = [tasks.add(number, 1) for number in range(20)]
    die_at(app, point)
    with RunnerProcess(app, tmp_path):
        assert [call.result for call in calls] == [number + 1 for number in range(20)]


def test_what_was_lost_behind_our_back_is_queued_again(rabbitmq_server, make_app):
    app = make_app(rabbitmq_server, **UPKEEP)
    calls = [tasks.add(number, 1) for number in range(10)]
    app.broker.purge()
    with RunnerThread(app):
        assert [call.result for call in calls] == [number + 1 for number in range(10)]


def test_a_server_without_memory_refuses_clearly_and_nothing_is_half_written(own_server, make_app):
    app = make_app(own_server)
    assert tasks.add(0, 0).status is InvocationStatus.REGISTERED
    own_server.raise_memory_alarm()

    errors: list[str] = []

    def refused() -> bool:
        # The first after the alarm may still be accepted: the server tells us when it is sent something.
        before = app.orchestrator.count_invocations()
        try:
            tasks.add(1, 1)
        except StoreUnavailableError as error:
            errors.append(str(error))
        return app.orchestrator.count_invocations() == before

    wait_until(refused, 20, "a call to be refused")
    assert "takes no messages" in errors[0]
    assert own_server.password not in errors[0]
    accepted = app.orchestrator.count_invocations()
    own_server.clear_memory_alarm()
    wait_until(lambda: not _blocked(app), 20, "the server to take messages")
    with RunnerThread(app):
        assert tasks.add(2, 2).result == 4
        done = frozenset({InvocationStatus.SUCCESS})
        wait_until(lambda: app.orchestrator.count_invocations(statuses=done) == accepted + 1, 20, "all to end")


def _blocked(app: Pynenc) -> bool:
    broker = app.assembled.backend.broker
    assert isinstance(broker, RabbitMqBroker)
    try:
        broker._unit.session.check_accepts(1)
    except StoreUnavailableError:
        return True
    return False


def test_a_worker_goes_on_while_the_server_has_no_memory(own_server, make_app):
    """It takes what is queued, and what its tasks call waits for room."""
    app = make_app(own_server, slots=1, **UPKEEP)
    with RunnerThread(app):
        assert tasks.add(1, 1).result == 2
        own_server.raise_memory_alarm()
        call = tasks.fibonacci(4)
        own_server.clear_memory_alarm()
        assert call.result == 3


def test_a_server_that_was_never_reached_is_a_clear_error(make_app, own_server):
    app = make_app(own_server)
    own_server.stop()
    with pytest.raises(StoreUnavailableError, match=r"RabbitMQ at 127.0.0.1:\d+ cannot be used: .*rabbitmq_host"):
        tasks.add(1, 1)
    assert app.orchestrator.count_invocations() == 0


def test_a_wrong_password_is_a_clear_error_without_it(rabbitmq_server, make_app):
    app = make_app(rabbitmq_server)
    app.close()
    wrong = Pynenc(
        {**reach(rabbitmq_server), "app_id": "wrong", "broker_cls": "RabbitMqBroker", "rabbitmq_password": "s3cret"}
    )
    with pytest.raises(StoreUnavailableError, match="cannot be used") as caught:
        wrong.broker.count_invocations()
    assert "s3cret" not in str(caught.value) + repr(wrong.broker) + repr(wrong)
    wrong.close()


def test_tls_with_a_certificate_of_an_authority_we_trust(make_app):
    with make_server(lambda: RabbitMQServer(tls=True)) as server:
        assert server.certificates is not None
        trusted = str(server.certificates.authority)
        with RunnerThread(make_app(server, rabbitmq_tls=True, rabbitmq_tls_ca_file=trusted)):
            assert tasks.add(1, 2).result == 3
        stranger = make_app(server, rabbitmq_tls=True)
        with pytest.raises(StoreUnavailableError, match="certificate"):
            stranger.broker.count_invocations()


def test_a_forked_child_has_connections_of_its_own(rabbitmq_server, make_app):
    app = make_app(rabbitmq_server)
    assert tasks.add(1, 1).status is InvocationStatus.REGISTERED
    child = os.fork()
    if child == 0:
        try:
            tasks.add(2, 2)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent reads the exit code
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert tasks.add(3, 3).status is InvocationStatus.REGISTERED
    assert app.broker.count_invocations() == 3


@pytest.mark.timeout(240)
def test_every_promise_is_kept_in_a_storm_with_two_restarts(own_server, tmp_path):
    settings = {"broker_cls": "RabbitMqBroker", **reach(own_server)}
    over = threading.Event()

    def restart_twice():
        for _ in range(2):
            if over.wait(4):
                return
            own_server.restart()

    restarts = threading.Thread(target=restart_twice)
    restarts.start()
    try:
        verdict = run_storm(StormPlan(seconds=24, kills=12, processes=2, scopes=True, settings=settings), tmp_path)
    finally:
        over.set()
        restarts.join()
    assert verdict.kept, str(verdict)
    assert verdict.recoveries
