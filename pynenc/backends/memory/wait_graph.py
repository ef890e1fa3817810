"""The waits-for graph in memory."""

from collections import deque
from collections.abc import Sequence
from heapq import nsmallest

from pynenc.backends.memory.storage import LedgerPart
from pynenc.invocation.record import InvocationRecord, Wait, is_served
from pynenc.ports.orchestrator import WaitGraph


class MemWaitGraph(LedgerPart, WaitGraph):
    """Edges, by both of their ends."""

    def add_waits(self, waits: Sequence[Wait]) -> None:
        with self._lock:
            for wait in waits:
                self._tables.link(wait)

    def release(self, awaited_ids: Sequence[str]) -> list[Wait]:
        with self._lock:
            released = self.waiting_for(awaited_ids)
            for edge in released:
                self._tables.unlink(edge)
            return released

    def forget_waiters(self, waiter_ids: Sequence[str]) -> None:
        with self._lock:
            for edge in self.awaited_by(waiter_ids):
                self._tables.unlink(edge)

    def waiting_for(self, awaited_ids: Sequence[str]) -> list[Wait]:
        with self._lock:
            edges = self._tables.edges_to
            return [edge for each in dict.fromkeys(awaited_ids) for edge in edges.get(each, ())]

    def awaited_by(self, waiter_ids: Sequence[str]) -> list[Wait]:
        with self._lock:
            edges = self._tables.edges_from
            return [edge for each in dict.fromkeys(waiter_ids) for edge in edges.get(each, ())]

    def paused_calls(self, args_ids: Sequence[str]) -> list[InvocationRecord]:
        with self._lock:
            tables = self._tables
            return [tables.records[i] for args_id in dict.fromkeys(args_ids) for i in tables.paused.get(args_id, ())]

    def waiters_above(self, invocation_id: str, limit: int) -> list[str]:
        seen = {invocation_id: None}
        near_to_far = deque(seen)
        with self._lock:
            while near_to_far and len(seen) <= limit:
                for waiter in self._tables.waiters_of(near_to_far.popleft()):
                    if waiter not in seen:
                        seen[waiter] = None
                        near_to_far.append(waiter)
        return list(seen)[1 : limit + 1]

    def awaited_available(self, places: Sequence[tuple[str, str]], limit: int) -> list[str]:
        with self._lock:
            records = self._tables.records
            wanted = [
                self._urgency(invocation_id)
                for invocation_id in self._tables.wanted
                if is_served(records[invocation_id].queue, records[invocation_id].lane, places)
            ]
        return [invocation_id for *_, invocation_id in nsmallest(limit, wanted)]

    def _urgency(self, invocation_id: str) -> tuple[int, int, str]:
        """What sorts the most urgent first: priority, dependents, age."""
        records = self._tables.records
        waiters = self._tables.waiters_of(invocation_id)
        priorities = [records[each].priority for each in (invocation_id, *waiters) if each in records]
        return -max(priorities), -len(waiters), invocation_id
