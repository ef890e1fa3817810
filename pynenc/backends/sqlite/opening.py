"""Opening a database file: the settings of a connection, and the tables of an application."""

import hashlib
import re
import sqlite3
from contextlib import suppress
from pathlib import Path

from pynenc.backends.sqlite.failures import BUSY_TIMEOUT_SECONDS, unavailable
from pynenc.backends.sqlite.statements import filled

#: Version of ``schema.sql``. A file with another one is refused, never guessed at.
SCHEMA_VERSION = 3

#: More statements than there are: each is compiled once for a connection.
CACHED_STATEMENTS = 512

#: A step changes little on each of a dozen pages, and writes them all: smaller ones save a fifth of a single call.
#: Still smaller ones hold too few rows, which costs batches what it saves. Counts for new files only.
PAGE_BYTES = 2_048

#: Pages are forgotten whenever another process has written, so more than one step reads is of no use.
CACHE_KIBIBYTES = 8_000

#: Frames after which SQLite checkpoints by itself, inside a commit: only when ``checkpoint.py`` cannot keep up.
AUTOMATIC_CHECKPOINT_FRAMES = 25_000

_SCHEMA = Path(__file__).with_name("schema.sql")


def table_prefix(app_id: str) -> str:
    """What the names of an application's tables start with: readable, and different for different ids."""
    readable = re.sub(r"[^A-Za-z0-9_]", "_", app_id)
    # A name starts with no digit, and with "sqlite_" only in SQLite's own tables.
    if readable[:1].isdigit() or readable.lower().startswith("sqlite_"):
        readable = f"_{readable}"
    digest = hashlib.sha256(app_id.encode()).hexdigest()[:8]
    return f"{readable}_{digest}_"


def open_connection(path: Path, synchronous: str) -> sqlite3.Connection:
    """A connection that may write; transactions begin and end by statements, threads are the caller's matter."""
    db = _connect(path)
    try:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _use_write_ahead_log(db, path)
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute(f"PRAGMA wal_autocheckpoint = {AUTOMATIC_CHECKPOINT_FRAMES}")
        # Some systems build SQLite so that it overwrites what is deleted with zeros.
        db.execute("PRAGMA secure_delete = OFF").fetchall()
    except BaseException:
        db.close()
        raise
    return db


def _use_write_ahead_log(db: sqlite3.Connection, path: Path) -> None:
    [[mode]] = db.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != "wal":
        raise unavailable(
            path,
            f"its file system has no shared memory for the write-ahead log (the journal mode stays {mode!r})",
            "Set sqlite_db_path to a path on a local disk.",
        )


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    db = _connect(path)
    db.execute("PRAGMA query_only = ON")
    return db


class _Connection(sqlite3.Connection):
    """Closes itself when nobody has it any more: an application need not be closed before it is forgotten."""

    def __del__(self) -> None:
        # Python 3.13 and later would warn instead. One that could not be opened refuses even this.
        with suppress(sqlite3.ProgrammingError):
            self.close()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
        factory=_Connection,
    )
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    return db


def ensure_schema(db: sqlite3.Connection, path: Path, app_id: str) -> None:
    """Create the tables of an application if they are not there. Nobody else may open the file meanwhile.

    Raises:
        StoreUnavailableError: they were made by another version.
    """
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'pynenc_schema'").fetchone():
        row = db.execute("SELECT version FROM pynenc_schema WHERE app_id = ?", (app_id,)).fetchone()
        if row is not None:
            _check_version(path, app_id, row[0])
            return
    prefix = table_prefix(app_id)
    db.executescript(
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS pynenc_schema "
        "(app_id TEXT PRIMARY KEY, prefix TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;"
        + filled(_SCHEMA.read_text(encoding="utf-8"), prefix)
    )
    db.execute("INSERT INTO pynenc_schema VALUES (?, ?, ?)", (app_id, prefix, SCHEMA_VERSION))
    db.execute("COMMIT")


def _check_version(path: Path, app_id: str, version: int) -> None:
    if version == SCHEMA_VERSION:
        return
    age = "a newer" if version > SCHEMA_VERSION else "an older"
    raise unavailable(
        path,
        f"the tables of application {app_id!r} were made by {age} version of Pynenc "
        f"(schema {version}, this one knows {SCHEMA_VERSION})",
        "Use that version for this file, or another sqlite_db_path for this one.",
    )
