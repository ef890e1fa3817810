"""When the write-ahead log is copied into the database file.

SQLite would do it inside the commit that finds a long log, and wait for the disk there, with all writers of the
machine behind it. Here a thread does the long part beside the writers; only the rest, which they have written
meanwhile, is copied while they wait (some 0.3 ms). It takes both: the log begins anew, and does not grow without
bound, only when at one moment all of it has been copied.
"""

import threading
from collections.abc import Callable

from pynenc.exceptions import StoreUnavailableError
from pynenc.module_loggers import module_logger

#: Estimated frames (pages written to the log) of this process after which it checkpoints. Fewer: the disk is waited
#: for more often. More: a longer log on the disk (10 MB for 5,000), and longer recovery after a crash.
DUE_FRAMES = 5_000

#: Pages that a transaction writes, for itself and for each row: measured for single calls and for groups.
FRAMES_PER_TRANSACTION = 12
ROWS_PER_FRAME = 5

_logger = module_logger(__name__)


class Checkpoints:
    """Counts what a process writes, and starts a checkpoint when it is enough."""

    def __init__(self, beside_writers: Callable[[], None], alone: Callable[[], None]) -> None:
        self._beside_writers = beside_writers
        self._alone = alone
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what was counted, and a thread that a fork did not copy."""
        self._frames = 0
        self._running = threading.Lock()

    def count(self, rows: int) -> None:
        """Note a transaction and how many rows it changed."""
        self._frames += FRAMES_PER_TRANSACTION + rows // ROWS_PER_FRAME

    def start_if_due(self) -> None:
        """Start a checkpoint on a thread of its own, if enough was written and none is under way."""
        if self._frames < DUE_FRAMES or not self._running.acquire(blocking=False):
            return
        self._frames = 0
        try:
            threading.Thread(target=self._run, args=(self._running,), name="pynenc-checkpoint", daemon=True).start()
        except RuntimeError:
            # The interpreter is ending and starts no thread; SQLite's own limit holds until then.
            self._running.release()

    def wait(self) -> None:
        """Wait for the end of the one that is under way."""
        with self._running:
            pass

    def _run(self, running: threading.Lock) -> None:
        try:
            self._beside_writers()
            self._alone()
        except StoreUnavailableError as error:
            # Nothing is lost: the log keeps what was not copied, and who writes next meets the same trouble.
            _logger.warning("A checkpoint did not succeed: %s", error)
        finally:
            running.release()
