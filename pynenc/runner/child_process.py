"""What runs in a worker process that a fork server has just made: its start, its line to the supervisor, its end."""

import atexit
import contextlib
import os
import random
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from pynenc.runner.message_stream import JSON, Message, MessageStream

#: Exit status of a child of which nobody can say how it ended: no code (0 to 255), no signal (below 0).
UNKNOWN_STATUS: Final = 256


class ChildControl:
    """A child's line to its supervisor. Any thread may send; one thread at a time receives."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = MessageStream(connection)
        self._received: deque[dict[str, JSON]] = deque()

    @property
    def closed(self) -> bool:
        """Whether the supervisor is gone and all it said was received: the child has nobody left to work for."""
        return self._stream.closed and not self._received

    def fileno(self) -> int:
        """Return the descriptor, to wait on it together with others; ``receive`` also knows what came before."""
        return self._stream.fileno()

    def send(self, message: Message) -> bool:
        """Send a message, waiting while the supervisor does not read; False when it is gone."""
        return self._stream.send(message)

    def receive(self, timeout_seconds: float | None = None) -> dict[str, JSON] | None:
        """Return the next message; None when the time is over or the supervisor is gone, which ``closed`` tells."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self._received:
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            if self._stream.closed or not self._stream.wait(remaining):
                return None
            self._received.extend(self._stream.receive())
        return self._received.popleft()

    def close(self) -> None:
        """Hang up: the supervisor sees the end of this line."""
        self._stream.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStart:
    """What the main function of a child is called with."""

    arguments: Mapping[str, JSON]
    control: ChildControl


#: The main function of a child; what it returns is the exit code.
ChildMain: TypeAlias = Callable[[ChildStart], int]


def run_child(connection: socket.socket, child_main: ChildMain) -> NoReturn:
    """Run a child from just after the fork to its end.

    The interpreter is not finalized, as in every forked worker: that would run, once for each child, the exit
    handlers which the modules loaded in the fork server registered (and delete the temporary files they share).
    Exit handlers registered in the child do run. Threads still alive end with the process.
    """
    status = 1
    try:
        _leave_the_fork_server()
        control = ChildControl(connection)
        # A task may fork too: its processes must not keep the line open after this one is gone.
        os.register_at_fork(after_in_child=control.close)
        arguments = control.receive()
        if arguments is not None:
            status = child_main(ChildStart(arguments=arguments, control=control)) & 0xFF
    except SystemExit as exit_request:
        status = _exit_code(exit_request) & 0xFF
    except BaseException:  # noqa: BLE001 - the last door of the process: what passes here is reported and ends it
        traceback.print_exc()
    finally:
        try:
            atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as multiprocessing does
            _flush()
        finally:
            os._exit(status)


def _leave_the_fork_server() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    atexit._clear()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as multiprocessing does
    multiprocessing_util = sys.modules.get("multiprocessing.util")
    if multiprocessing_util is not None:  # a task's own pool ends with this process, as it does in a program
        atexit.register(multiprocessing_util._exit_function)  # noqa: SLF001 - as multiprocessing does
    # Siblings must not draw the same numbers. `random` sees to itself as well; NumPy's global state does not.
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _exit_code(exit_request: SystemExit) -> int:
    if exit_request.code is None:
        return 0
    if isinstance(exit_request.code, int):
        return exit_request.code
    sys.stderr.write(f"{exit_request.code}\n")
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or None without a console
            stream.flush()
