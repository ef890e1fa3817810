"""The values that travel between the engine and the stores.

Named tuples, not dataclasses: these are made several times for each task, and making one costs a third of
what a frozen dataclass of the same width costs. Times are seconds since the epoch (UTC).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from pynenc.invocation.status import InvocationStatus

#: The queue of tasks that name none.
DEFAULT_QUEUE = "default"
#: In a place (queue, lane): every queue of that lane.
ANY_QUEUE = "*"


def is_served(queue: str, lane: str, places: Sequence[tuple[str, str]]) -> bool:
    """Whether (queue, lane) is among ``places``: named, under ``ANY_QUEUE``, or because none are named."""
    return not places or (queue, lane) in places or (ANY_QUEUE, lane) in places


class Lane(StrEnum):
    """What kind of slot an invocation needs; a runner takes from a lane only while it has such slots."""

    THREAD = "thread"
    EVENT_LOOP = "event_loop"


class NewInvocation(NamedTuple):
    """A call that was accepted and is not stored yet."""

    invocation_id: str
    task_id: str
    args_id: str
    #: The call's arguments: a JSON object from parameter names to serialized values.
    arguments: str
    parent_id: str | None
    workflow_id: str
    workflow_type: str
    parent_workflow_id: str | None
    queue: str
    lane: str
    #: -100 (last) to 100 (first).
    priority: int
    #: Not to be started before this time.
    not_before: float | None
    #: Scope of registration concurrency, or None: no check.
    registration_key: str | None
    #: Scope of running concurrency, or None: no check.
    running_key: str | None
    #: When its scope is taken: drop it (CONCURRENCY_CONTROLLED_FINAL) instead of having it wait in line.
    drop_when_blocked: bool
    #: The process that made the call.
    registered_by: str
    #: Wake-up address of the process that made the call.
    reply_to: str | None


class InvocationRecord(NamedTuple):
    """What the ledger knows of an invocation."""

    invocation_id: str
    task_id: str
    args_id: str
    parent_id: str | None
    workflow_id: str
    workflow_type: str
    parent_workflow_id: str | None
    queue: str
    lane: str
    priority: int
    not_before: float | None
    registration_key: str | None
    running_key: str | None
    drop_when_blocked: bool
    registered_by: str
    reply_to: str | None
    registered_at: float
    status: InvocationStatus
    #: The runner that holds it, in the owned statuses.
    owner: str | None
    #: How often it was claimed; the fencing number of the present owner (design law 3).
    attempt: int
    #: How often it was run again after a retriable exception.
    retries: int
    #: How often it was taken away from a dead owner that had started it.
    recoveries: int
    changed_at: float
    #: When the present attempt was claimed; None before the first.
    claimed_at: float | None
    cancel_requested: bool


class Transition(NamedTuple):
    """A change of status asked of the ledger: a compare-and-set on (status, owner, attempt)."""

    invocation_id: str
    to: InvocationStatus
    #: Who does it: the owner where the present status has one.
    actor: str
    #: The attempt it is done for; None where nobody owns the invocation.
    attempt: int | None
    not_before: float | None = None
    retries: int = 0
    recoveries: int = 0


class Outcome(NamedTuple):
    """How one attempt ended; kept under the attempt, and invisible until the ledger says so."""

    invocation_id: str
    attempt: int
    runner_id: str
    started_at: float
    finished_at: float
    #: The serialized result; None unless the attempt succeeded.
    result: str | None
    #: The serialized exception (see pynenc.serializer.exception_codec); None if the attempt succeeded.
    error: str | None
    #: ``module.Class`` of the exception, for listings that must not decode it.
    error_type: str | None
    error_message: str | None
    traceback: str | None


class HistoryEntry(NamedTuple):
    """One recorded status of one invocation."""

    #: Grows with every change in the store: the cursor of those who follow it.
    sequence: int
    invocation_id: str
    status: InvocationStatus
    #: The runner (or client) that made the change.
    actor: str | None
    #: The runner that owns the invocation from here on.
    owner: str | None
    attempt: int
    timestamp: float


class QueueEntry(NamedTuple):
    """A place in a queue."""

    invocation_id: str
    queue: str
    lane: str
    #: Effective priority: its own, or the highest of those that wait for it.
    priority: int
    #: How many invocations wait for it.
    dependents: int = 0


class Claimed(NamedTuple):
    """An invocation that a runner has taken, with all it needs to execute it."""

    record: InvocationRecord
    #: The serialized arguments (``NewInvocation.arguments``).
    arguments: str
    #: Effective priority at the claim, which those it waits for inherit.
    priority: int


class Finish(NamedTuple):
    """The end of an attempt: the change of status, and what is recorded with it."""

    transition: Transition
    record: InvocationRecord
    outcome: Outcome | None
    #: The result may serve equal calls (``call_result_cache``).
    cache_result: bool = False
    #: Events that the attempt emitted with its outcome: occurrences as the trigger's port has them.
    events: Sequence[Any] = ()
    #: It left its worker to come back when these are final: all of them, or one.
    awaited: Sequence[str] = ()
    all_of_them: bool = True
    #: It left its worker to come back with an event: a waiter as the trigger's port has them.
    event_waiter: Any = None
    #: It knows that it is cancelled, and left its worker while it cleans up: there is nothing to come back for at once.
    told_cancelled: bool = False


class Wait(NamedTuple):
    """Somebody waits for an invocation: an edge of the waits-for graph, or a client's watch on it."""

    #: The waiting invocation, or None for a process that waits outside of any.
    waiter_id: str | None
    awaited_id: str
    #: Wake-up address of the process in which it waits.
    address: str | None
