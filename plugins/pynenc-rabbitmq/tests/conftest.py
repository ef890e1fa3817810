"""Applications whose queues are in RabbitMQ, and everything else in SQLite."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

# The task module must be found by its name, here and in worker processes, which get this path.
sys.path.insert(0, str(Path(__file__).parent))

import rabbitmq_tasks
from rabbitmq_reach import reach

from pynenc import Pynenc
from pynenc.testing.apps import RunnerProcess, Setup, build_app, installed
from pynenc.testing.history import check_all_histories
from pynenc.testing.servers import RabbitMQServer
from pynenc.testing.servers.fixtures import make_server


@pytest.fixture
def own_server() -> Iterator[RabbitMQServer]:
    """For a test that stops or blocks it."""
    with make_server(RabbitMQServer) as server:
        yield server


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., Pynenc]]:
    """Make an app on a server, in the place of that of the tasks; what its invocations went through must be right."""
    with ExitStack() as stack:
        made: list[Pynenc] = []

        def make(server: RabbitMQServer, runner: str = "ThreadRunner", slots: int = 2, **settings: Any) -> Pynenc:
            kind = Setup(name="rabbitmq", product="SQLite", runner=runner, odd={"broker": "RabbitMq"})
            app = build_app(kind, tmp_path, slots=slots, **reach(server), **settings)
            stack.callback(app.close)
            stack.enter_context(installed(app, rabbitmq_tasks))
            made.append(app)
            return app

        yield make
        for app in made:
            check_all_histories(app, unfinished=True)


@pytest.fixture
def die_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Pynenc, str], None]:
    """Have a runner of an application die at a crash point."""

    def die(app: Pynenc, point: str) -> None:
        folder = tmp_path / "dying"
        folder.mkdir()
        runner = RunnerProcess(app, folder)
        with monkeypatch.context() as environment:
            environment.setenv("PYNENC_CRASH_POINT", point)
            with suppress(AssertionError):  # It may be dead before it is seen to live.
                runner.start()
        assert runner.wait() == -signal.SIGKILL

    return die
