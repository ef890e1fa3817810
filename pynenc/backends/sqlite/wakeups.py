"""Wake-ups between the processes of one application that share a database file (decision 0004).

The idea. Beside the database lies a folder with the board (``wake_board.py``) and a named pipe for each process, its
*inbox*: one thread blocks in reading it, and one read takes everything that has come.

A slot of the board, and its inbox, belong to the process that holds the kernel's lock on ``<slot>.lock``. The kernel
takes the lock back when the process dies, and the next process that comes takes the slot: no daemon cleans up. A
sender that finds an inbox nobody reads clears its marks.

No wake-up is lost between a worker and a submitter, because each writes before it reads: the worker marks itself
idle, then looks for work once more, then blocks; the submitter commits, then looks for marks. What does get lost (a
process that dies with its inbox unread) is found by the periodic sweep.
"""

import errno
import fcntl
import os
import select
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pynenc.backends.sqlite.wake_board import EMPTY_LINE, NONCE_BYTES, OVERFLOW, SLOTS, WAITING, Board, Idle, open_board
from pynenc.module_loggers import module_logger
from pynenc.ports.wakeups import Wakeups

#: The line that says there is work; no id, and no id with ``ATTENTION`` before it, looks like it.
WORK = "+"
WORK_LINE = f"{WORK}\n".encode()

#: What a pipe holds by default on Linux: one read empties it.
READ_BYTES = 65_536

#: How long ``close`` waits for the listening thread, which is busy only while it calls back.
CLOSE_WAIT_SECONDS = 5.0

_logger = module_logger(__name__)


