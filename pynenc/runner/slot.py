"""Slots, and where paused invocations sleep."""

import threading
from collections import deque

from pynenc.invocation.record import Claimed, Finish

#: Stack of a worker thread. Only what is touched becomes real memory (about 16 KB when parked), and this is room
#: for some thousand frames of user code.
STACK_BYTES = 1024 * 1024


class Slot:
    """Permission to run user code, with the work that goes with it. Held by one thread at a time."""

    __slots__ = ("busy_since", "finished", "group_since", "running", "started", "told")

    def __init__(self) -> None:
        #: RUNNING in the ledger, not begun here yet.
        self.started: deque[Claimed] = deque()
        #: Ended here, not written yet.
        self.finished: list[Finish] = []
        #: When the oldest of ``finished`` ended (monotonic seconds).
        self.group_since = 0.0
        #: When the present invocation began; None between two.
        self.busy_since: float | None = None
        #: It was at rest, and somebody has said that there is work.
        self.told = False


class Parked:
    """A paused invocation's place to sleep; its stack is the only thing it keeps."""

    __slots__ = ("_bell", "error", "ready_to_sleep", "resumed", "told_early")

    def __init__(self) -> None:
        self._bell = threading.Lock()
        self._bell.acquire()
        #: Its thread is out of the step that paused it, without a slot: it may be given one.
        self.ready_to_sleep = False
        #: Its wait was over before that.
        self.told_early = False
        #: The ledger already says RESUMED.
        self.resumed = False
        #: Raised instead of going on.
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let it go on."""
        self._bell.release()

    def sleep(self, timeout_seconds: float | None) -> bool:
        """Wait to be woken; False if the time is over."""
        return self._bell.acquire(timeout=-1 if timeout_seconds is None else max(0.0, timeout_seconds))


def start_daemon(target: object, *args: object) -> None:
    """A daemon thread with our stack size; the setting is global, so it is put back."""
    before = threading.stack_size(STACK_BYTES)
    try:
        threading.Thread(target=target, args=args, name="pynenc-worker", daemon=True).start()  # type: ignore[arg-type]
    finally:
        threading.stack_size(before)
