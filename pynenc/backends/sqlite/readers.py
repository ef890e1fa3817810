"""The connections of a process that only read."""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from pynenc.backends.sqlite.failures import FailuresTranslated
from pynenc.backends.sqlite.mapping import Row
from pynenc.backends.sqlite.opening import open_reader

#: Threads of one process that read at the same time: a slow listing must not hold up the others.
READERS = 4


class _Reader:
    """A connection, and the lock of the thread that uses it."""

    __slots__ = ("db", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.db: sqlite3.Connection | None = None


class Readers:
    """A few connections, opened when as many threads read at once. The file and its tables must be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers = tuple(_Reader() for _ in range(READERS))

    def rows(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        """What is committed. All rows at once: an open cursor would keep the log from being reused."""
        reader = self._free_one()
        try:
            with FailuresTranslated(self._path):
                if reader.db is None:
                    reader.db = open_reader(self._path)
                return reader.db.execute(sql, parameters).fetchall()
        finally:
            reader.lock.release()

    def _free_one(self) -> _Reader:
        for reader in self._readers:
            if reader.lock.acquire(blocking=False):
                return reader
        # All are busy: wait for one, not all threads for the same (the low bits of an identity do not differ).
        reader = self._readers[hash(threading.get_ident()) // 64 % READERS]
        reader.lock.acquire()
        return reader

    @property
    def locks(self) -> list[threading.Lock]:
        """Who holds all of these keeps everybody from reading."""
        return [reader.lock for reader in self._readers]

    @property
    def opened(self) -> list[sqlite3.Connection]:
        """The connections that are open."""
        return [reader.db for reader in self._readers if reader.db is not None]

    def close(self) -> None:
        """Close the connections. The caller holds the locks."""
        for reader in self._readers:
            if reader.db is not None:
                reader.db.close()
                reader.db = None
