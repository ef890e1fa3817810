"""Applications for tests: on any products, run by any runner in a thread or in a process of its own.

::

    app = build_app(SETUPS["sqlite-persistent-process"], tmp_path, slots=2)
    with installed(app, tasks), RunnerThread(app):
        assert tasks.add(1, 2).result == 3

Tasks stay where workers find them, in a module with an app of its own; ``installed`` puts the app of the test in its
place. Give both the same ``app_id``: worker processes import the module, and know their app by it.
"""

import logging
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from pynenc import bootstrap
from pynenc.app import Pynenc
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.testing.waiting import wait_until

#: The components, by the settings that choose them.
COMPONENTS: Final = ("orchestrator", "broker", "state_backend", "trigger", "client_data_store")
#: What makes the class of a component out of its name.
_CLASS: Final[Mapping[str, str]] = {
    "orchestrator": "Orchestrator",
    "broker": "Broker",
    "state_backend": "StateBackend",
    "trigger": "Trigger",
    "client_data_store": "ClientDataStore",
}
#: The id of the apps that are made here, unless another one is asked for.
APP_ID: Final = "tests"
#: A runner that takes longer than this to start or stop does neither; the slowest takes a tenth on a loaded machine.
DEADLINE_SECONDS: Final = 30.0

# Not `-m`: see the fork server, which extends `sys.path` in the same way.
_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; from pynenc.testing.apps import run_described; run_described(sys.argv[1])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an app is made of: the product of its components, and its runner."""

    name: str
    #: Of all components but the odd ones: ``Mem``, ``SQLite``, ...
    product: str
    runner: str = "ThreadRunner"
    #: Components on other products: ``{"broker": "SQLite"}``.
    odd: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    @property
    def products(self) -> frozenset[str]:
        """The products of its components."""
        return frozenset({self.product, *self.odd.values()})

    @property
    def shared(self) -> bool:
        """Whether other processes see what is stored."""
        return "Mem" not in self.products

    @property
    def in_process(self) -> bool:
        """Whether the runner executes tasks in its own process."""
        return self.runner == "ThreadRunner"

    def settings(self, folder: Path, slots: int) -> dict[str, Any]:
        """The settings of an app of this kind with so many slots, that keeps its file in ``folder``."""
        chosen = {f"{name}_cls": f"{self.odd.get(name, self.product)}{_CLASS[name]}" for name in COMPONENTS}
        return {
            **chosen,
            "sqlite_db_path": str(folder / "pynenc.db"),
            "runner_cls": self.runner,
            **_slots(self.runner, slots),
        }

    def __str__(self) -> str:
        return self.name


def _slots(runner: str, slots: int) -> dict[str, Any]:
    match runner:
        case "ThreadRunner":
            return {"max_threads": slots}
        case "MultiThreadRunner":
            return {"max_threads": 1, "max_processes": slots}
        case "ProcessRunner":
            return {"max_processes": slots}
        case "PersistentProcessRunner":
            return {"num_processes": slots}
        case _:
            raise ValueError(f"{runner} has no slots to be set here")


#: Every runner, and the sensible mixtures of products. Those on a server need its address in the settings.
SETUPS: Final[Mapping[str, Setup]] = {
    setup.name: setup
    for setup in (
        Setup(name="memory-thread", product="Mem"),
        Setup(name="sqlite-thread", product="SQLite"),
        Setup(name="sqlite-multi-thread", product="SQLite", runner="MultiThreadRunner"),
        Setup(name="sqlite-process", product="SQLite", runner="ProcessRunner"),
        Setup(name="sqlite-persistent-process", product="SQLite", runner="PersistentProcessRunner"),
        Setup(name="redis-thread", product="Redis"),
        Setup(name="redis-multi-thread", product="Redis", runner="MultiThreadRunner"),
        Setup(name="redis-persistent-process", product="Redis", runner="PersistentProcessRunner"),
        Setup(name="redis-but-sqlite-broker", product="Redis", odd={"broker": "SQLite"}),
        Setup(name="redis-but-rabbitmq-broker", product="Redis", odd={"broker": "RabbitMq"}),
        Setup(name="sqlite-but-rabbitmq-broker", product="SQLite", odd={"broker": "RabbitMq"}),
        Setup(name="sqlite-but-memory-broker", product="SQLite", odd={"broker": "Mem"}),
        Setup(name="memory-but-sqlite-broker", product="Mem", odd={"broker": "SQLite"}),
        Setup(name="memory-but-sqlite-orchestrator", product="Mem", odd={"orchestrator": "SQLite"}),
        Setup(
            name="memory-but-sqlite-values",
            product="Mem",
            odd={"state_backend": "SQLite", "client_data_store": "SQLite"},
        ),
    )
}


def build_app(setup: Setup, folder: Path, *, slots: int = 1, app_id: str = APP_ID, **settings: Any) -> Pynenc:
    """An app of this kind with an empty store in ``folder``; ``settings`` beat those of the kind."""
    return Pynenc({"app_id": app_id, **setup.settings(folder, slots), **settings})


@contextmanager
def installed(app: Pynenc, *modules: ModuleType, variable: str = "app") -> Generator[Pynenc]:
    """Put an app in the place of the one that these modules have, as a test of theirs would."""
    before = [getattr(module, variable) for module in modules]
    for module in modules:
        setattr(module, variable, app)
    try:
        yield app
    finally:
        for module, own in zip(modules, before, strict=True):
            setattr(module, variable, own)


@contextmanager
def collected_log(app: Pynenc) -> Generator[list[str]]:
    """What this process logs for an app meanwhile: ``LEVEL message`` for each line; workers have logs of their own."""
    lines: list[str] = []
    handler = _ListHandler(lines)
    app.logger.addHandler(handler)
    try:
        yield lines
    finally:
        app.logger.removeHandler(handler)


class _ListHandler(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.getMessage()}")


class RunnerThread:
    """The runner of an app in a thread of this process, as the app has it in ``app.runner``."""

    def __init__(self, app: Pynenc) -> None:
        self.app = app
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self) -> Self:
        """Start it, and wait until it works."""
        self._error = None
        self._thread = threading.Thread(target=self._run, name="runner-of-test", daemon=True)
        self._thread.start()
        runner = self.app.runner
        wait_until(
            lambda: self._error or runner.wait_until_started(0),
            DEADLINE_SECONDS,
            f"a {type(runner).__name__} to start",
        )
        self._raise()
        return self

    def _run(self) -> None:
        try:
            self.app.runner.run()
        except BaseException as error:  # noqa: BLE001 - raised where the test sees it
            self._error = error

    def stop(self) -> None:
        """Stop it, and wait until it has returned; may be repeated.

        Raises:
            AssertionError: it does not stop.
            Exception: what ``run()`` raised.
        """
        if self._thread is None:
            return
        self.app.runner.stop_runner_loop()
        self._thread.join(DEADLINE_SECONDS)
        if self._thread.is_alive():
            raise AssertionError(f"{type(self.app.runner).__name__} does not stop within {DEADLINE_SECONDS:g} s")
        self._thread = None
        self._raise()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class RunnerProcess:
    """The runner of an app in a process of its own, as ``pynenc runner start`` makes it, with its log in a file."""

    def __init__(self, app: Pynenc, folder: Path) -> None:
        self.app = app
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "runner.log"

    def start(self) -> Self:
        """Start it, and wait until it is on the board."""
        description = self._folder / "app.pickle"
        description.write_bytes(pickle.dumps(bootstrap.describe(self.app)))
        command = [sys.executable, "-X", "faulthandler", "-c", _PROGRAM, str(description), *sys.path]
        with self._log.open("ab") as log:
            # A session of its own: a signal to the process group of the tests is none of its business.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        wait_until(self._started, DEADLINE_SECONDS, "a runner process to start")
        return self

    def _started(self) -> bool:
        if self.returncode is not None:
            raise AssertionError(f"The runner ended with {self.returncode} while it started:\n{self.log}")
        if all(record.pid != self.pid for record in self.app.orchestrator.get_active_runners()):
            return False
        # The last that a runner does before it works, unless one has been here before.
        return self.app.app_id in self.app.engine.state.published("app")

    @property
    def pid(self) -> int:
        """The process of the runner itself, which is the supervisor where there are worker processes."""
        return self._started_process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it has not."""
        return self._started_process.poll()

    @property
    def _started_process(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("The runner process was not started")
        return self._process

    @property
    def log(self) -> str:
        """All that the runner and its workers have written so far."""
        return self._log.read_text() if self._log.exists() else ""

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        self._started_process.send_signal(signum)

    def wait(self) -> int:
        """Wait until it has ended; its exit code.

        Raises:
            AssertionError: it does not end. It was killed, after it wrote where its threads are into its log.
        """
        process = self._started_process
        try:
            return process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            process.wait()
            raise AssertionError(f"The runner does not end within {DEADLINE_SECONDS:g} s:\n{self.log}") from None

    def stop(self) -> int | None:
        """Ask it to end (SIGTERM) and wait for it; its exit code, or None if it never ran. May be repeated."""
        if self._process is None:
            return None
        if self.returncode is None:
            self.send(signal.SIGTERM)
        return self.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def run_described(path: str) -> None:
    """Rebuild the app that ``RunnerProcess`` described, and run its runner until it is told to stop."""
    description: bootstrap.AppDescription = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by this class
    bootstrap.adopt(description)
    bootstrap.restore(description).runner.run()


def workers(app: Pynenc) -> list[RunnerRecord]:
    """The live worker processes on the board of an app: the children of its supervisors."""
    return [record for record in app.orchestrator.get_active_runners() if record.parent_id is not None]
