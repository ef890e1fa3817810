"""Without safety nets a lost wake-up is a failure, not a second of waiting that nobody notices.

Behind every wake-up there is a check at intervals that finds what a lost one has missed. Here these intervals are
longer than a test may take, in the process of the tests and in the worker processes. The time that worker processes
have at their end, which most tests of it use up, is short instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pynenc.engine import hub
from pynenc.runner import parking, supervisor, watch, worker_process

#: A variable of the environment: worker processes keep them after all.
KEEP = "BEHAVIOUR_KEEPS_SAFETY_NETS"
#: Longer than a test may take.
NEVER_SECONDS = 1000.0
#: Enough to leave a few blocks of code.
UNWIND_SECONDS = 0.2

SETTINGS: tuple[tuple[ModuleType, str, float], ...] = (
    (hub, "SAFETY_CHECK_SECONDS", NEVER_SECONDS),
    (watch, "SAFETY_LOOK_SECONDS", NEVER_SECONDS),
    (supervisor, "SAFETY_SECONDS", NEVER_SECONDS),
    (parking, "RECHECK_SECONDS", NEVER_SECONDS),
    (worker_process, "UNWIND_SECONDS", UNWIND_SECONDS),
    (supervisor, "UNWIND_SECONDS", UNWIND_SECONDS),
)


def take_down() -> None:
    """For good: in a process that ends with the test."""
    for module, name, seconds in SETTINGS:
        assert hasattr(module, name), f"{module.__name__} calls it otherwise now"
        setattr(module, name, seconds)


@contextmanager
def taken_down() -> Iterator[None]:
    """For a while."""
    before = [getattr(module, name) for module, name, _ in SETTINGS]
    take_down()
    try:
        yield
    finally:
        for (module, name, _), seconds in zip(SETTINGS, before, strict=True):
            setattr(module, name, seconds)
