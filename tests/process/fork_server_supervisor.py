"""A supervisor with three children, for tests that kill it: says who they are, then lets them echo on request."""

import os
import signal
import sys

from pynenc.runner.fork_server import ForkServer


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = ForkServer("fork_server_app:bootstrap", b"", name="test")
    server.start()
    assert server._process is not None
    children = [server.fork({"do": "echo"}) for _ in range(3)]
    bystander = os.fork()
    if bystander == 0:
        signal.pause()
    say(server._process._process.pid, *(child.pid for child in children), bystander)
    for line in sys.stdin:
        for child in children:
            child.send({"said": line.strip()})
            child.control.settimeout(10)
            child.control.recv(1)
            child.control.settimeout(0)
        say("all heard")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
