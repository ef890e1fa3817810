"""How long tasks take, and what follows for claiming ahead and for writing in groups.

A worker claims ahead by a time budget, never by a fixed count: as many invocations as it would get through in
a few tens of milliseconds at the pace it sees. Short tasks that are known to be short start and finish in
groups, one write for each group.
"""

from collections.abc import Sequence

from pynenc.invocation.record import Claimed

#: Weight of the newest duration in the moving averages.
_WEIGHT = 0.2
#: A task whose average is above this is never started in a group: those behind it would wait without need.
GROUPED_TASK_SECONDS = 0.002
#: Work in one group; also about how long a result may wait to be written.
GROUP_SECONDS = 0.004
#: Most invocations in one group: bounds what one crash can take along.
GROUP_LIMIT = 32
#: Most invocations claimed ahead by one process, however short they are.
CLAIM_LIMIT = 128
#: What an invocation costs besides its function; keeps a no-op from looking infinitely fast.
OVERHEAD_SECONDS = 0.0001
#: Tasks whose pace is remembered; beyond it the oldest is forgotten.
_TASKS_REMEMBERED = 10_000


class Pace:
    """Moving averages of durations, for each task and over all. Written by many threads; small races only blur it."""

    def __init__(self, budget_seconds: float) -> None:
        self._budget_seconds = budget_seconds
        self._by_task: dict[str, float] = {}
        self._overall: float | None = None

    def observe(self, task_id: str, seconds: float) -> None:
        """An invocation took this long, pauses not counted."""
        known = self._by_task.get(task_id)
        if known is None:
            if len(self._by_task) >= _TASKS_REMEMBERED:
                self._by_task.pop(next(iter(self._by_task)))
            self._by_task[task_id] = seconds
        else:
            self._by_task[task_id] = known + _WEIGHT * (seconds - known)
        overall = self._overall
        self._overall = seconds if overall is None else overall + _WEIGHT * (seconds - overall)

    def claim_ahead(self, slots: int) -> int:
        """How many invocations fit the time budget of all slots."""
        if self._overall is None:
            return 1
        return max(1, min(CLAIM_LIMIT, int(self._budget_seconds * slots / (self._overall + OVERHEAD_SECONDS))))

    def group(self, waiting: Sequence[Claimed]) -> int:
        """How many from the front of ``waiting`` may start together; at least one."""
        budget = GROUP_SECONDS
        for position, claimed in enumerate(waiting):
            record = claimed.record
            seconds = self._by_task.get(record.task_id)
            # One that killed its worker before, or holds a scope, goes alone: neighbours must not pay for it.
            alone = seconds is None or seconds > GROUPED_TASK_SECONDS or record.recoveries or record.running_key
            if position and (alone or budget <= 0 or position >= GROUP_LIMIT):
                return position
            if alone:
                return 1
            budget -= (seconds or 0.0) + OVERHEAD_SECONDS
        return len(waiting)
