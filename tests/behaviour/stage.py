"""Apps on every runner and product; what holds for each at the end of every test."""

import itertools
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import behaviour_app
import pytest
import redis
import tasks_calls
import tasks_cancelling
import tasks_concurrency
import tasks_cycles
import tasks_failures
import tasks_groups
import tasks_load
import tasks_options
import tasks_replaying
import tasks_stopping
import tasks_triggers
import tasks_waiting
import tasks_workflows
from gates_and_notes import DEADLINE_SECONDS

from pynenc import Pynenc
from pynenc.invocation import DistributedInvocation, InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import SETUPS, RunnerProcess, RunnerThread, Setup, build_app, installed
from pynenc.testing.history import check_all_histories
from pynenc.testing.servers import RabbitMQServer, RedisServer

MODULES: tuple[ModuleType, ...] = (
    behaviour_app,
    tasks_calls,
    tasks_cancelling,
    tasks_concurrency,
    tasks_cycles,
    tasks_failures,
    tasks_groups,
    tasks_load,
    tasks_options,
    tasks_replaying,
    tasks_stopping,
    tasks_triggers,
    tasks_waiting,
    tasks_workflows,
)

THREADS = [setup for setup in SETUPS.values() if setup.in_process]
PROCESSES = [setup for setup in SETUPS.values() if not setup.in_process]
#: One of a kind: where a mixture would show nothing new.
PLAIN = [setup for setup in SETUPS.values() if not setup.odd]
#: Without the one that needs a new process for each invocation: for hundreds of them.
STAYING = [setup for setup in PLAIN if setup.runner != "ProcessRunner"]


#: More than are in use at once; a test begins with an empty one.
REDIS_DATABASES = 16
_databases = itertools.count()
_prefixes = itertools.count()


def empty_redis(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of the session's server."""
    server: RedisServer = request.getfixturevalue("redis_server")
    url = f"{server.url}/{next(_databases) % REDIS_DATABASES}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


class Stage:
    """The apps of a test, their runners, and their end."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self._folder = folder
        self._request = request
        self._redis_url = ""
        self._rabbitmq_prefix = ""
        self._apps: list[Pynenc] = []
        self._installed = ExitStack()
        self._runners = ExitStack()
        #: For a test that shows what has not ended.
        self.leaves_unfinished = False

    def build(self, setup: Setup | str, *, slots: int = 1, **settings: Any) -> Pynenc:
        """An app in the place of that of the task modules; nothing runs yet."""
        kind = SETUPS[setup] if isinstance(setup, str) else setup
        if "Redis" in kind.products:
            settings.setdefault("redis_url", self._own_redis())
        if "RabbitMq" in kind.products:
            settings = {**self._own_rabbitmq(), **settings}
        app = build_app(kind, self._folder, slots=slots, **settings)
        self._apps.append(app)
        self._installed.callback(app.close)
        self._installed.enter_context(installed(app, *MODULES))
        return app

    def _own_redis(self) -> str:
        """An empty database of the session's server."""
        if not self._redis_url:
            self._redis_url = empty_redis(self._request)
        return self._redis_url

    def _own_rabbitmq(self) -> dict[str, Any]:
        """Queues of its own on the session's server."""
        if not self._rabbitmq_prefix:
            self._rabbitmq_prefix = f"behaviour-{next(_prefixes)}"
        server: RabbitMQServer = self._request.getfixturevalue("rabbitmq_server")
        return {
            "rabbitmq_host": f"{server.host}:{server.port}",
            "rabbitmq_username": server.user,
            "rabbitmq_password": server.password,
            "rabbitmq_queue_prefix": self._rabbitmq_prefix,
        }

    def adopt(self, app: Pynenc, *modules: ModuleType) -> None:
        """Put an app in the place of that of further task modules."""
        self._installed.enter_context(installed(app, *modules))

    def run(self, setup: Setup | str, *, slots: int = 1, **settings: Any) -> Pynenc:
        """The same, with its runner."""
        app = self.build(setup, slots=slots, **settings)
        self.start(app)
        return app

    def start(self, app: Pynenc) -> RunnerThread:
        """The runner of an app in a thread, stopped at the latest when the test ends."""
        return self._runners.enter_context(RunnerThread(app))

    def start_process(self, app: Pynenc) -> RunnerProcess:
        """The same in a process of its own."""
        return self._runners.enter_context(RunnerProcess(app, self._folder))

    def close(self) -> None:
        """Stop what runs, then look at what all invocations went through."""
        with self._installed:
            self._runners.close()
            for app in self._apps:
                check_all_histories(app, unfinished=self.leaves_unfinished)


def wait_until_ended(app: Pynenc, timeout_seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until nothing is left to do."""
    unfinished = frozenset(InvocationStatus) - InvocationStatus.get_final_statuses()
    wait_until(
        lambda: not app.orchestrator.count_invocations(statuses=unfinished),
        timeout_seconds,
        "the end of all invocations",
    )


def names(invocation: DistributedInvocation[Any]) -> list[str]:
    """The statuses that an invocation went through."""
    return [entry.status.name for entry in invocation.app.state_backend.get_history(invocation.invocation_id)]


def wait_for_status(invocation: DistributedInvocation[Any], status: InvocationStatus) -> None:
    """Wait until it is there; it must not leave it by itself."""
    wait_until(lambda: invocation.status is status, DEADLINE_SECONDS, f"{invocation} to be {status}")
