"""The fork server of a supervisor: fresh worker processes that have loaded the user's app, in milliseconds.

Why there is one, and why it is not that of ``multiprocessing``: docs/decisions/0005-fork-server.md.

A supervisor waits with one selector for its fork server (a child has ended) and for each child (it says something)::

    with ForkServer("shop.workers:bootstrap", payload, name="orders") as server:
        server.start()
        selector.register(server, EVENT_READ)
        child = server.fork({"slot": 1})
        selector.register(child, EVENT_READ)
        while ...:
            for pid, status in server.exits():  # in each turn, whatever woke it
                ...
            if not server.alive:
                selector.unregister(server)
                server.start()
                selector.register(server, EVENT_READ)
            selector.select(timeout)

One thread owns a fork server and its children: nothing here is locked.
"""

import base64
import errno
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self, cast

from pynenc.exceptions import ForkServerError
from pynenc.module_loggers import module_logger
from pynenc.runner.fork_server_process import ChildExit, ForkedChild, ServerProcess
from pynenc.runner.message_stream import JSON, Message

logger = module_logger(__name__)

#: Importing the user's app takes seconds at worst; a module that waits for something must not keep a runner for ever.
LOAD_LIMIT_SECONDS: Final = 120.0

# Not `-m`: that would look for this package, and for the standard library, in the working directory first, and not
# where the supervisor's program has extended its `sys.path`.
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[4:]; from pynenc.runner.fork_server_main import main; main()"

#: What the limits that refuse a process are called.
_ADVICE: Final[Mapping[int, str]] = {
    errno.EAGAIN: "the limit of processes is reached (ulimit -u, or pids.max of the container)",
    errno.ENOMEM: "memory is short",
    errno.EMFILE: "the limit of open files of one process is reached (ulimit -n)",
    errno.ENFILE: "the limit of open files of the machine is reached",
}


