"""The one owner of connections to a database file.

A process has one connection that writes, which its threads use in turn, and a few that only read. They are opened
at the first use and kept: opening costs as much as ten steps. Nothing else of the process may open the database
file or its ``-wal`` and ``-shm``: whoever closes one of them drops all locks that SQLite holds on it.
"""

import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from pynenc.backends.sqlite.checkpoint import Checkpoints
from pynenc.backends.sqlite.failures import BUSY_TIMEOUT_SECONDS, FailuresTranslated, translated, unavailable
from pynenc.backends.sqlite.forks import ClosedForForks
from pynenc.backends.sqlite.location import prepare_folder
from pynenc.backends.sqlite.mapping import Row
from pynenc.backends.sqlite.opening import ensure_schema, open_connection, table_prefix
from pynenc.backends.sqlite.readers import Readers
from pynenc.backends.sqlite.statements import ByIds, Texts
from pynenc.backends.sqlite.write_lock import WriteLock

_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class SQLiteConnection(ClosedForForks):
    """The database file of one application, as one process uses it."""

    def __init__(self, app_id: str, db_path: str | os.PathLike[str], synchronous: str = "NORMAL") -> None:
        self.app_id = app_id
        #: Absolute: the process may change its working directory.
        self.db_path = Path(db_path).absolute()
        #: The queue of the writers of all processes; held from before BEGIN to after COMMIT.
        self.write_lock = WriteLock(self.db_path)
        #: Transactions of this process that wrote something.
        self.write_transactions = 0
        self._synchronous = synchronous
        self._texts = Texts(table_prefix(app_id))
        self._checkpoints = Checkpoints(self._checkpoint_beside_writers, self._checkpoint_alone)
        #: Connections of the parent that could not be closed before a fork: kept, for closing is use as well.
        self._inherited: list[sqlite3.Connection] = []
        self._held_for_fork: list[threading.Lock | threading.RLock] = []
        self._start_anew()
        super().__init__()

    def _start_anew(self) -> None:
        self._readers = Readers(self.db_path)
        self._writer: sqlite3.Connection | None = None
        #: Held by the thread that has the writer.
        self._lock = threading.RLock()
        #: The thread whose unit is open, and how many it has opened inside each other.
        self._owner: int | None = None
        self._depth = 0
        #: An exception left one of them.
        self._failed = False
        self._changes_before = 0

    # ------------------------------------------------------------- statements

    def write(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Execute a statement inside the present unit; how many rows it changed."""
        return self._opened().execute(self._texts[sql], parameters).rowcount

    def write_many(self, sql: str, rows: Sequence[Row]) -> int:
        """Execute a statement for each row inside the present unit; how many rows all of them changed."""
        return self._opened().executemany(self._texts[sql], rows).rowcount

    def write_by_ids(self, statement: ByIds, ids: Sequence[str]) -> None:
        """Execute a statement over a list of ids inside the present unit."""
        for sql, portion in statement(ids):
            self.write(sql, portion)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Read: inside a unit of this thread with all it has written, else what is committed."""
        writer = self._opened()
        if self._owner == threading.get_ident():
            return writer.execute(self._texts[sql], parameters).fetchall()
        return self._readers.rows(self._texts[sql], parameters)

    def rows_by_ids(self, statement: ByIds, ids: Sequence[str]) -> list[Row]:
        """Read over a list of ids."""
        return [row for sql, portion in statement(ids) for row in self.rows(sql, portion)]

    # ------------------------------------------------------------------ units

    def begin(self) -> None:
        """Open a unit, or one more inside the one of this thread."""
        self._lock.acquire()
        if self._depth:
            if self._failed:
                self._lock.release()
                raise self._undone()
            self._depth += 1
            return
        try:
            writer = self._opened()
            self.write_lock.acquire()
            try:
                with FailuresTranslated(self.db_path):
                    writer.execute("BEGIN IMMEDIATE")
            except BaseException:
                self.write_lock.release()
                raise
        except BaseException:
            self._lock.release()
            raise
        self._changes_before = writer.total_changes
        self._owner = threading.get_ident()
        self._depth = 1

    def end(self, error: BaseException | None) -> None:
        """Close a unit. The outermost commits, unless an exception leaves it or has left one inside it."""
        if not self._depth:
            # A child that was forked inside the unit leaves it, too. It is the parent's.
            return
        if error is not None:
            self._failed = True
        if self._depth > 1:
            self._depth -= 1
            self._lock.release()
            return
        try:
            self._finish(error)
        finally:
            self._depth, self._owner, self._failed = 0, None, False
            self.write_lock.release()
            self._lock.release()
        self._checkpoints.start_if_due()

    def _finish(self, error: BaseException | None) -> None:
        writer = self._opened()
        try:
            if not self._failed:
                with FailuresTranslated(self.db_path):
                    writer.execute("COMMIT")
        finally:
            # Not after some failures, a full disk for one: there SQLite has undone everything itself.
            if writer.in_transaction:
                writer.execute("ROLLBACK")
        if not self._failed:
            changes = writer.total_changes - self._changes_before
            if changes:
                self.write_transactions += 1
                self._checkpoints.count(changes)
        elif error is None:
            raise self._undone()
        elif (ours := translated(self.db_path, error)) is not None:
            raise ours from error

    def _undone(self) -> RuntimeError:
        return RuntimeError(
            f"The unit of work on {self.db_path} is undone: an exception left a unit inside it and was caught before "
            "the end, so that half of what belongs together would have been kept. Let the exception leave the "
            "outermost unit."
        )

    def _checkpoint_beside_writers(self) -> None:
        self._readers.rows(_CHECKPOINT, ())

    def _checkpoint_alone(self) -> None:
        with self._lock:
            writer = self._opened()
            with self.write_lock, FailuresTranslated(self.db_path):
                writer.execute(_CHECKPOINT).fetchall()

    # ------------------------------------------------- opening, closing, forks

    def _opened(self) -> sqlite3.Connection:
        return self._writer or self._open()

    def _open(self) -> sqlite3.Connection:
        with self._lock:
            if self._inherited:
                raise unavailable(
                    self.db_path,
                    f"process {os.getpid()} was forked by a thread inside a unit of work, or while another one was in "
                    f"it for more than {BUSY_TIMEOUT_SECONDS:.0f} s",
                    "Fork outside of units, or start processes by 'spawn' or 'forkserver'.",
                )
            if self._writer is None:
                prepare_folder(self.db_path)
                # One process at a time: SQLite does not queue for the change to the write-ahead log.
                with self.write_lock, FailuresTranslated(self.db_path):
                    self._writer = self._open_with_tables()
            return self._writer

    def _open_with_tables(self) -> sqlite3.Connection:
        writer = open_connection(self.db_path, self._synchronous)
        try:
            ensure_schema(writer, self.db_path, self.app_id)
        except BaseException:
            writer.close()
            raise
        return writer

    def close(self) -> None:
        """Close the connections, once no thread uses them; the next use opens them again. May be repeated."""
        self._checkpoints.wait()
        locks = self._all_locks()
        for lock in locks:
            lock.acquire()
        try:
            self._close_all()
        finally:
            for lock in reversed(locks):
                lock.release()
        self.write_lock.close()

    def _all_locks(self) -> "list[threading.Lock | threading.RLock]":
        return [self._lock, *self._readers.locks]

    def _close_all(self) -> None:
        self._readers.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def before_fork(self) -> None:
        locks = self._all_locks()
        self._held_for_fork = [lock for lock in locks if lock.acquire(timeout=BUSY_TIMEOUT_SECONDS)]
        if len(self._held_for_fork) == len(locks) and not self._depth:
            self._close_all()

    def after_fork_in_parent(self) -> None:
        for lock in reversed(self._held_for_fork):
            lock.release()
        self._held_for_fork = []

    def after_fork_in_child(self) -> None:
        if self._writer is not None:
            self._inherited += [self._writer, *self._readers.opened]
        self._held_for_fork = []
        self._checkpoints.start_anew()
        # Locks, too: a thread that held one is not here to release it.
        self._start_anew()
