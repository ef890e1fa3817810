"""The logs of workflows in memory."""

from collections import defaultdict
from collections.abc import Sequence

from pynenc.backends.memory.storage import MemoryUnit
from pynenc.ports.workflow_log import WorkflowLog
from pynenc.workflow.log_entry import Continuation, Fence, LogEntry, OpenedLog


class MemWorkflowLog(WorkflowLog):
    """Entries by log and position, and key and value pairs by workflow."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._lock = unit.lock
        self._forget_logs()

    def _forget_logs(self) -> None:
        self._logs: defaultdict[str, dict[int, LogEntry]] = defaultdict(dict)
        self._fences: dict[str, Fence] = {}
        self._continuations: dict[str, Continuation] = {}
        self._workflow_data: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def open_log(self, invocation_id: str, attempt: int, limit: int) -> OpenedLog | None:
        with self._lock:
            continued = self._continuations.get(invocation_id, Continuation(invocation_id, invocation_id, 0))
            fence = Fence(continued.generation, attempt)
            if self._fences.get(continued.log_id, fence) > fence:
                return None
            self._fences[continued.log_id] = fence
            entries = self._logs.get(continued.log_id, {})
            first = [entries[position] for position in sorted(entries)[:limit]]
            return OpenedLog(continued.log_id, continued.generation, first)

    def read_log(self, log_id: str, after: int, limit: int) -> list[LogEntry]:
        with self._lock:
            entries = self._logs.get(log_id, {})
            return [entries[position] for position in sorted(each for each in entries if each > after)[:limit]]

    def append_log(
        self, log_id: str, fence: Fence, entries: Sequence[LogEntry], dealt_with: Sequence[int] = ()
    ) -> bool:
        with self._lock:
            log = self._logs[log_id]
            if self._fences.get(log_id) != fence or any(entry.position in log for entry in entries):
                return False
            log.update((entry.position, entry) for entry in entries)
            for position in dealt_with:
                if position in log:
                    log[position] = log[position]._replace(dealt_with=True)
            return True

    def forget_entries(self, log_id: str, fence: Fence, positions: Sequence[int]) -> bool:
        with self._lock:
            if self._fences.get(log_id) != fence:
                return False
            for position in positions:
                self._logs[log_id].pop(position, None)
            return True

    def continue_log(self, continuation: Continuation, forget: Sequence[int]) -> bool:
        with self._lock:
            if any(
                (other.log_id, other.generation) == (continuation.log_id, continuation.generation)
                for other in self._continuations.values()
            ):
                return False
            self._continuations[continuation.invocation_id] = continuation
            for position in forget:
                self._logs[continuation.log_id].pop(position, None)
            return True

    def continuations(self, log_ids: Sequence[str] | None = None) -> list[Continuation]:
        with self._lock:
            found = [c for c in self._continuations.values() if log_ids is None or c.log_id in log_ids]
        return sorted(found, key=lambda each: (each.log_id, each.generation))

    def continued_by(self, invocation_id: str) -> Continuation | None:
        with self._lock:
            return self._continuations.get(invocation_id)

    def drop_logs(self, log_ids: Sequence[str]) -> None:
        with self._lock:
            for log_id in log_ids:
                self._logs.pop(log_id, None)
                self._fences.pop(log_id, None)
                self._workflow_data.pop(log_id, None)
            dropped = set(log_ids)
            if self._continuations:
                self._continuations = {i: c for i, c in self._continuations.items() if c.log_id not in dropped}
