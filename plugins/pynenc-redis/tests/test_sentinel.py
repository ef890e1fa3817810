"""A primary, a replica and sentinels: the primary dies under work, the replica takes its place."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
import redis_tasks

from pynenc import Pynenc
from pynenc.exceptions import ConfigError, StoreUnavailableError
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, RunnerThread
from pynenc.testing.servers import RedisSentinel, RedisServer, free_port
from pynenc.testing.servers.fixtures import make_server

DEADLINE_SECONDS = 40.0
pytestmark = pytest.mark.timeout(120)

MakeApp = Callable[..., Pynenc]


class Watched(NamedTuple):
    primary: RedisServer
    replica: RedisServer
    sentinels: list[RedisSentinel]

    def settings(self) -> dict[str, Any]:
        return {
            "redis_sentinels": [sentinel.address for sentinel in self.sentinels],
            "socket_timeout": 2.0,
            "lease_seconds": 3.0,
            "sweep_interval_seconds": 1.0,
            "sweep_grace_seconds": 2.0,
        }

    def is_ready(self) -> bool:
        """Whether every sentinel knows the replica and the other sentinels."""
        for sentinel in self.sentinels:
            with closing(redis.Redis(sentinel.host, sentinel.port)) as client:
                masters: Any = client.sentinel_masters()
                state = masters[sentinel.service]
            if state["num-slaves"] < 1 or state["num-other-sentinels"] < len(self.sentinels) - 1:
                return False
        with closing(redis.Redis(self.primary.host, self.primary.port)) as client:
            return bool(client.wait(1, 100))


@pytest.fixture(params=[1, 3], ids=["one-sentinel", "three-sentinels"])
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    number: int = request.param
    with ExitStack() as stack:
        primary = stack.enter_context(make_server(RedisServer))
        replica = stack.enter_context(RedisServer(replica_of=primary))
        sentinels = [stack.enter_context(RedisSentinel(primary, quorum=number // 2 + 1)) for _ in range(number)]
        found = Watched(primary, replica, sentinels)
        wait_until(found.is_ready, DEADLINE_SECONDS, "the sentinels to know the replica")
        yield found


def test_the_primary_dies_under_work(make_app: MakeApp, watched: Watched, tmp_path: Path) -> None:
    app = make_app("", runner="PersistentProcessRunner", slots=2, **watched.settings())
    with RunnerProcess(app, tmp_path) as runner:
        calls = [redis_tasks.nap(20) for _ in range(200)]
        calls[5].result_within(DEADLINE_SECONDS)
        with closing(redis.Redis(watched.primary.host, watched.primary.port)) as client:
            # What the replica does not have yet would be lost: this is what is promised, and no more.
            assert client.wait(1, 10_000) == 1
        watched.primary.kill()
        # Accepted as soon as there is a primary again.
        calls += [redis_tasks.nap(1) for _ in range(20)]
        assert [call.result_within(DEADLINE_SECONDS) for call in calls] == [20] * 200 + [1] * 20
        assert "died" not in runner.log
    with closing(redis.Redis(watched.replica.host, watched.replica.port)) as client:
        assert client.role()[0] == b"master"


def test_somebody_else_takes_over_while_the_primary_lives(make_app: MakeApp, watched: Watched) -> None:
    """As before an upgrade: connections stay, but the server they lead to takes no writes any more."""
    app = make_app("", slots=2, **watched.settings())
    with RunnerThread(app):
        assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3
        sentinel = watched.sentinels[0]
        with closing(redis.Redis(sentinel.host, sentinel.port)) as client:
            client.execute_command("SENTINEL", "FAILOVER", sentinel.service)
        with closing(redis.Redis(watched.replica.host, watched.replica.port)) as client:
            wait_until(lambda: client.role()[0] == b"master", DEADLINE_SECONDS, "the replica to take over")
        calls = [redis_tasks.add(number, 1) for number in range(50)]
        assert [call.result_within(DEADLINE_SECONDS) for call in calls] == list(range(1, 51))


def test_no_sentinel_answers(make_app: MakeApp) -> None:
    make_app("", redis_sentinels=[f"127.0.0.1:{free_port()}"], redis_sentinel_password="secret")
    with pytest.raises(StoreUnavailableError, match=r"service mymaster\) cannot be used: .*sentinel") as caught:
        redis_tasks.add(1, 2)
    assert "secret" not in str(caught.value)


def test_an_address_without_a_port(make_app: MakeApp) -> None:
    make_app("", redis_sentinels=["sentinel-1"])
    with pytest.raises(ConfigError, match="expected host:port"):
        redis_tasks.add(1, 2)
