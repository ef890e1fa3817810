"""Tasks of the tests of this folder."""

import time
from pathlib import Path

from pynenc import Pynenc
from pynenc.testing import wait_until
from pynenc.trigger import on_cron

app = Pynenc({"app_id": "tests"})


@app.task
def add(x: int, y: int) -> int:
    """Do next to nothing."""
    return x + y


@app.task
def fibonacci(n: int) -> int:
    """Wait for two others."""
    if n < 2:
        return n
    one, two = fibonacci(n - 1), fibonacci(n - 2)
    return one.result + two.result


@app.task
def nap(milliseconds: int) -> int:
    """Take some time."""
    time.sleep(milliseconds / 1000)
    return milliseconds


@app.task
def length(text: str) -> int:
    """Take a large argument."""
    return len(text)


#: A test that fails must not leave a process that waits for ever.
HOLD_SECONDS = 60.0


@app.task
def hold_each(folder: str) -> int:
    """Say in the folder that this attempt has begun, and wait until it is told to end; which attempt it was."""
    attempt = hold_each.invocation.record.attempt
    (Path(folder) / f"begun-{attempt}").touch()
    wait_until((Path(folder) / f"end-{attempt}").exists, HOLD_SECONDS, "the test")
    return attempt


@app.task
def ask_for(folder: str) -> int:
    """Wait, paused, for ``hold_each``."""
    return hold_each(folder).result


@app.task(triggers=on_cron("* * * * * *", seconds=True))
def on_second() -> None:
    """Start every second."""