class Inbox:
    """A slot that this process owns, and the pipe through which it is told things."""

    def __init__(self, board: Board, slot: int, claim: int) -> None:
        path = board.make_pipe(slot)
        self.slot = slot
        self._claim = claim
        self._rest = b""
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            # Keeps the pipe from ending when other writers leave, and wakes the reader when this process closes.
            self._writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            os.close(self._reader)
            raise
        os.set_blocking(self._reader, True)
        nonce = os.urandom(NONCE_BYTES // 2).hex()
        board.move_in(slot, nonce.encode())
        self.address = f"{slot}.{nonce}"

    def read(self) -> list[str]:
        """Block until something comes, and take every line of it."""
        received = self._rest + os.read(self._reader, READ_BYTES)
        end = received.rfind(b"\n") + 1
        self._rest = received[end:]
        return received[:end].decode(errors="replace").split("\n")

    def wake_reader(self) -> None:
        """Have ``read`` return."""
        # A full pipe makes it return as well.
        with suppress(BlockingIOError):
            os.write(self._writer, EMPTY_LINE)

    def close(self) -> None:
        """Give back the pipe and, last, the slot."""
        os.close(self._reader)
        os.close(self._writer)
        os.close(self._claim)


class SQLiteWakeups(Wakeups):
    """Wake-ups between the processes of one application, through named pipes beside its database file.

    Opened on first use, and again by the first use after a fork or a close; then marks and callbacks are to be set
    again. ``can_wake`` is true until an attempt to open shows otherwise. Ids are free of line breaks.

    What a process tells itself comes through its inbox like everything else, so callbacks run on the listening thread
    only, and under no lock. An inbox that overflowed is reported as "look at everything" and "there is work".
    """

    can_wake: bool = True

    def __init__(self, db_path: str | os.PathLike[str], app_id: str = "") -> None:
        self._app_id = app_id
        # Resolved: processes that name the file through different links must meet in the same folder.
        self._db_path = Path(os.path.realpath(db_path))
        self._board: Board | None = None
        self._inbox: Inbox | None = None
        # Submitters begin at different slots, so that they do not all tell the same worker first.
        self._next_slot = os.getpid() % SLOTS
        self._start_anew()
        _wakeups_of_this_process.add(self)

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._listener: threading.Thread | None = None
        self._on_message: Callable[[Sequence[str]], None] | None = None
        self._on_work: Callable[[], None] | None = None

    def address(self) -> str | None:
        inbox = self._opened_inbox()
        return None if inbox is None else inbox.address

    def listen(self, on_message: Callable[[Sequence[str]], None], on_work: Callable[[], None]) -> None:
        with self._lock:
            self._on_message, self._on_work = on_message, on_work
            self._open_inbox()
            if self._inbox is not None and self._listener is None:
                self._listener = threading.Thread(
                    target=self._receive, args=(self._inbox,), name="pynenc-wakeups", daemon=True
                )
                self._listener.start()

    def set_waiting(self, waiting: bool) -> None:
        self._set_mark(WAITING, on=waiting)

    def set_idle(self, idle: bool, *, picky: bool = False, coroutines_only: bool = False) -> None:
        inbox = self._opened_inbox() if idle else self._inbox
        if inbox is None or self._board is None:
            return
        kind = Idle.COROUTINES if coroutines_only else Idle.PICKY if picky else Idle.READY
        self._board.mark_idle(inbox.slot, kind if idle else Idle.BUSY)

    def set_standby(self, standby: bool) -> None:
        inbox = self._opened_inbox() if standby else self._inbox
        if inbox is not None and self._board is not None:
            self._board.mark_idle(inbox.slot, Idle.STANDBY if standby else Idle.BUSY)

    def wake_workers(self, count: int, *, coroutines: bool = False) -> int:
        board = self._opened_board()
        if board is None:
            return 0
        for picky in board.take_all(Idle.PICKY):
            board.tell(picky, (WORK_LINE,))
        told = 0
        kinds = (Idle.READY, Idle.COROUTINES, Idle.STANDBY) if coroutines else (Idle.READY, Idle.STANDBY)
        for kind in kinds:
            while told < count and (slot := board.take_idle(kind, self._next_slot)) is not None:
                self._next_slot = (slot + 1) % SLOTS
                told += board.tell(slot, (WORK_LINE,))
            if told:
                break
        return told

    def notify(self, messages: Mapping[str, Sequence[str]]) -> int:
        board = self._opened_board()
        if board is None:
            return 0
        told = 0
        for address, ids in messages.items():
            slot = board.waiting_slot(address)
            if slot is not None:
                told += board.tell(slot, _in_whole_messages(ids))
        return told

    def close(self) -> None:
        with self._lock:
            inbox, self._inbox = self._inbox, None
            listener, self._listener = self._listener, None
            if inbox is None or self._board is None:
                return
            self._board.move_in(inbox.slot, b"")
            if listener is None:
                inbox.close()
                return
            inbox.wake_reader()
        if listener is not threading.current_thread():
            listener.join(CLOSE_WAIT_SECONDS)

    def _set_mark(self, mark: int, *, on: bool) -> None:
        inbox = self._opened_inbox() if on else self._inbox
        if inbox is not None and self._board is not None:
            self._board.mark(mark, inbox.slot, on=on)

    def _opened_board(self) -> Board | None:
        if self._board is None and self.can_wake:
            with self._lock:
                self._open_board()
        return self._board

    def _opened_inbox(self) -> Inbox | None:
        if self._inbox is None and self.can_wake:
            with self._lock:
                self._open_inbox()
        return self._inbox

    def _open_board(self) -> None:
        if self._board is None and self.can_wake:
            try:
                self._board = open_board(self._db_path, self._app_id)
            except OSError as error:
                self._do_without(error)

    def _open_inbox(self) -> None:
        self._open_board()
        if self._board is not None and self._inbox is None and self.can_wake:
            try:
                self._inbox = _claim_inbox(self._board)
            except OSError as error:
                self._do_without(error)

    def _do_without(self, error: OSError) -> None:
        self.can_wake = False
        _logger.warning(
            "Other processes cannot wake process %d over the database %s: %s. It looks for changes at growing "
            "intervals instead, which costs latency. A local folder that belongs to the user of all these processes "
            "has what is needed.",
            os.getpid(),
            self._db_path,
            error,
        )

    def _receive(self, inbox: Inbox) -> None:
        """Read what others say, until this inbox is given up."""
        try:
            while True:
                lines = inbox.read()
                board = self._board
                if inbox is not self._inbox or board is None:
                    return
                # Taken before the callbacks look: what overflows while they do is marked again.
                self._call_back(lines, overflowed=board.take_mark(OVERFLOW, inbox.slot))
        finally:
            # Closed by the thread that reads, so that it never reads a file that was given the same number.
            with self._lock:
                inbox.close()

    def _call_back(self, lines: list[str], *, overflowed: bool) -> None:
        ids = [line for line in lines if line and line != WORK]
        try:
            if self._on_message is not None and (ids or overflowed):
                self._on_message([] if overflowed else ids)
            if self._on_work is not None and (overflowed or WORK in lines):
                self._on_work()
        except Exception:
            # A process that went deaf would be slow from then on; a hint that is lost costs it a moment.
            _logger.exception("Process %d was woken, but could not act on it: an error in pynenc.", os.getpid())

    def leave_to_parent(self) -> None:
        """Forget, in a child that was just forked, what belongs to its parent."""
        # The lock of the slot belongs to the open file, which a fork shares: kept open here, it would keep the slot
        # of a parent that died. The board stays, being the same for both.
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            inbox.close()
        self._start_anew()


def _claim_inbox(board: Board) -> Inbox:
    """Take the first slot that no living process owns."""
    for slot in range(SLOTS):
        # A slot of another user cannot be opened.
        with suppress(BlockingIOError, PermissionError):
            claim = os.open(board.claim_path(slot), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return Inbox(board, slot, claim)
            except OSError:
                os.close(claim)
                raise
    raise OSError(errno.EAGAIN, f"all {SLOTS} slots are taken")


def _in_whole_messages(ids: Sequence[str]) -> Iterator[bytes]:
    """Join ids to messages that a pipe takes whole or not at all."""
    message = "".join([f"{changed_id}\n" for changed_id in ids]).encode()
    while len(message) > select.PIPE_BUF:
        end = message.rfind(b"\n", 0, select.PIPE_BUF) + 1
        if end:
            yield message[:end]
        else:
            # A line that is longer than any message, so no id of ours.
            end = message.find(b"\n") + 1
        message = message[end:]
    yield message


#: A fork concerns all wake-ups of the process, whoever made them.
_wakeups_of_this_process: "weakref.WeakSet[SQLiteWakeups]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for wakeups in list(_wakeups_of_this_process):
        wakeups.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork_in_child)
