"""The fork server's own process: one thread, no store; it loads the user's app once and forks on request.

Fresh processes are wanted, but no SQLite connection, no lock and no thread may cross a fork, and the supervisor may
have all three. So the supervisor starts this process as a new interpreter; here nothing exists that a fork could break.
A child costs one ``fork`` and shares the memory of what was imported.

Three things wake the loop: a request, the death of a child (SIGCHLD, through a wake-up socket), the end of the
supervisor (its socket closes). Conversation: a *start* message answered by *ready* or *error*; then each *fork*
request, which carries the child's end of a socket pair, answered by a pid or an errno; *kill* has no answer. Exits are
reported on a second socket, so that waiting for an answer never swallows one.
"""

import base64
import contextlib
import errno
import gc
import importlib
import os
import select
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Final, cast

from pynenc.runner.child_process import UNKNOWN_STATUS, ChildMain, run_child
from pynenc.runner.message_stream import JSON, DescriptorStream, Message, MessageStream

#: Exit handlers of imported modules may hang; without a supervisor nobody else would end this process.
EXIT_LIMIT_SECONDS: Final = 5


class ForkServerProcess:
    """The process that loads the app and forks; ``serve`` returns twice: in the server, and in each child."""

    def __init__(self, requests: socket.socket, exits: socket.socket) -> None:
        self._requests = DescriptorStream(requests)
        self._exits = MessageStream(exits)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._children: set[int] = set()
        # Also for processes that the user's modules fork while they are imported.
        os.register_at_fork(after_in_child=self._close)

    def load(self) -> ChildMain | None:
        """Load the app as the supervisor asks and answer; None: there is nothing to serve."""
        start = self._first_message()
        if start is None:
            return None
        # Who imports for ever does not notice that the supervisor is gone either.
        signal.setitimer(signal.ITIMER_REAL, cast("float", start["limit_seconds"]) + EXIT_LIMIT_SECONDS)
        try:
            child_main = _load(start)
        except BaseException as error:  # noqa: BLE001 - a user's module was imported: whatever it raises is reported
            self._requests.send(_describe(error))
            return None
        _settle()
        self._requests.send(_describe_threads())
        return child_main

    def serve(self) -> socket.socket | None:
        """Fork on request until the supervisor is gone: None. In a child: its end of the line to the supervisor."""
        self._watch_children()
        while not self._requests.closed:
            self._wait()
            for request in self._requests.receive():
                if "fork" in request:
                    connection = self._fork()
                    if connection is not None:
                        return connection
                else:
                    self._kill(request.get("kill"))
        return None

    def _first_message(self) -> Message | None:
        while not self._requests.closed:
            self._requests.wait(None)
            for message in self._requests.receive():
                return message
        return None

    def _watch_children(self) -> None:
        for end in (self._wake_reader, self._wake_writer):
            end.settimeout(0)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # the default would not reach the wake-up socket
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)

    def _wait(self) -> None:
        poller = select.poll()
        poller.register(self._requests, select.POLLIN)
        poller.register(self._wake_reader, select.POLLIN)
        if not self._exits.flush():  # never wait for a supervisor that may be waiting for us
            poller.register(self._exits, select.POLLOUT)
        if any(descriptor == self._wake_reader.fileno() for descriptor, _ in poller.poll()):
            self._wake_reader.recv(4096)
            self._reap()

    def _reap(self) -> None:
        # One by one and not "any child": a process that a user's module started is not ours to reap.
        for pid in list(self._children):
            try:
                reaped, wait_status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                reaped, status = pid, UNKNOWN_STATUS
            else:
                status = os.waitstatus_to_exitcode(wait_status) if reaped else UNKNOWN_STATUS
            if reaped:
                self._children.remove(pid)
                self._exits.post({"pid": pid, "status": status})

    def _fork(self) -> socket.socket | None:
        descriptor = self._requests.take_descriptor()
        if descriptor is None:  # the kernel drops what does not fit under the limit of open files
            self._requests.send({"errno": errno.EMFILE})
            return None
        connection = socket.socket(fileno=descriptor)
        try:
            pid = os.fork()
        except OSError as error:
            connection.close()
            self._requests.send({"errno": error.errno})
            return None
        if pid == 0:
            return connection
        connection.close()
        self._children.add(pid)
        self._answer(pid)
        return None

    def _answer(self, pid: int) -> None:
        try:
            handle = os.pidfd_open(pid)
        except (AttributeError, OSError):  # not Linux, an old kernel, a sandbox
            self._requests.send({"pid": pid})
            return
        self._requests.hand_over({"pid": pid, "handle": True}, handle)
        os.close(handle)

    def _kill(self, pid: JSON) -> None:
        # A child that was not reaped keeps its pid, so this cannot hit a stranger.
        if isinstance(pid, int) and pid in self._children:
            with contextlib.suppress(PermissionError):  # it became another user
                os.kill(pid, signal.SIGKILL)

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        for end in (self._requests, self._exits, self._wake_reader, self._wake_writer):
            end.close()


def main() -> None:
    """Be the fork server that ``pynenc.runner.fork_server`` starts; its arguments: name and two descriptors."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the supervisor blocked SIGINT for the time before this line
    requests, exits = (socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[2:4])
    server = ForkServerProcess(requests, exits)
    child_main = server.load()
    if child_main is not None:
        connection = server.serve()
        if connection is not None:
            run_child(connection, child_main)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(EXIT_LIMIT_SECONDS)


def _load(start: Message) -> ChildMain:
    sys.argv = cast("list[str]", start["argv"])
    bootstrap = cast("str", start["bootstrap"])
    payload = base64.b64decode(cast("str", start["payload"]))
    module_name, _, function_name = bootstrap.partition(":")
    # Collecting while importing finds nothing and would leave holes in pages that children are to share.
    gc.disable()
    child_main: ChildMain = getattr(importlib.import_module(module_name), function_name)(payload)
    if not callable(child_main):
        raise TypeError(f"{bootstrap} returned {child_main!r}, not the main function of the children.")
    return child_main


def _settle() -> None:
    """Leave the process as every child should find it, whatever the imported modules did."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # else each child would write once more what is in the buffer
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.collect()
    gc.freeze()  # a collection in a child would write to every object, and so copy the shared pages
    gc.enable()


def _describe(error: BaseException) -> Message:
    report = traceback.TracebackException.from_exception(error)
    for frame in list(report.stack):
        if frame.filename == __file__ or frame.filename.startswith("<frozen importlib"):
            report.stack.remove(frame)
    summary = "".join(report.format_exception_only()).strip().splitlines()[-1]
    return {"error": summary, "traceback": "".join(report.format())}


def _describe_threads() -> Message:
    names: list[JSON] = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    try:
        native = len(list(Path("/proc/self/task").iterdir())) - 1 - len(names)
    except OSError:
        native = 0
    return {"ready": True, "threads": names, "native_threads": max(0, native)}