class ForkServer:
    """Makes worker processes that have loaded the user's app already.

    Args:
        bootstrap: ``"module:function"``, called once, in the server, with the payload. It returns the main function
            of the children, ``Callable[[ChildStart], int]``. It may import anything; it must not open a store nor
            start a thread, because neither survives a fork.
        payload: What the bootstrap is called with.
        name: For messages and lists of processes.
        load_limit_seconds: How long the bootstrap may take.
    """

    def __init__(
        self, bootstrap: str, payload: bytes, *, name: str, load_limit_seconds: float = LOAD_LIMIT_SECONDS
    ) -> None:
        self.name: Final = name
        self._bootstrap: Final = bootstrap
        self._payload: Final = payload
        self._load_limit_seconds: Final = load_limit_seconds
        self._process: ServerProcess | None = None
        #: Servers that died before their children.
        self._former: list[ServerProcess] = []
        self._warned_of_threads = False
        _OF_THIS_PROCESS.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the server runs. When it has died its children go on, and ``start`` starts another one."""
        return self._process is not None and self._process.alive

    def fileno(self) -> int:
        """Return the descriptor on which exits arrive; another one after each ``start``."""
        return self._started().fileno()

    def start(self) -> None:
        """Start the server and return when it has loaded the bootstrap. Does nothing while it runs.

        Raises:
            ForkServerError: It could not be started or loaded; an error in user code comes with its traceback.
        """
        if self.alive:
            return
        if self._process is not None:
            self._process.collect()
            self._process.end()
            self._former.append(self._process)
            self._process = None
        try:
            self._process = process = _launch(self.name)
        except OSError as error:
            raise ForkServerError(
                f"The fork server {self.name!r} cannot be started: {_reason(error)}. Raise it, or stop other programs."
            ) from error
        try:
            self._load(process)
        except BaseException:
            self._process = None
            process.end()
            raise

    def fork(self, arguments: Mapping[str, JSON]) -> ForkedChild:
        """Make a child, and give it these arguments.

        Raises:
            ForkServerError: The server is gone (then ``alive`` is false), or the system refuses another process. No
                child runs with these arguments.
        """
        process = self._started()
        try:
            return process.fork(arguments)
        except BrokenPipeError as error:
            raise ForkServerError(
                f"The fork server {self.name!r} ended with status {process.status} before it made a process: something "
                f"killed it (the kernel does when memory is short). Start it again."
            ) from error
        except OSError as error:
            raise ForkServerError(
                f"The fork server {self.name!r} cannot make a process beside its {len(process.children)} others: "
                f"{_reason(error)}. Raise the limit, or configure fewer processes."
            ) from error

    def exits(self) -> list[ChildExit]:
        """Return the children that ended since the last call, each once, without waiting.

        Call it in each turn of a loop, not only when the descriptor is readable: children whose server died are looked
        at here. Such a child is reported when its process is really gone, with ``UNKNOWN_STATUS``.
        """
        exits: list[ChildExit] = []
        for process in self._processes():
            process.collect()
            exits += process.unreported
            process.unreported.clear()
        self._former = [process for process in self._former if process.children]
        return exits

    def close(self) -> None:
        """End the server. Idempotent.

        Children see the end of their lines, and end, but nobody waits for that: who needs them gone kills them before.
        """
        for process in self._processes():
            process.abandon_children()
        self._former.clear()
        if self._process is not None:
            self._process.end()
            self._process = None

    def let_go(self) -> None:
        """In a process forked from the supervisor: close what must end with the supervisor."""
        for process in self._processes():
            process.let_go()

    def _started(self) -> ServerProcess:
        if self._process is None:
            raise ForkServerError(
                f"The fork server {self.name!r} makes no process, as it was not started or was closed: start it first."
            )
        return self._process

    def _load(self, process: ServerProcess) -> None:
        answer = process.ask(
            {
                "argv": sys.argv,
                "bootstrap": self._bootstrap,
                "payload": base64.b64encode(self._payload).decode(),
                "limit_seconds": self._load_limit_seconds,
            },
            self._load_limit_seconds,
        )
        if answer is None:
            raise ForkServerError(self._explain_silence(process.status))
        if "error" in answer:
            raise ForkServerError(
                f"The fork server {self.name!r} could not load {self._bootstrap}: {answer['error']}. Correct that: no "
                f"worker process can start before.\n\n{answer['traceback']}"
            )
        self._report_threads(answer)

    def _explain_silence(self, status: int | None) -> str:
        if status is None:
            return (
                f"The fork server {self.name!r} did not load {self._bootstrap} within {self._load_limit_seconds:g} s: "
                f"a module that it imports waits for something. Move that into a function."
            )
        return (
            f"The fork server {self.name!r} ended with status {status} while it loaded {self._bootstrap}: a module "
            f"that it imports ended the process, or somebody killed it. Read what it printed, and import the module "
            "in a Python of your own."
        )

    def _report_threads(self, answer: Message) -> None:
        names, native = answer["threads"], answer["native_threads"]
        if isinstance(names, list) and names and not self._warned_of_threads:
            self._warned_of_threads = True
            logger.warning(
                "Importing the app for %r started threads: %s. Its worker processes are forked: these threads do not "
                "run in them, and a lock that one of them holds at that moment stays locked there for ever. Start "
                "them in a function that tasks call, not while a module is imported.",
                self.name,
                ", ".join(map(str, names)),
            )
        if native:  # numerical libraries start some and are prepared for forks; others are not
            logger.debug("Importing the app for %r started %s threads of compiled libraries.", self.name, native)

    def _processes(self) -> list[ServerProcess]:
        return self._former if self._process is None else [*self._former, self._process]


def _reason(error: OSError) -> str:
    return f"{error.strerror}, because {_ADVICE.get(error.errno or 0, 'the system refuses')}"


def _launch(name: str) -> ServerProcess:
    if not hasattr(os, "fork") or not sys.executable:
        raise ForkServerError(
            "Worker processes cannot be made: they need os.fork and a Python interpreter to start. Use a ThreadRunner."
        )
    (requests, its_requests), (exits, its_exits) = socket.socketpair(), socket.socketpair()
    descriptors = (its_requests.fileno(), its_exits.fileno())
    # The -W, -X, -O and so on of this interpreter, as multiprocessing hands them on.
    flags = cast("list[str]", subprocess._args_from_interpreter_flags())  # type: ignore[attr-defined]  # noqa: SLF001
    command = [sys.executable, *flags, "-c", _PROGRAM, name, *map(str, descriptors), *map(str, sys.path)]
    # A Ctrl-C goes to every process of the terminal: it must not meet the server before that ignores it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors)  # noqa: S603 - ours
    except BaseException:
        requests.close()
        exits.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        its_requests.close()
        its_exits.close()
    return ServerProcess(process, requests, exits)


#: For the moment when somebody else forks this process: a program may run a supervisor in a thread, and
#: `multiprocessing` beside it. A line open in that other process would outlive the supervisor.
_OF_THIS_PROCESS: Final[weakref.WeakSet[ForkServer]] = weakref.WeakSet()


def _let_go_of_all() -> None:
    for server in list(_OF_THIS_PROCESS):
        server.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_of_all)
