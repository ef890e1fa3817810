"""Queues in memory."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush, nsmallest

from pynenc.backends.memory.storage import MemoryUnit
from pynenc.invocation.record import QueueEntry, is_served
from pynenc.ports.broker import Broker

#: Minus priority, minus dependents, number of the push: the smallest is next. The number is unique, so the
#: comparison never reaches the entry.
_Item = tuple[int, int, int, QueueEntry]

#: A line is cleaned of items that are not valid any more when they are more than half of it, and this many.
_STALE_ITEMS_KEPT = 64


class _Line:
    """One (queue, lane): a heap in which entries that moved or left stay behind until they come up."""

    __slots__ = ("heap", "size")

    def __init__(self) -> None:
        self.heap: list[_Item] = []
        #: How many of them are valid.
        self.size = 0


class MemBroker(Broker):
    """A heap for each (queue, lane), and where each id stands."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._lock = unit.lock
        self._lines: dict[tuple[str, str], _Line] = {}
        #: The one valid item of each queued id: an id that is pushed again keeps its place.
        self._queued: dict[str, _Item] = {}
        self._pushes = 0

    def push(self, entries: Sequence[QueueEntry]) -> None:
        with self._lock:
            for entry in entries:
                if entry.invocation_id in self._queued:
                    self._raise(entry, 0)
                else:
                    self._pushes += 1
                    self._enter((-entry.priority, -entry.dependents, self._pushes, entry))

    def pop(self, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        popped: list[QueueEntry] = []
        with self._lock:
            lines = [line for place, line in self._lines.items() if is_served(*place, places)]
            while len(popped) < limit:
                heads = [line for line in lines if self._has_next(line)]
                if not heads:
                    break
                line = heads[0] if len(heads) == 1 else min(heads, key=lambda each: each.heap[0])
                entry = heappop(line.heap)[3]
                line.size -= 1
                del self._queued[entry.invocation_id]
                popped.append(entry)
        return popped

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        with self._lock:
            for entry in entries:
                if entry.invocation_id in self._queued:
                    self._raise(entry, entry.dependents)

    def remove(self, invocation_ids: Sequence[str]) -> None:
        with self._lock:
            for invocation_id in invocation_ids:
                if invocation_id in self._queued:
                    self._leave(self._queued[invocation_id])

    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        with self._lock:
            return [invocation_id for invocation_id in invocation_ids if invocation_id not in self._queued]

    def sizes(self) -> Mapping[tuple[str, str], int]:
        with self._lock:
            return {place: line.size for place, line in self._lines.items() if line.size}

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        with self._lock:
            return [item[3] for item in nsmallest(limit, self._valid_in(queue))]

    def purge(self, queue: str | None = None) -> None:
        with self._lock:
            for place in [place for place in self._lines if queue is None or place[0] == queue]:
                for item in filter(self._is_valid, self._lines.pop(place).heap):
                    del self._queued[item[3].invocation_id]

    def _enter(self, item: _Item) -> None:
        entry = item[3]
        line = self._lines.get((entry.queue, entry.lane))
        if line is None:
            line = self._lines[entry.queue, entry.lane] = _Line()
        line.size += 1
        heappush(line.heap, item)
        self._queued[entry.invocation_id] = item

    def _leave(self, item: _Item) -> None:
        entry = item[3]
        line = self._lines[entry.queue, entry.lane]
        line.size -= 1
        del self._queued[entry.invocation_id]
        if len(line.heap) > 2 * line.size + _STALE_ITEMS_KEPT:
            line.heap = list(filter(self._is_valid, line.heap))
            heapify(line.heap)

    def _raise(self, entry: QueueEntry, dependents: int) -> None:
        """Move a queued entry up: the higher priority, more dependents, the age it had."""
        item = self._queued[entry.invocation_id]
        queued = item[3]
        priority = max(queued.priority, entry.priority)
        if priority == queued.priority and not dependents:
            return
        raised = queued._replace(priority=priority, dependents=queued.dependents + dependents)
        self._leave(item)
        self._enter((-raised.priority, -raised.dependents, item[2], raised))

    def _has_next(self, line: _Line) -> bool:
        """Whether the line has a valid item; then it is at the head."""
        while line.heap:
            if self._is_valid(line.heap[0]):
                return True
            heappop(line.heap)
        return False

    def _is_valid(self, item: _Item) -> bool:
        return self._queued.get(item[3].invocation_id) is item

    def _valid_in(self, queue: str) -> Iterator[_Item]:
        for place, line in self._lines.items():
            if place[0] == queue:
                yield from filter(self._is_valid, line.heap)
