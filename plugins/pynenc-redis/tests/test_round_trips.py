"""How often a task goes to the server and back: counted where commands are sent (design, section 4)."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis_tasks

from pynenc import Pynenc
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerThread
from pynenc_redis.connection import Command, Server

TASKS = 2_000


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Command]]:
    """What each trip of this process took to the server."""
    made: list[Sequence[Command]] = []
    exchange = Server.exchange

    def counting(self: Server, connection: Any, commands: Sequence[Command]) -> list[Any]:
        made.append(commands)
        return exchange(self, connection, commands)

    monkeypatch.setattr(Server, "exchange", counting)
    return made


@pytest.mark.timeout(60)
def test_short_tasks(make_app: Callable[..., Pynenc], redis_url: str, trips: list[Sequence[Command]]) -> None:
    """One to submit, and a share of those that claim and finish many at once; asking for results is apart."""
    app = make_app(redis_url, slots=1)
    calls = [redis_tasks.add(number, 1) for number in range(TASKS)]
    submitted = len(trips)
    with RunnerThread(app):
        last = calls[-1].result_within(50)
        wait_until(lambda: all(call.status.is_final() for call in calls[-50:]), 10, "the last to end")
        worked = [t for t in trips[submitted:] if not _asks(t)]
    assert last == TASKS
    assert submitted + len(worked) <= 2.0 * TASKS


def _asks(trip: Sequence[Command]) -> bool:
    """Whether it only reads: what this test itself asks for."""
    return all(command[0] in {"MGET", "GET", "HGET", "HMGET"} for command in trip)
