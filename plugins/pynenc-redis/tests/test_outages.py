"""The server goes and comes back; connections are cut; its memory is used up."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import redis_tasks

from pynenc import Pynenc
from pynenc.exceptions import InvocationNotFoundError, StoreUnavailableError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.status import InvocationStatus
from pynenc.module_loggers import MODULES
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, RunnerThread, workers
from pynenc.testing.servers import RedisServer
from pynenc.testing.servers.fixtures import make_server

DEADLINE_SECONDS = 40.0
pytestmark = pytest.mark.timeout(90)

MakeApp = Callable[..., Pynenc]


@pytest.fixture
def lasting() -> Iterator[RedisServer]:
    """A server of its own that keeps everything."""
    with make_server(lambda: RedisServer(append_only=True)) as server:
        yield server


@pytest.fixture
def forgetful() -> Iterator[RedisServer]:
    """A server of its own that forgets everything when it ends."""
    with make_server(RedisServer) as server:
        yield server


def test_restarted_under_work(make_app: MakeApp, lasting: RedisServer) -> None:
    app = make_app(lasting.url + "/0", slots=4)
    with RunnerThread(app):
        calls = [redis_tasks.nap(20) for _ in range(100)]
        tree = redis_tasks.fibonacci(6)
        for _ in range(2):
            lasting.restart()
            calls += [redis_tasks.nap(5) for _ in range(50)]
        assert [call.result_within(DEADLINE_SECONDS) for call in calls] == [20] * 100 + [5] * 100
        assert tree.result_within(DEADLINE_SECONDS) == 8


def test_killed_and_started_again(make_app: MakeApp, lasting: RedisServer) -> None:
    app = make_app(lasting.url + "/0", slots=2)
    calls = [redis_tasks.add(number, 1) for number in range(50)]
    lasting.kill()
    lasting.start()
    with RunnerThread(app):
        assert [call.result_within(DEADLINE_SECONDS) for call in calls] == list(range(1, 51))


@pytest.mark.parametrize("runner_cls", ["ThreadRunner", "PersistentProcessRunner"])
def test_restarted_without_its_data(
    make_app: MakeApp, forgetful: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, runner_cls: str
) -> None:
    """What was accepted is gone, and whoever waits for it is told so; what comes then is done, schedules included."""
    logging.getLogger(MODULES).addHandler(caplog.handler)
    app = make_app(forgetful.url + "/0", runner=runner_cls, slots=2, lease_seconds=3.0, recovery_interval_seconds=0.5)
    with RunnerProcess(app, tmp_path) as runner, ThreadPoolExecutor() as clients:
        running, paused = redis_tasks.hold_each(str(tmp_path)), redis_tasks.ask_for(str(tmp_path))
        wait_until(lambda: paused.status is InvocationStatus.PAUSED, DEADLINE_SECONDS, "a task to wait")
        queued = redis_tasks.hold_each(str(tmp_path))
        waits = [clients.submit(each.result_within, DEADLINE_SECONDS) for each in (running, paused, queued)]
        wait_until((tmp_path / "begun-1").exists, DEADLINE_SECONDS, "a task to run")
        forgetful.restart()
        for wait in waits:
            with pytest.raises(InvocationNotFoundError, match="not in the store"):
                wait.result(DEADLINE_SECONDS)
        # It is over for nobody: its outcome is refused, and its slot is free again.
        (tmp_path / "end-1").touch()
        assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3
        seconds = app.engine.ledger.find
        query = InvocationQuery(task_id=redis_tasks.on_second.key, statuses=frozenset({InvocationStatus.SUCCESS}))
        wait_until(lambda: len(seconds(query)) >= 2, DEADLINE_SECONDS, "the schedule to go on")
        log = runner.log
    logging.getLogger(MODULES).removeHandler(caplog.handler)
    lost = "has lost the data of application tests"
    assert caplog.text.count(lost) == 1, "one line for each process"
    assert log.count(lost) == (1 if runner_cls == "ThreadRunner" else 3)
    assert "Traceback" not in log[log.index(lost) :], log


def test_connections_cut_under_work(make_app: MakeApp, redis_url: str) -> None:
    """In the middle of whatever they do: nothing is lost, nothing is done twice."""
    app = make_app(redis_url, slots=4)
    over = threading.Event()

    def cut() -> None:
        with closing(redis.Redis.from_url(redis_url)) as client:
            while not over.wait(0.02):
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        with RunnerThread(app):
            calls = [redis_tasks.add(number, 1) for number in range(300)]
            tree = redis_tasks.fibonacci(7)
            assert [call.result_within(DEADLINE_SECONDS) for call in calls] == list(range(1, 301))
            assert tree.result_within(DEADLINE_SECONDS) == 13
            over.set()
    finally:
        over.set()
        cutter.join()


def test_memory_used_up(make_app: MakeApp) -> None:
    with make_server(lambda: RedisServer(max_memory="4mb")) as server:
        make_app(server.url + "/0", min_size_to_cache=10**9)
        text = "x" * 100_000
        accepted: list[Any] = []
        with pytest.raises(StoreUnavailableError, match=r"memory is used up \(maxmemory\)"):
            accepted.extend(redis_tasks.length(text) for _ in range(100))
        with closing(redis.Redis.from_url(server.url + "/0")) as client:
            client.config_set("maxmemory", "0")
        assert [call.status.name for call in accepted] == ["REGISTERED"] * len(accepted)
        app = redis_tasks.app
        assert app.orchestrator.count_invocations() == len(accepted), "nothing half written"
        with RunnerThread(app):
            assert accepted[-1].result_within(DEADLINE_SECONDS) == len(text)


def test_never_there(make_app: MakeApp) -> None:
    make_app("redis://ann:secret@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailableError, match=r"redis://127\.0\.0\.1:1/0 cannot be used") as caught:
        redis_tasks.add(1, 2)
    assert "secret" not in str(caught.value)


def test_wrong_password(make_app: MakeApp) -> None:
    with make_server(lambda: RedisServer(password="right")) as server:
        make_app(server.url.replace("right", "wrong") + "/0")
        with pytest.raises(StoreUnavailableError, match="password") as caught:
            redis_tasks.add(1, 2)
        assert "wrong" not in str(caught.value).replace("password", "")
        make_app(server.url + "/0")
        redis_tasks.add(1, 2)


def test_encrypted(make_app: MakeApp) -> None:
    with make_server(lambda: RedisServer(tls=True)) as server:
        assert server.certificates is not None
        app = make_app(f"{server.url}/0?ssl_ca_certs={server.certificates.authority}")
        with RunnerThread(app):
            assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3


def test_encrypted_by_settings(make_app: MakeApp) -> None:
    with make_server(lambda: RedisServer(tls=True, password="right")) as server:
        assert server.certificates is not None
        where = {"redis_tls": True, "redis_host": server.host, "redis_port": server.port, "redis_password": "right"}
        app = make_app("", redis_tls_ca_file=str(server.certificates.authority), **where)
        with RunnerThread(app):
            assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3
        make_app("", **where)
        with pytest.raises(StoreUnavailableError, match="certificate"):
            redis_tasks.add(1, 2)


def test_few_connections_are_kept(make_app: MakeApp, lasting: RedisServer) -> None:
    app = make_app(lasting.url + "/0", slots=8, redis_pool_max_connections=1)
    with RunnerThread(app):
        calls = [redis_tasks.nap(5) for _ in range(100)]
        assert [call.result_within(DEADLINE_SECONDS) for call in calls] == [5] * 100
        with redis.Redis.from_url(lasting.url) as client:
            # One that is free, those that listen, and the one that asks here.
            wait_until(lambda: len(client.client_list()) <= 4, DEADLINE_SECONDS, "the others to be closed")


def test_workers_outlive_the_server(make_app: MakeApp, lasting: RedisServer, tmp_path: Path) -> None:
    """Worker processes and their supervisor go on, too."""
    app = make_app(lasting.url + "/0", runner="PersistentProcessRunner", slots=2)
    with RunnerProcess(app, tmp_path) as runner:
        assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3
        lasting.restart()
        calls = [redis_tasks.add(number, 1) for number in range(50)]
        assert [call.result_within(DEADLINE_SECONDS) for call in calls] == list(range(1, 51))
        wait_until(lambda: runner.returncode is None, 1, "the runner to live")


def test_worker_born_while_the_server_is_away(make_app: MakeApp, lasting: RedisServer, tmp_path: Path) -> None:
    """It waits for the server, instead of dying and being replaced again and again."""
    app = make_app(lasting.url + "/0", runner="PersistentProcessRunner", slots=1)
    with RunnerProcess(app, tmp_path) as runner:
        assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3
        [first] = workers(app)
        lasting.stop()
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: "Entering the board" in runner.log, DEADLINE_SECONDS, "the next one to ask")
        lasting.start()
        assert redis_tasks.add(2, 2).result_within(DEADLINE_SECONDS) == 4
        assert runner.log.count("is replaced") == 1, runner.log
