"""The board: which processes of an application want to be woken, in memory that all of them share.

It lies in the folder of their inboxes. It says of each slot whether its process is idle, and whether it waits for
invocations to change, so that who has nobody to tell learns that without a system call (decision 0004).
"""

import errno
import hashlib
import mmap
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

from pynenc.backends.sqlite.opening import table_prefix

#: How many processes can be told things at once. Each costs 11 bytes of the board, and all are searched for an idle
#: one (0.2 µs). A process that finds no free slot falls back to checks.
SLOTS = 1024

#: Where on the board each mark begins. A mark has a byte for each slot, not a bit: processes write without locks, and
#: a byte is the smallest thing that is written at once.
IDLE, WAITING, OVERFLOW, NONCES = 0, SLOTS, 2 * SLOTS, 3 * SLOTS

#: Distinguishes the owners of one slot, so that what is meant for a dead process does not reach its successor.
NONCE_BYTES = 8

BOARD_BYTES = NONCES + SLOTS * NONCE_BYTES

#: A line that says nothing but makes the reader look up.
EMPTY_LINE = b"\n"

#: The pipe has no reader, or is not there: its owner has died or closed.
GONE = frozenset({errno.ENXIO, errno.ENOENT, errno.EPIPE})


class Idle(IntEnum):
    """What a process is ready for, as its byte on the board says."""

    BUSY = 0
    #: It looks for work of any queue.
    READY = 1
    #: It starts others for the work, when nobody is ready.
    STANDBY = 2
    #: It serves some queues only.
    PICKY = 3
    #: All its slots are taken, but its event loop has room.
    COROUTINES = 4


class Board:
    """The marks of all slots, and the way to each inbox. Safe to use from many threads and processes at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        file = os.open(folder / "board", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "linux":
                # Not only extended: with a full disk, a write into a hole of a mapped file kills the process.
                os.posix_fallocate(file, 0, BOARD_BYTES)
            else:
                os.ftruncate(file, BOARD_BYTES)
            self._bytes = mmap.mmap(file, BOARD_BYTES)
        finally:
            os.close(file)
        # A file system without named pipes says so here, where another folder can still be chosen.
        self.make_pipe(0)

    def claim_path(self, slot: int) -> str:
        """Name the file whose lock says who owns the slot."""
        return f"{self._folder}/{slot}.lock"

    def make_pipe(self, slot: int) -> str:
        """Create the pipe of the slot unless it is there, and return its path."""
        path = self._pipe_path(slot)
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        return path

    def mark(self, mark: int, slot: int, *, on: bool) -> None:
        """Set or clear one mark of one slot."""
        self._bytes[mark + slot] = on

    def take_mark(self, mark: int, slot: int) -> bool:
        """Clear the mark, and return whether it was set."""
        marked = bool(self._bytes[mark + slot])
        if marked:
            self._bytes[mark + slot] = False
        return marked

    def mark_idle(self, slot: int, kind: int) -> None:
        """Say what the owner of the slot is ready for: one of ``Idle``."""
        self._bytes[IDLE + slot] = kind

    def take_idle(self, kind: int, first_slot: int) -> int | None:
        """Clear the mark of the next slot of this kind from ``first_slot`` on and around, and return it, if any.

        Two takers at the same moment may get the same slot: it is told twice, and another idle one not at all.
        """
        value = bytes((kind,))
        position = self._bytes.find(value, IDLE + first_slot, IDLE + SLOTS)
        if position < 0:
            position = self._bytes.find(value, IDLE, IDLE + first_slot)
        if position < 0:
            return None
        self._bytes[position] = Idle.BUSY
        return position - IDLE

    def take_all(self, kind: int) -> list[int]:
        """Clear the marks of all slots of this kind, and return them."""
        taken: list[int] = []
        while (slot := self.take_idle(kind, 0)) is not None:
            taken.append(slot)
        return taken

    def move_in(self, slot: int, nonce: bytes) -> None:
        """Give the slot to a new owner (no nonce: to nobody), without the marks of the former one."""
        for mark in (IDLE, WAITING, OVERFLOW):
            self.mark(mark, slot, on=False)
        start = NONCES + slot * NONCE_BYTES
        self._bytes[start : start + NONCE_BYTES] = nonce.ljust(NONCE_BYTES, b"\0")

    def waiting_slot(self, address: str) -> int | None:
        """Find the slot of an address. None: its process waits for nothing, is gone, or never was."""
        number, _, nonce = address.partition(".")
        try:
            slot = int(number)
        except ValueError:
            return None
        if not 0 <= slot < SLOTS or not self._bytes[WAITING + slot] or self._nonce(slot) != nonce.encode():
            return None
        return slot

    def tell(self, slot: int, messages: Iterable[bytes]) -> bool:
        """Write messages into an inbox, each whole or not at all, and return whether somebody reads it."""
        nonce = self._nonce(slot)
        try:
            # Opened each time: without a reader this is an error, while writing to an open pipe would be a SIGPIPE.
            pipe = os.open(self._pipe_path(slot), os.O_WRONLY | os.O_NONBLOCK)
            try:
                self._write(pipe, slot, messages)
            finally:
                os.close(pipe)
        except OSError as error:
            if error.errno in GONE:
                self._forget_waiting(slot, nonce)
            return False
        return True

    def _write(self, pipe: int, slot: int, messages: Iterable[bytes]) -> None:
        try:
            for message in messages:
                os.write(pipe, message)
        except BlockingIOError:
            self.mark(OVERFLOW, slot, on=True)
            # Either the inbox is full even now, and its reader will see the mark after its next read; or this wakes it.
            with suppress(BlockingIOError):
                os.write(pipe, EMPTY_LINE)

    def _forget_waiting(self, slot: int, nonce: bytes) -> None:
        self.mark(WAITING, slot, on=False)
        if self._nonce(slot) != nonce:
            # A new owner came meanwhile, and its mark may be the one that was cleared. A mark too much costs little.
            self.mark(WAITING, slot, on=True)

    def _nonce(self, slot: int) -> bytes:
        start = NONCES + slot * NONCE_BYTES
        return self._bytes[start : start + NONCE_BYTES]

    def _pipe_path(self, slot: int) -> str:
        return f"{self._folder}/{slot}.pipe"


def open_board(db_path: Path, app_id: str) -> Board:
    """Open the board of an application beside its database, else the one that both lead to among the temporary files.

    The second is for file systems that hold a database but neither pipes nor shared memory.
    """
    # Applications that share a file do not share workers: none must be woken for the work of another.
    beside = db_path.with_name(f"{db_path.name}-wake") / table_prefix(app_id).strip("_")
    try:
        beside.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Board(beside)
    except OSError:
        if beside.is_dir() and not os.access(beside, os.R_OK | os.W_OK | os.X_OK):
            # The processes of another user meet here: to wait elsewhere is to wait for nobody.
            raise
    name = hashlib.sha256(os.fsencode(beside)).hexdigest()[:16]
    elsewhere = Path(tempfile.gettempdir()) / f"pynenc-{os.getuid()}-{name}"
    elsewhere.mkdir(mode=0o700, exist_ok=True)
    if elsewhere.lstat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "the folder belongs to another user", str(elsewhere))
    return Board(elsewhere)
