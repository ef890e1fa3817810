"""Two machines with a runner each; one of them is cut off for longer than its lease, and comes back."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis_tasks

from pynenc import Pynenc
from pynenc.invocation.status import InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, Setup, build_app
from pynenc.testing.servers import Cable, RedisServer

DEADLINE_SECONDS = 40.0
SETTINGS: dict[str, Any] = {
    "lease_seconds": 2.0,
    "recovery_interval_seconds": 0.25,
    "socket_timeout": 0.5,
    "socket_connect_timeout": 0.5,
}
#: Threads and processes of one machine: the runner is cut off with its workers, and with its supervisor.
RUNNERS = ["ThreadRunner", "PersistentProcessRunner"]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def cable(redis_server: RedisServer) -> Iterator[Cable]:
    with Cable(redis_server) as cable:
        yield cable


@pytest.mark.parametrize("runner", RUNNERS)
def test_stale_results_are_refused(
    make_app: Callable[..., Pynenc], redis_url: str, cable: Cable, tmp_path: Path, runner: str
) -> None:
    app = make_app(redis_url, runner=runner, slots=1, **SETTINGS)
    over_the_cable = f"redis://{cable.host}:{cable.port}/{redis_url.rpartition('/')[2]}"
    there = build_app(
        Setup(name="there", product="Redis", runner=runner), tmp_path, slots=1, redis_url=over_the_cable, **SETTINGS
    )
    folders = {name: tmp_path / name for name in ("here", "there", "meeting")}
    for folder in folders.values():
        folder.mkdir()
    meeting = folders["meeting"]

    def wait_for(name: str) -> None:
        wait_until((meeting / name).exists, DEADLINE_SECONDS, name)

    with RunnerProcess(there, folders["there"]) as far:
        held = redis_tasks.hold_each(str(meeting))
        wait_for("begun-1")
        with RunnerProcess(app, folders["here"]) as near:
            with cable.cut():
                wait_for("begun-2")
                # It ends while nobody can be told.
                (meeting / "end-1").touch()
                assert held.status is InvocationStatus.RUNNING
            wait_until(lambda: "REFUSED" in far.log, DEADLINE_SECONDS, "the stale result to be refused")
            assert f"REFUSED invocation:{held.invocation_id}" in far.log
            late = "too late: what it held may have been given to others"
            wait_until(lambda: late in far.log, DEADLINE_SECONDS, "the lease to be renewed")
            (meeting / "end-2").touch()
            assert held.result_within(DEADLINE_SECONDS) == 2
            assert "REFUSED" not in near.log
            # The machine that is back works on, for both.
            numbers = [redis_tasks.add(number, 1) for number in range(50)]
            assert [each.result_within(DEADLINE_SECONDS) for each in numbers] == list(range(1, 51))
        assert redis_tasks.add(1, 2).result_within(DEADLINE_SECONDS) == 3
    assert [each.status for each in app.engine.ledger.history([held.invocation_id])].count(
        InvocationStatus.SUCCESS
    ) == 1
    there.close()
