"""What the tests of commands share."""

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass

from pynenc.testing import wait_until


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


@contextmanager
def running(app):
    """A runner on a thread."""
    thread = threading.Thread(target=app.runner.run)
    thread.start()
    try:
        yield
    finally:
        app.runner.stop_runner_loop()
        thread.join()


def finish(app, *invocations):
    """Have a runner work until these are final."""
    with running(app):
        wait_until(lambda: all(each.status.is_final() for each in invocations), 10, "all of them to be final")


def masked(text: str) -> str:
    """Text without what differs from run to run: ids, times, durations, processes; and without their padding."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", "<time>", text)
    text = re.sub(r"\d+(\.\d+)? (ms|s|min)\b", "<duration>", text)
    text = re.sub(r"ExternalRunner@\S+", "<process>", text)
    return re.sub(r" {2,}", "  ", text)
