"""What this process believes to be queued, for RabbitMQ cannot say of an entry whether it is there."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

#: For so long what was confirmed counts as queued. Longer than a sweep's rhythm, or it would queue everything that
#: waits once more each time; short enough for an entry that got lost behind our back.
TRUSTED_SECONDS = 600.0
_REMEMBERED = 200_000


class Queued:
    """Ids that RabbitMQ has confirmed to this process, and that were not popped here since."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._since: OrderedDict[str, float] = OrderedDict()

    def add(self, ids: Sequence[str]) -> None:
        """These were confirmed."""
        now = self._monotonic()
        with self._lock:
            for each in ids:
                self._since.pop(each, None)
                self._since[each] = now
            while len(self._since) > _REMEMBERED:
                self._since.popitem(last=False)

    def forget(self, ids: Sequence[str]) -> None:
        """These were popped, or are to be forgotten."""
        with self._lock:
            for each in ids:
                self._since.pop(each, None)

    def clear(self) -> None:
        """The queues were empty, or the server may have lost them."""
        with self._lock:
            self._since.clear()

    def others(self, ids: Sequence[str]) -> list[str]:
        """Those of which nothing is known."""
        oldest = self._monotonic() - TRUSTED_SECONDS
        with self._lock:
            return [each for each in ids if self._since.get(each, oldest) <= oldest]
