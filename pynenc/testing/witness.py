"""A witness of what really ran: a file to which tasks append when they begin and end to execute.

The ledger says what Pynenc believes; the witness says what happened. A note is one ``write`` to a file opened for
appending, so it is there whole before the next line of the task runs, also when the process is killed right then, and
notes of all processes of a machine stand in the order in which they were made::

    witness = Witness(os.environ["WITNESS"])

    @app.task
    def transfer(amount):
        with witness.present():
            ...

``pynenc.testing.guarantees`` compares the notes with the ledger.
"""

import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pynenc.engine.context import get_running

#: Later than every time there is: the end of a stay that has not ended.
FOREVER_NS = 1 << 63


class Event(StrEnum):
    """What a task notes."""

    START = "start"
    END = "end"


class Note(NamedTuple):
    """One line: ``invocation_id attempt pid event at_ns``."""

    invocation_id: str
    attempt: int
    pid: int
    event: Event
    #: Of the monotonic clock, which all processes of a machine share.
    at_ns: int


class Stay(NamedTuple):
    """A time in which an attempt executed code in a process. It has several if it is not present while it waits."""

    invocation_id: str
    attempt: int
    pid: int
    start_ns: int
    end_ns: int


class Witness:
    """The file, as tasks write to it. Any number of threads and processes may; forks do no harm."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._file: int | None = None

    @contextmanager
    def present(self) -> Generator[None]:
        """Note that the running attempt executes inside of the ``with`` block; an exception ends it, too."""
        self.note(Event.START)
        try:
            yield
        finally:
            self.note(Event.END)

    def note(self, event: Event) -> None:
        """Append one note about the attempt in whose code we are.

        Raises:
            RuntimeError: we are in none.
        """
        running = get_running()
        # Sync mode runs a task without an engine.
        if running is None or running.engine is None:
            raise RuntimeError(
                "A witness takes notes inside of tasks that a runner executes, and here none is running."
            )
        record = running.record
        line = f"{record.invocation_id} {record.attempt} {os.getpid()} {event} {time.monotonic_ns()}\n"
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(self._file, line.encode())


def read_notes(path: str | os.PathLike[str]) -> list[Note]:
    """All notes in the order in which they were made; none if nobody has written any.

    Raises:
        ValueError: a line is no note.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [_parse(line) for line in lines]


def _parse(line: str) -> Note:
    try:
        invocation_id, attempt, pid, event, at_ns = line.split()
        return Note(invocation_id, int(attempt), int(pid), Event(event), int(at_ns))
    except ValueError:
        raise ValueError(f"No note of a witness: {line!r}. Only Witness may write to the file.") from None


def stays(notes: Iterable[Note], died_at_ns: Mapping[int, int] | None = None) -> list[Stay]:
    """When which attempt executed, in the order of the beginnings.

    A stay without an end lasts until its process died (``died_at_ns``, by pid), else for ever.
    """
    deaths = died_at_ns or {}
    begun: dict[tuple[str, int, int], list[int]] = {}
    found: list[Stay] = []
    for note in notes:
        key = (note.invocation_id, note.attempt, note.pid)
        if note.event is Event.START:
            begun.setdefault(key, []).append(note.at_ns)
        elif begun.get(key):
            found.append(Stay(*key, begun[key].pop(), note.at_ns))
    for key, starts in begun.items():
        found += [Stay(*key, start, max(start, deaths.get(key[2], FOREVER_NS))) for start in starts]
    return sorted(found, key=lambda stay: stay.start_ns)


def overlaps(all_stays: Iterable[Stay], scope_of: Callable[[str], str | None]) -> list[tuple[Stay, Stay]]:
    """Stays that begin while another one in their scope lasts: pairs of the one that ends last so far and of them.

    ``scope_of`` gives the scope of an invocation; None: it has none.
    """
    latest: dict[str, Stay] = {}
    found: list[tuple[Stay, Stay]] = []
    for stay in sorted(all_stays, key=lambda stay: stay.start_ns):
        scope = scope_of(stay.invocation_id)
        if scope is None:
            continue
        before = latest.get(scope)
        if before is not None and stay.start_ns < before.end_ns:
            found.append((before, stay))
        if before is None or stay.end_ns > before.end_ns:
            latest[scope] = stay
    return found
