"""Short kill storms on Redis; ``benchmarks/kill_storm.py --store redis`` makes long ones."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from pynenc.testing.servers.fixtures import make_server
from pynenc.testing.storm import StormPlan, run_storm
from pynenc.testing.storm_stores import StormStore, storm_store

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def store() -> Iterator[StormStore]:
    """A server of its own, with its append-only file."""
    with ExitStack() as stack:
        yield make_server(lambda: stack.enter_context(storm_store("redis")))


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(StormPlan(seconds=8, kills=8), id="workers"),
        pytest.param(StormPlan(seconds=8, kills=8, processes=2, runners=2, scopes=True), id="scopes-over-two-runners"),
        pytest.param(StormPlan(seconds=10, kills=6, restarts=2), id="restarted-twice"),
    ],
)
def test_every_promise_is_kept_in_a_storm(plan: StormPlan, store: StormStore, tmp_path: Path) -> None:
    verdict = run_storm(replace(plan, settings=store.settings, servers=store.servers), tmp_path)
    assert verdict.kept, str(verdict)
    assert verdict.kills >= plan.kills
    assert verdict.restarts == plan.restarts
    assert verdict.recoveries
