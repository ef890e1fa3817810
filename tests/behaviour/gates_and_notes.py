"""What tasks leave behind for the test, and what they wait for: files, which work in every process."""

import os
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from pynenc.testing import wait_until

#: Nothing here takes a tenth of it, also on a loaded machine.
DEADLINE_SECONDS = 30.0


def note(journal: str | Path, *words: object) -> None:
    """Append a line to a journal; lines of several processes never mix."""
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(descriptor)


def notes(journal: str | Path) -> list[str]:
    """The lines so far."""
    path = Path(journal)
    return path.read_text().splitlines() if path.exists() else []


def open_gate(gate: str | Path) -> None:
    """Let everybody through who waits at this gate, now or later."""
    Path(gate).touch()


def pass_gate(gate: str | Path) -> None:
    """Wait until the gate is open."""
    wait_until(Path(gate).exists, DEADLINE_SECONDS, f"the gate {gate}")


def wait_for_notes(journal: str | Path, count: int = 1) -> list[str]:
    """The lines of the journal, once there are so many."""
    wait_until(lambda: len(notes(journal)) >= count, DEADLINE_SECONDS, f"{count} lines in {journal}")
    return notes(journal)


class Interval(NamedTuple):
    """When something ran: seconds of the clock that all processes share."""

    what: str
    start: float
    end: float


def note_interval(journal: str | Path, what: object, start: float) -> None:
    """Note that something ran from ``start`` (``time.monotonic()``) until now."""
    note(journal, what, start, time.monotonic())


def intervals(journal: str | Path) -> list[Interval]:
    """What was noted with ``note_interval``, by start."""
    found = (line.split() for line in notes(journal))
    return sorted((Interval(what, float(start), float(end)) for what, start, end in found), key=lambda i: i.start)


def overlapping(noted: list[Interval]) -> list[tuple[Interval, Interval]]:
    """Neighbours of which the second began before the first had ended."""
    return [(a, b) for a, b in pairwise(noted) if b.start < a.end]
