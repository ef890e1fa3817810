"""One fork server process and the children it made, as their supervisor sees them.

A child outlives its server if that is killed, so each server keeps its own children. While the server lives, it is
their parent and reports how they ended. After its death nobody can tell how, and the supervisor finds out *when* by
itself: from the process handle (pidfd) that came with each child, else from the end of the child's line.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from pynenc.runner.child_process import UNKNOWN_STATUS
from pynenc.runner.message_stream import JSON, DescriptorStream, Message, MessageStream

#: A fork takes milliseconds; a server silent for so long is stopped or stuck, and is given up. The supervisor waits
#: meanwhile, so it is well below the lease that it renews.
FORK_LIMIT_SECONDS: Final = 10.0
#: A child reads at once unless its user code holds the interpreter; the supervisor waits meanwhile, so it is short.
SEND_LIMIT_SECONDS: Final = 2.0
#: For the exit handlers of what the server imported; then it is killed.
END_LIMIT_SECONDS: Final = 2.0
#: A process that dies closes its files an instant before it is gone; longer, and it only hung up.
LAST_INSTANT_SECONDS: Final = 0.05


class ChildExit(NamedTuple):
    """The end of a child."""

    pid: int
    #: Exit code, or minus the number of the signal; ``UNKNOWN_STATUS`` when its fork server had died before.
    status: int


class ForkedChild:
    """A worker process, as its supervisor sees it. Close it when its last messages have been received."""

    def __init__(
        self,
        server: "ServerProcess",
        pid: int,
        arguments: Mapping[str, JSON],
        line: MessageStream,
        handle: int | None,
    ) -> None:
        self.pid: Final = pid
        self.arguments: Final = arguments
        #: What ``wait`` returns; None while the process lives, as far as is known.
        self.status: int | None = None
        self._server: Final = server
        self._line: Final = line
        self._handle = handle

    def __repr__(self) -> str:
        return f"<ForkedChild pid={self.pid} status={self.status}>"

    @property
    def control(self) -> socket.socket:
        """The supervisor's end of the line to the child."""
        return self._line.socket

    @property
    def closed(self) -> bool:
        """Whether the line is at its end, by either side, and everything the child said was received."""
        return self._line.closed

    def fileno(self) -> int:
        """Return the descriptor of the line, for a selector: readable when the child says something or is gone."""
        return self._line.fileno()

    def send(self, message: Message) -> bool:
        """Send a message; False when the child is gone, or is cut off because it does not read."""
        return not self._line.closed and self._line.send(message, SEND_LIMIT_SECONDS)

    def receive(self) -> list[dict[str, JSON]]:
        """Return the complete messages that have arrived, without waiting; also after the exit of the child."""
        return self._line.receive()

    def kill(self) -> None:
        """Send SIGKILL if the child still lives; ``wait`` and ``exits`` tell when it is gone.

        Never hits another process that got the same pid: a process handle names one process for ever. Where the
        system has none, the child's parent sends the signal, and if that is dead, the child's line is closed instead.
        """
        if self.status is not None:
            return
        if self._handle is None:
            self._server.kill(self)
            return
        try:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        except ProcessLookupError:
            return
        except OSError:  # a sandbox that knows handles but forbids their use
            self._server.kill(self)

    def wait(self, timeout_seconds: float) -> int | None:
        """Wait for the end of the child: its status, or None when the time is over. ``exits`` reports it as well.

        What arrives about other children meanwhile is kept for ``exits``: call that before the next ``select``.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            self._server.collect()
            remaining = deadline - time.monotonic()
            if self.pid not in self._server.children or remaining <= 0:
                return self.status
            self._server.wait_for_exit(self, remaining)

    def close(self) -> None:
        """Hang up: the child sees the end of its line, and ends. Idempotent; the exit is reported all the same."""
        self._line.close()

    def wait_unparented(self, timeout_seconds: float) -> bool:
        """Wait until the process is gone, when no server can tell; whether it is."""
        if self._handle is None:
            return self._line.wait_for_end(timeout_seconds)
        if self._line.wait_for_end(0):
            timeout_seconds = max(timeout_seconds, LAST_INSTANT_SECONDS)
        return _is_readable(self._handle, timeout_seconds)

    def end(self, status: int | None) -> None:
        """Take note of the exit; with None, stop watching for it."""
        self.status = status
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class ServerProcess:
    """A started fork server: the two sockets to it, and its children."""

    def __init__(self, process: subprocess.Popen[bytes], requests: socket.socket, exits: socket.socket) -> None:
        #: Exits seen and not yet fetched by the supervisor.
        self.unreported: list[ChildExit] = []
        self.children: Final[dict[int, ForkedChild]] = {}
        self._process: Final = process
        self._requests: Final = DescriptorStream(requests)
        self._exits: Final = MessageStream(exits)
        self._newest_line: MessageStream | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs, and can be asked for children."""
        return not self._exits.closed and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """How the server itself ended; None while it runs."""
        if self._requests.closed:  # it is ending: its sockets close before its parent can know how
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_LIMIT_SECONDS)
        return self._process.poll()

    def fileno(self) -> int:
        """Return the descriptor on which exits arrive."""
        return self._exits.fileno()

    def ask(self, request: Message, timeout_seconds: float, descriptor: int | None = None) -> dict[str, JSON] | None:
        """Return the answer to a request; None when the server is gone or says nothing in time."""
        deadline = time.monotonic() + timeout_seconds
        if descriptor is None:
            self._requests.send(request, timeout_seconds)
        else:
            self._requests.hand_over(request, descriptor, timeout_seconds)
        while not self._requests.closed and self._requests.wait(max(0.0, deadline - time.monotonic())):
            for answer in self._requests.receive():
                return answer
        return None

    def fork(self, arguments: Mapping[str, JSON]) -> ForkedChild:
        """Make a child.

        Raises:
            BrokenPipeError: The server is gone.
            OSError: The system refuses another process or file.
        """
        ours, theirs = socket.socketpair()
        self._newest_line = line = MessageStream(ours)
        try:
            with theirs:
                line.post(arguments)  # first: arguments that are not JSON must not cost a process
                pid, handle = self._ask_for_child(theirs.fileno())
        except BaseException:
            line.close()
            raise
        child = self.children[pid] = ForkedChild(self, pid, arguments, line, handle)
        # Only now, and straight to the child: one that nobody knows of, its server killed at this moment, finds the end
        # of its line instead of work.
        line.deliver(FORK_LIMIT_SECONDS)
        return child

    def kill(self, child: ForkedChild) -> None:
        """Have the server, which knows whether the child still has its pid, send SIGKILL."""
        if self.alive and child.pid in self.children:
            self._requests.send({"kill": child.pid}, SEND_LIMIT_SECONDS)
        else:
            child.close()

    def collect(self) -> None:
        """Take note of the exits the server has reported; if it is dead, look after its children."""
        dead = self._process.poll() is not None  # asked first: then all that it wrote is there to be read
        for message in self._exits.receive():
            self._note(cast("int", message["pid"]), cast("int", message["status"]))
        if dead or self._exits.closed:
            for pid in [pid for pid, child in self.children.items() if child.wait_unparented(0)]:
                self._note(pid, UNKNOWN_STATUS)

    def wait_for_exit(self, child: ForkedChild, timeout_seconds: float) -> None:
        """Wait until ``collect`` may have something to say about the child."""
        if self.alive:
            self._exits.wait(timeout_seconds)
        else:
            child.wait_unparented(timeout_seconds)

    def give_up(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait()
        self._requests.close()

    def end(self) -> None:
        """End the server, not its children: it does so by itself when it finds its sockets closed."""
        self._close()
        try:
            self._process.wait(END_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.give_up()

    def abandon_children(self) -> None:
        """Hang up on all children and stop watching them."""
        for child in self.children.values():
            child.close()
            child.end(None)
        self.children.clear()

    def let_go(self) -> None:
        """In a process forked from the supervisor: keep nothing open that must end with the supervisor."""
        self.abandon_children()
        if self._newest_line is not None:  # its child may not be known yet: another thread forked this process
            self._newest_line.close()
        self._close()

    def _ask_for_child(self, line: int) -> tuple[int, int | None]:
        answer = None
        try:
            answer = self.ask({"fork": True}, FORK_LIMIT_SECONDS, line)
        finally:
            if answer is None:  # or interrupted: a late answer would be taken for that to the next request
                self.give_up()
        if answer is None:
            raise BrokenPipeError
        if "errno" in answer:
            number = cast("int", answer["errno"])
            raise OSError(number, os.strerror(number))
        return cast("int", answer["pid"]), self._requests.take_descriptor() if "handle" in answer else None

    def _note(self, pid: int, status: int) -> None:
        child = self.children.pop(pid, None)
        if child is not None:
            child.end(status)
            self.unreported.append(ChildExit(pid, status))

    def _close(self) -> None:
        self._requests.close()
        self._exits.close()


def _is_readable(descriptor: int, timeout_seconds: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(timeout_seconds * 1000))
