"""Translation of what SQLite and the file system report into errors of ours, in one place."""

import sqlite3
from pathlib import Path
from types import TracebackType

from pynenc.exceptions import StoreUnavailableError

#: How long SQLite waits for another writer. It comes to that only where writers cannot queue, or bypass the queue.
BUSY_TIMEOUT_SECONDS = 30.0

_NOT_OURS = ("it is not a database of this application", "Choose another path for sqlite_db_path.")
_NO_ACCESS = (
    "its folder or the file cannot be written by this process",
    "Give the process the rights to write there, or set sqlite_db_path to a path in a folder where it may.",
)
_DISK = (
    "the disk or the file system failed",
    "Look at the system's log; a database needs a local file system, not one of the network.",
)
_BUSY = (
    f"another process has kept it locked for {BUSY_TIMEOUT_SECONDS:.0f} s",
    "Look for a stopped process, or for another program with an open transaction on the file.",
)

#: Primary result code -> why it happens, what to do.
_REASONS = {
    sqlite3.SQLITE_PERM: _NO_ACCESS,
    sqlite3.SQLITE_READONLY: _NO_ACCESS,
    sqlite3.SQLITE_CANTOPEN: _NO_ACCESS,
    sqlite3.SQLITE_AUTH: _NO_ACCESS,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _DISK,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_NOLFS: _DISK,
    sqlite3.SQLITE_FULL: ("the disk is full", "Make room on it; nothing of the refused step was kept."),
    sqlite3.SQLITE_NOTADB: _NOT_OURS,
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged",
        "Restore it from a copy, or move it away to start with an empty one.",
    ),
    sqlite3.SQLITE_SCHEMA: _NOT_OURS,
    # "no such table", "no such column": somebody changed the tables while the file was open.
    sqlite3.SQLITE_ERROR: ("its tables are not as this version of Pynenc made them", _NOT_OURS[1]),
}

#: The low byte of an extended result code is the primary one.
_PRIMARY_CODE_MASK = 0xFF


def unavailable(path: Path, why: str, what_to_do: str) -> StoreUnavailableError:
    """The error that says what happened to a database, why, and what to do."""
    return StoreUnavailableError(f"The database {path} cannot be used: {why}. {what_to_do}")


def translated(path: Path, error: BaseException | None) -> StoreUnavailableError | None:
    """What to raise instead of an error of SQLite or the file system; None: it is neither, or a mistake of ours."""
    if isinstance(error, OSError):
        return unavailable(path, str(error), _NO_ACCESS[1])
    # Only the environment's faults. A wrong statement or value (ProgrammingError, IntegrityError) is a bug: it stays.
    if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.InternalError):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    reason = _REASONS.get(code & _PRIMARY_CODE_MASK) if code is not None else None
    why, what_to_do = reason or ("SQLite refused", "Look at the cause below.")
    return unavailable(path, f"{why} ({error})", what_to_do)


class FailuresTranslated:
    """Context in which errors of SQLite and the file system become ``StoreUnavailableError``, their cause kept."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and (ours := translated(self._path, error)) is not None:
            raise ours from error
