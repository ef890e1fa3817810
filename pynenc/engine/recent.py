"""What this process has just finished or read, so that whoever waits here need not ask the store for it."""

import threading

from pynenc.invocation.record import InvocationRecord, Outcome

#: Outcomes kept; large results are out of line, so each is a few kilobytes at most.
KEPT = 256


class Recent:
    """The last finals of this process, with their outcomes. The oldest are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[InvocationRecord, Outcome]] = {}

    def add(self, record: InvocationRecord, outcome: Outcome) -> None:
        """An attempt that ended here was published, or one that ended elsewhere was read."""
        with self._lock:
            self._kept[record.invocation_id] = (record, outcome)
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]

    def record(self, invocation_id: str) -> InvocationRecord | None:
        """The final record."""
        kept = self._kept.get(invocation_id)
        return kept[0] if kept is not None else None

    def outcome(self, invocation_id: str) -> Outcome | None:
        """Its outcome."""
        kept = self._kept.get(invocation_id)
        return kept[1] if kept is not None else None

    def clear(self) -> None:
        """Forget everything: the store was purged."""
        with self._lock:
            self._kept.clear()
