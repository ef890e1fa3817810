"""A database of its own for every test, and applications that keep everything in it."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

# The task module must be found by its name, here and in worker processes, which get this path.
sys.path.insert(0, str(Path(__file__).parent))

import redis_tasks

from pynenc import Pynenc
from pynenc.ports import Backend
from pynenc.testing.apps import Setup, build_app, installed
from pynenc.testing.history import check_all_histories
from pynenc.testing.servers import RedisServer
from pynenc_redis.connection import Command, Server
from pynenc_redis.shortcuts import RedisShortcuts
from pynenc_redis.testing.stores import redis_store
from pynenc_redis.unit import RedisUnit
from pynenc_redis.wakeups import RedisWakeups

#: Above those of the behaviour tests, which may run in the same session.
FIRST_DATABASE, DATABASES = 32, 32
#: A restart takes a tenth of it.
OUTAGE_SECONDS = 10.0
_databases = itertools.count()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty database of the session's server."""
    url = f"{redis_server.url}/{FIRST_DATABASE + next(_databases) % DATABASES}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def make_app(tmp_path: Path, redis_server: RedisServer) -> Iterator[Callable[..., Pynenc]]:
    """Make an app on a server, in the place of that of the tasks; what its invocations went through must be right."""
    with ExitStack() as stack:
        made: list[Pynenc] = []

        def make(url: str, runner: str = "ThreadRunner", slots: int = 2, **settings: Any) -> Pynenc:
            kind = Setup(name="redis", product="Redis", runner=runner)
            app = build_app(kind, tmp_path, slots=slots, redis_url=url, redis_outage_seconds=OUTAGE_SECONDS, **settings)
            stack.callback(app.close)
            stack.enter_context(installed(app, redis_tasks))
            if url.startswith(redis_server.url):
                # The others are gone by then.
                made.append(app)
            return app

        yield make
        for app in made:
            check_all_histories(app, unfinished=True)


@pytest.fixture
def store(redis_url: str) -> Iterator[Backend]:
    """The components of an application on an empty database."""
    backend = redis_store(redis_url)
    yield backend
    backend.close()


@pytest.fixture
def shortcuts(store: Backend) -> RedisShortcuts:
    """Its steps of one trip."""
    unit = store.units[0]
    assert isinstance(unit, RedisUnit)
    assert isinstance(store.wakeups, RedisWakeups)
    return RedisShortcuts(unit, store.wakeups)


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Command]]:
    """What each trip of this process takes to the server."""
    made: list[Sequence[Command]] = []
    exchange = Server.exchange

    def counting(self: Server, connection: Any, commands: Sequence[Command]) -> list[Any]:
        made.append(commands)
        return exchange(self, connection, commands)

    monkeypatch.setattr(Server, "exchange", counting)
    return made
