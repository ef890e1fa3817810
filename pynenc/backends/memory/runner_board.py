"""The board of runners in memory."""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

from pynenc.backends.memory.storage import LedgerPart
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.ports.orchestrator import RunnerBoard


class MemRunnerBoard(LedgerPart, RunnerBoard):
    """Runners and their leases."""

    def save_runners(self, runners: Sequence[RunnerRecord]) -> None:
        with self._lock:
            self._tables.runners.update((runner.runner_id, runner) for runner in runners)

    def beat(self, runner_ids: Sequence[str], now: float) -> list[str]:
        with self._lock:
            runners = self._tables.runners
            for runner_id in runner_ids:
                if runner_id in runners:
                    runners[runner_id] = runners[runner_id]._replace(last_beat=now)
            return [runner_id for runner_id in runner_ids if runner_id not in runners]

    def retire(self, runner_ids: Sequence[str], now: float) -> None:
        with self._lock:
            runners = self._tables.runners
            for runner_id in runner_ids:
                if runner_id in runners:
                    runners[runner_id] = runners[runner_id]._replace(stopped_at=now)

    def runners(
        self, *, alive_since: float | None = None, runner_ids: Sequence[str] | None = None
    ) -> list[RunnerRecord]:
        with self._lock:
            found = list(self._tables.runners.values())
        if runner_ids is not None:
            found = [runner for runner in found if runner.runner_id in runner_ids]
        if alive_since is not None:
            found = [runner for runner in found if _is_alive(runner, alive_since)]
        return sorted(found, key=lambda runner: (runner.started_at, runner.runner_id))

    def orphans(self, silent_since: float, limit: int) -> list[InvocationRecord]:
        with self._lock:
            tables = self._tables
            orphaned = (
                invocation_id
                for owner, ids in tables.by_owner.items()
                if owner not in tables.runners or not _is_alive(tables.runners[owner], silent_since)
                for invocation_id in ids
                if owner in tables.runners or tables.records[invocation_id].changed_at < silent_since
            )
            return [tables.records[each] for each in nsmallest(limit, orphaned)]

    def hold_duty(self, duty: str, holder: str, now: float, until: float) -> bool:
        with self._lock:
            present, present_until = self._tables.duties.get(duty, (holder, now))
            if present != holder and present_until > now:
                return False
            self._tables.duties[duty] = (holder, until)
            return True

    def duties(self) -> Mapping[str, tuple[str, float]]:
        with self._lock:
            return dict(self._tables.duties)

    def forget_runners(self, silent_since: float) -> int:
        with self._lock:
            tables = self._tables
            silent = [
                runner.runner_id
                for runner in tables.runners.values()
                if runner.last_beat < silent_since and runner.runner_id not in tables.by_owner
            ]
            for runner_id in silent:
                del tables.runners[runner_id]
            return len(silent)


def _is_alive(runner: RunnerRecord, since: float) -> bool:
    return runner.stopped_at is None and runner.last_beat >= since
