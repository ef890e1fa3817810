"""The queue of writers in front of one database file (decision 0004).

SQLite lets one connection write at a time; the others sleep and try again (1, 2, 5 … 100 ms), so that moments in
which the file is free are lost, and a process can miss its turn for a second. Writers therefore take a lock of the
kernel before ``BEGIN IMMEDIATE``: it wakes the next one at once, and frees itself when its holder dies.

A kernel lock alone lets a busy process overtake, again and again, the one that was just woken. Hence a second lock,
the gate: whoever waits for the first lock holds the gate meanwhile, and who has not come through the gate for a
millisecond must. So a waiter is overtaken for a millisecond at most, and a burst of writes stays cheap.

The lock only orders the writers; SQLite's own locks still protect the file. Where the file system knows no such
locks, SQLite's waiting remains.
"""

import fcntl
import os
import threading
import time
import weakref
from types import TracebackType
from typing import NamedTuple, Self

from pynenc.module_loggers import module_logger

#: For how long a process may write without passing the gate. Longer: waiters are overtaken for longer. Shorter:
#: processes write in turn, and each write costs a change of process (half the throughput of two busy ones).
GATE_INTERVAL_SECONDS = 0.001

_logger = module_logger(__name__)


class _Files(NamedTuple):
    lock: int
    gate: int


class WriteLock:
    """Held by the one thread of all processes that writes to the database file. Not reentrant.

    Waiting has no limit of its own: a holder that dies frees the lock, a holder that was stopped (SIGSTOP) keeps the
    writers waiting until it goes on.
    """

    def __init__(self, db_path: str | os.PathLike[str]) -> None:
        # Resolved: processes that name the file through different links must queue in the same line.
        self._db_path = os.path.realpath(db_path)
        self._available = True
        self._files: _Files | None = None
        self._start_anew()
        _locks_of_this_process.add(self)

    def _start_anew(self) -> None:
        self._turn_of_threads = threading.Lock()
        self._gate_is_due = 0.0

    def acquire(self) -> None:
        """Wait until no other thread and no other process writes."""
        self._turn_of_threads.acquire()
        try:
            files = self._files or self._open()
            if files is not None:
                self._queue(files)
        except OSError as error:
            self._do_without(error)
        except BaseException:
            # Ctrl-C while waiting, or just after: never leave with the lock.
            self.release()
            raise

    def release(self) -> None:
        """Let the next writer in."""
        if self._files is not None:
            fcntl.flock(self._files.lock, fcntl.LOCK_UN)
        self._turn_of_threads.release()

    def close(self) -> None:
        """Close the lock files, once nobody of this process writes. The next use opens them again."""
        with self._turn_of_threads:
            self._close_files()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _queue(self, files: _Files) -> None:
        if time.monotonic() < self._gate_is_due and _lock_at_once(files.lock):
            return
        try:
            fcntl.flock(files.gate, fcntl.LOCK_EX)
            fcntl.flock(files.lock, fcntl.LOCK_EX)
        finally:
            fcntl.flock(files.gate, fcntl.LOCK_UN)
        self._gate_is_due = time.monotonic() + GATE_INTERVAL_SECONDS

    def _open(self) -> _Files | None:
        if not self._available:
            return None
        # To read is enough for the lock, and possible for every process that can read the database.
        lock = os.open(f"{self._db_path}-lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            gate = os.open(f"{self._db_path}-gate", os.O_RDONLY | os.O_CREAT, 0o644)
        except OSError:
            os.close(lock)
            raise
        self._files = _Files(lock, gate)
        return self._files

    def _do_without(self, error: OSError) -> None:
        self._available = False
        self._close_files()
        _logger.warning(
            "Writers of the database %s cannot queue: %s. They wait by SQLite's repeated attempts instead, which is "
            "slower when several processes write. A local file system in a writable folder has such locks.",
            self._db_path,
            error,
        )

    def _close_files(self) -> None:
        # Forgotten before they are closed: a fork in between must not close what has their numbers by then.
        files, self._files = self._files, None
        for file in files or ():
            os.close(file)

    def leave_to_parent(self) -> None:
        """Forget, in a child that was just forked, what belongs to its parent."""
        # The lock belongs to the open file, which a fork shares: a child that kept it open would keep a lock alive
        # whose holder, the parent, was killed. Closing takes nothing from a parent that lives.
        self._close_files()
        self._start_anew()


def _lock_at_once(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


#: A fork concerns every lock of the process, whoever made it.
_locks_of_this_process: "weakref.WeakSet[WriteLock]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for lock in list(_locks_of_this_process):
        lock.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork_in_child)
