"""Without safety nets a lost wake-up is a failure, not a second of waiting that nobody notices.

Behind every wake-up there is a check at intervals that finds what a lost one has missed. Here these intervals are
longer than a test may take, in the process of the tests and in the worker processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pynenc.engine import hub
from pynenc.runner import parking, supervisor, watch

#: Longer than a test may take.
NEVER_SECONDS = 1000.0

NETS: tuple[tuple[ModuleType, str], ...] = (
    (hub, "SAFETY_CHECK_SECONDS"),
    (watch, "SAFETY_LOOK_SECONDS"),
    (supervisor, "SAFETY_SECONDS"),
    (parking, "RECHECK_SECONDS"),
)


def take_down() -> None:
    """For good: in a process that ends with the test."""
    for module, name in NETS:
        setattr(module, name, NEVER_SECONDS)


@contextmanager
def taken_down() -> Iterator[None]:
    """For a while."""
    before = [getattr(module, name) for module, name in NETS]
    take_down()
    try:
        yield
    finally:
        for (module, name), seconds in zip(NETS, before, strict=True):
            setattr(module, name, seconds)
