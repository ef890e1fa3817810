"""The bounds of a worker pool."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How much one process takes on at a time."""

    #: Invocations that execute at once on threads.
    slots: int
    #: Queues it serves; empty: all.
    queues: tuple[str, ...] = ()
    #: Coroutines that execute at once; paused ones do not count.
    max_async_tasks: int = 100
    #: Paused invocations on threads; past it only what somebody waits for is claimed.
    max_parked_threads: int = 2000
    #: The same for paused coroutines.
    max_paused_coroutines: int = 20_000
    #: Time's worth of work that is claimed before it can start.
    claim_ahead_seconds: float = 0.03
    #: Run one invocation and take nothing after it (ProcessRunner).
    single_use: bool = False
