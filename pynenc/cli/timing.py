"""Where the time of an invocation went, from its history."""

from collections.abc import Sequence
from typing import NamedTuple

from pynenc.invocation.record import HistoryEntry
from pynenc.invocation.status import AVAILABLE, InvocationStatus

_S = InvocationStatus
#: The field of ``Timing`` that the time in a status counts for.
_FIELD_OF = {
    **dict.fromkeys(AVAILABLE, "queued_seconds"),
    _S.PENDING: "pending_seconds",
    _S.RUNNING: "running_seconds",
    _S.RESUMED: "running_seconds",
    _S.PAUSED: "paused_seconds",
    _S.CONCURRENCY_CONTROLLED: "blocked_seconds",
    _S.PENDING_RECOVERY: "recovering_seconds",
    _S.RUNNING_RECOVERY: "recovering_seconds",
    _S.KILLED: "recovering_seconds",
}


class Timing(NamedTuple):
    """Durations of one invocation; the parts add up to the total."""

    #: From the registration to the end, or to now.
    total_seconds: float
    #: From the registration to the first start; None before it.
    waited_seconds: float | None = None
    #: In a queue, and claimed but not started.
    queued_seconds: float = 0.0
    pending_seconds: float = 0.0
    #: Its code executed: of all attempts together.
    running_seconds: float = 0.0
    #: It waited for other invocations.
    paused_seconds: float = 0.0
    #: In line for its running scope.
    blocked_seconds: float = 0.0
    #: On the way back from a runner that died or stopped.
    recovering_seconds: float = 0.0
    #: Two entries were written by clocks that disagree; such gaps count as nothing.
    clock_skew: bool = False


def timing(history: Sequence[HistoryEntry], now: float) -> Timing:
    """The timing of an invocation with this history (its entries in the order of their writing).

    Raises:
        ValueError: the history is empty.
    """
    if not history:
        raise ValueError("an invocation has at least the entry of its registration")
    last = history[-1]
    ends = [*(entry.timestamp for entry in history[1:]), last.timestamp if last.status.is_final() else now]
    sums: dict[str, float] = {}
    skewed = False
    for entry, end in zip(history, ends, strict=True):
        skewed = skewed or end < entry.timestamp
        field = _FIELD_OF.get(entry.status)
        if field is not None:
            sums[field] = sums.get(field, 0.0) + max(0.0, end - entry.timestamp)
    registered_at = history[0].timestamp
    started = next((entry.timestamp for entry in history if entry.status is _S.RUNNING), None)
    return Timing(
        total_seconds=sum(sums.values()),
        waited_seconds=None if started is None else max(0.0, started - registered_at),
        clock_skew=skewed,
        **sums,
    )
