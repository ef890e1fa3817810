"""Waiting in tests: for a condition, never for a time."""

import time
from collections.abc import Callable

#: The first pause between two looks: short, for most conditions are nearly true when they are waited for.
FIRST_PAUSE_SECONDS = 0.001
#: The longest: a test that waits long must not take the processor from what it waits for.
LONGEST_PAUSE_SECONDS = 0.020


def wait_until(condition: Callable[[], object], timeout_seconds: float, what: str) -> None:
    """Return as soon as ``condition()`` is true; it is asked at least once.

    Raises:
        AssertionError: it was not within ``timeout_seconds``; the message says ``what`` was waited for.
    """
    deadline = time.monotonic() + timeout_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    while not condition():
        left_seconds = deadline - time.monotonic()
        if left_seconds <= 0:
            raise AssertionError(f"Waited {timeout_seconds:g} s in vain for: {what}")
        time.sleep(min(pause_seconds, left_seconds))
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
