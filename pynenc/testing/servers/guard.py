"""Runs one command as a child, and ends it when the session that wanted it is gone. Started as a program.

A server of a test session must not outlive the session, however that ends, SIGKILL included. The session holds the
other end of our standard input: when it closes, the command and all its children are killed. Neither a thread that
ends nor a fork of the session (which inherits the pipe) makes a difference.
"""

import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress

#: How often the parent's life is checked, for a pipe that a fork of the session still holds open.
_PARENT_CHECK_SECONDS = 1.0


def main(command: list[str]) -> None:
    """Start the command, say its process id, and end with it."""
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    parent = os.getppid()
    # stderr is the log of the command; our own stdout says the pid and nothing else.
    child = subprocess.Popen(  # noqa: S603 - the command of a test session
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )
    print(child.pid, flush=True)  # noqa: T201
    threading.Thread(target=_end_with, args=(child,), daemon=True).start()
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], _PARENT_CHECK_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 1):
            break
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _end_with(child: "subprocess.Popen[bytes]") -> None:
    code = child.wait()
    # What it started goes with it; nobody is left to ask for it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
