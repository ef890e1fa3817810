"""The mark by which a worker asks for work: made by a look that finds nothing, and sent no more often than needed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from pydantic import SecretStr

from pynenc.ports.steps import ClaimPlan
from pynenc.testing.conformance.kit import NOW, OWNER, PLACE, call
from pynenc_redis.conf import ConfigRedis
from pynenc_redis.connection import Command
from pynenc_redis.product import Components, redis_components
from pynenc_redis.reaching import server_of

PLAN = ClaimPlan(OWNER, [PLACE], 1)


@pytest.fixture
def worker(redis_url: str) -> Iterator[Components]:
    with closing(server_of(ConfigRedis(redis_url=SecretStr(redis_url)))) as server:
        yield redis_components("marks", server)


@pytest.fixture
def marked(worker: Components) -> Callable[[], set[str]]:
    """Which marks the server has of the worker, asked for in a thread's own way."""
    kinds = ("ready", "picky", "coroutines", "standby")
    address = worker.wakeups.address()

    def look() -> set[str]:
        unit = worker.unit
        commands = [("SISMEMBER", unit.keys(kind), address) for kind in kinds]
        return {kind for kind, there in zip(kinds, unit.server.ask(*commands), strict=True) if there}

    return look


def test_a_look_that_finds_nothing_asks(worker: Components, marked: Callable[[], set[str]]) -> None:
    worker.wakeups.ask_ahead()
    assert worker.shortcuts.advance((), (), PLAN, NOW) is not None
    assert worker.wakeups.asks()
    assert marked() == {"ready"}


def test_a_look_that_finds_something_leaves_the_mark(worker: Components, marked: Callable[[], set[str]]) -> None:
    worker.wakeups.set_idle(True, coroutines_only=True)
    worker.shortcuts.submit([call("a")], NOW, wake=False)
    worker.wakeups.ask_ahead()
    advanced = worker.shortcuts.advance((), (), PLAN, NOW)
    assert advanced is not None
    assert len(advanced.claimed) == 1
    assert not worker.wakeups.asks()
    assert marked() == {"coroutines"}


def test_any_other_look_asks_first(worker: Components, marked: Callable[[], set[str]]) -> None:
    worker.wakeups.set_idle(True, coroutines_only=True)
    worker.wakeups.ask_ahead()
    assert worker.broker.sizes() == {}
    assert marked() == {"ready"}


def test_a_mark_that_is_there_is_not_sent_again(worker: Components, trips: list[Sequence[Command]]) -> None:
    worker.wakeups.set_idle(True, coroutines_only=True)
    worker.wakeups.set_idle(True, coroutines_only=True)
    assert len(trips) == 1
    worker.wakeups.mark.taken_away()
    worker.wakeups.set_idle(True, coroutines_only=True)
    assert len(trips) == 2


def test_who_asks_for_everything_is_in_doubt_after_another_thread(
    worker: Components, marked: Callable[[], set[str]]
) -> None:
    """What two threads sent may have arrived in either order: who rests must look again."""
    mark = worker.wakeups.mark
    mark.put_ahead("ready")
    asking = mark.take()
    mark.put("coroutines")
    mark.settle(asking, asked=True)
    assert not worker.wakeups.asks()
    mark.put("coroutines")
    assert marked() == {"coroutines"}
