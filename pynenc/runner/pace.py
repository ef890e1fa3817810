"""How long tasks take, and what follows for claiming ahead and for writing in groups.

A worker claims ahead by a time budget, never by a fixed count: as many invocations as it would get through in
a few tens of milliseconds at the pace it sees. Short tasks that are known to be short start and finish in
groups, one write for each group.
"""

from collections.abc import Sequence

from pynenc.engine.claim import starts_alone
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

    def __init__(self, budget_seconds: float, *, grouping: bool = True) -> None:
        self._budget_seconds = budget_seconds
        self._group_limit = GROUP_LIMIT if grouping else 1
        self._by_task: dict[str, float] = {}
        #: Tasks that may start in groups.
        self.short_tasks: set[str] = set()
        self._overall: float | None = None

    def observe(self, task_id: str, seconds: float) -> None:
        """An invocation took this long, pauses not counted."""
        known = self._by_task.get(task_id)
        if known is None and len(self._by_task) >= _TASKS_REMEMBERED:
            oldest = next(iter(self._by_task))
            del self._by_task[oldest]
            self.short_tasks.discard(oldest)
        average = self._by_task[task_id] = seconds if known is None else known + _WEIGHT * (seconds - known)
        if average <= GROUPED_TASK_SECONDS:
            self.short_tasks.add(task_id)
        else:
            self.short_tasks.discard(task_id)
        overall = self._overall
        self._overall = seconds if overall is None else overall + _WEIGHT * (seconds - overall)

    def claim_ahead(self, slots: int) -> int:
        """How many invocations fit the time budget of all slots; of short ones no more than start at once.

        The step that ends a group claims the next one: what was claimed before that would be written once more.
        """
        if self._overall is None:
            return 1
        fitting = max(1, min(CLAIM_LIMIT, int(self._budget_seconds * slots / (self._overall + OVERHEAD_SECONDS))))
        at_once = self.start_at_once()
        return min(fitting, at_once) if at_once > 1 else fitting

    def start_at_once(self) -> int:
        """How many of those that are claimed next may start together, if all are of short tasks."""
        seconds = 0.0 if self._overall is None else self._overall
        return max(1, min(self._group_limit, int(GROUP_SECONDS / (seconds + OVERHEAD_SECONDS))))

    def group(self, waiting: Sequence[Claimed]) -> int:
        """How many from the front of ``waiting`` may start together; at least one."""
        budget = GROUP_SECONDS
        for position, claimed in enumerate(waiting):
            record = claimed.record
            alone = record.task_id not in self.short_tasks or starts_alone(record)
            if position and (alone or budget <= 0 or position >= self._group_limit):
                return position
            if alone:
                return 1
            budget -= self._by_task.get(record.task_id, 0.0) + OVERHEAD_SECONDS
        return len(waiting)


class Gathering:
    """When to wait a moment before a claim, so that it finds several invocations instead of one.

    Where each step is a transaction in a store that processes share, a worker that takes every call as it comes
    spends more on steps than on work, and keeps the callers waiting for the store. Under a dense stream of calls
    a worker therefore takes a step only every ``GATHER_SECONDS``. It may do so when nobody waits for what it
    finishes: the callers are busy calling. Else, whether the stream is dense is found out by trying: a gathering
    step that brings one invocation was a loss, and the next try comes later; so a caller that waits for each
    result before the next call is hardly ever kept waiting.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._on = False
        self._trying = False
        self._steps_to_try = FIRST_TRY_STEPS
        self._patience = FIRST_TRY_STEPS
        self._last_step = 0.0
        #: Steps in a row that finished something nobody waited for.
        self._unawaited = 0
        #: How long a step takes: moving average.
        self._step_seconds = 0.0
        #: The last step left work in the queue: the next one will be full without waiting.
        self._more = False

    def pause(self, now: float) -> float:
        """How long to wait before the step that is due now (monotonic seconds)."""
        since = now - self._last_step
        self._trying = False
        enough = self._enough()
        if not self._enabled or self._more or since >= enough:
            return 0.0
        if not self._on and self._unawaited < FIRST_TRY_STEPS:
            self._steps_to_try -= 1
            if self._steps_to_try > 0:
                return 0.0
            self._trying = True
        return enough - since

    def _enough(self) -> float:
        """The time from one step to the next: where nobody waits, steps are to be a small part of it."""
        if self._unawaited < FIRST_TRY_STEPS:
            return GATHER_SECONDS
        return max(GATHER_SECONDS, min(_STEPS_APART * self._step_seconds, GATHER_LONGEST_SECONDS))

    def stepped(
        self, now: float, claimed: int, *, finished: int, awaited: bool, seconds: float = 0.0, more: bool = False
    ) -> None:
        """A claiming step of so many seconds was taken, and somebody waited for what it finished, or nobody.

        ``more``: there was more to claim than it took.
        """
        self._last_step = now
        self._more = more
        self._step_seconds += _WEIGHT * (seconds - self._step_seconds)
        if finished:
            self._unawaited = 0 if awaited else self._unawaited + 1
        if not self._on and not self._trying:
            return
        if claimed > 1:
            self._on = True
            self._patience = FIRST_TRY_STEPS
        else:
            self._on = False
            self._patience = min(self._patience * 2, LONGEST_TRY_STEPS)
            self._steps_to_try = self._patience


#: Under a dense stream of calls, the time from one step to the next.
GATHER_SECONDS = 0.002
#: The same where steps take long and nobody waits: so many times a step, and never longer than this.
_STEPS_APART = 4
GATHER_LONGEST_SECONDS = 0.01
#: Steps between two tries to gather: at first, and after many that brought nothing.
FIRST_TRY_STEPS = 4
LONGEST_TRY_STEPS = 256
