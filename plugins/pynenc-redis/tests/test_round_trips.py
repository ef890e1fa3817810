"""How often a task goes to the server and back: counted where commands are sent (design, section 4)."""

from collections.abc import Callable, Sequence

import pytest
import redis_tasks

from pynenc import Pynenc
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerThread
from pynenc_redis.connection import Command

TASKS = 10_000
DEADLINE_SECONDS = 50.0


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("batched", "limit"), [(False, 2.0), (True, 0.2)], ids=["one by one", "batched"])
def test_short_tasks(
    make_app: Callable[..., Pynenc], redis_url: str, trips: list[Sequence[Command]], limit: float, *, batched: bool
) -> None:
    """One to submit, and a share of those that claim and finish many at once; asking for results is apart."""
    app = make_app(redis_url, slots=1)
    if batched:
        calls = list(redis_tasks.add.parallelize([(number, 1) for number in range(TASKS)]))
    else:
        calls = [redis_tasks.add(number, 1) for number in range(TASKS)]
    submitted = len(trips)
    with RunnerThread(app):
        last = calls[-1].result_within(DEADLINE_SECONDS)
        wait_until(lambda: all(call.status.is_final() for call in calls[-50:]), DEADLINE_SECONDS, "the last to end")
        worked = [t for t in trips[submitted:] if not _asks(t)]
    print(f"trips for each task: {submitted / TASKS:.4f} to submit, {len(worked) / TASKS:.4f} to work")  # noqa: T201 - the figure, for who looks (pytest -s)
    marks = sum(command[0] == "SADD" for trip in worked for command in trip)
    assert marks < TASKS / 100, "a worker that finds work at each look says nothing of its being idle"
    assert last == TASKS
    assert submitted + len(worked) <= limit * TASKS


def test_results_that_are_asked_for_one_by_one(
    make_app: Callable[..., Pynenc], redis_url: str, trips: list[Sequence[Command]]
) -> None:
    """A trip brings the next ones, too."""
    app = make_app(redis_url, slots=1)
    calls = [redis_tasks.add(number, 1) for number in range(1_000)]
    with RunnerThread(app):
        wait_until(lambda: all(call.status.is_final() for call in calls[-50:]), DEADLINE_SECONDS, "the last to end")
    before = len(trips)
    assert [call.result for call in calls] == [number + 1 for number in range(1_000)]
    assert len(trips) - before < 40


def _asks(trip: Sequence[Command]) -> bool:
    """Whether it only reads: what this test itself asks for."""
    return all(command[0] in {"MGET", "GET", "HGET", "HGETALL", "HMGET"} for command in trip)
