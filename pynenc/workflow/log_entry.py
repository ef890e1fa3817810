"""What a workflow has recorded: the values that travel between the engine and the stores."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class OperationKind(StrEnum):
    """What an operation of a workflow is."""

    RANDOM = "random"
    UUID = "uuid"
    TIME = "time"
    #: A sub-task; the value is the id of its invocation.
    TASK = "task"
    STEP = "step"
    SET_DATA = "set_data"
    GET_DATA = "get_data"
    #: The value is the time at which to go on.
    SLEEP = "sleep"
    #: A wait for an event begins; the value says until when, and after which position of the log of events it looks.
    WAIT_EVENT = "wait_event"
    #: What came of it, at the next position: the event, or an exception.
    EVENT = "event"
    #: The workflow was told here that it is cancelled.
    CANCEL = "cancel"
    #: A wait for sub-tasks with a time-out was over here.
    TIMEOUT = "timeout"
    #: From here on the changed code runs; has no place in the order.
    PATCH = "patch"


class LogEntry(NamedTuple):
    """One operation that an invocation has recorded."""

    #: From 1, in the order of the code; markers that have no place in the order are below 0.
    position: int
    kind: str
    #: What the code called it: the name of a step, the id of a task, a key.
    name: str
    #: What else must be the same when the code runs again: the digest of a task's arguments.
    detail: str
    #: The recorded value as text; None where there is none.
    value: str | None
    #: The value is an exception.
    failed: bool
    #: It is a failed sub-task, and the code went on after it.
    dealt_with: bool
    #: The attempt that recorded it, and when (seconds since the epoch).
    attempt: int
    recorded_at: float


class Fence(NamedTuple):
    """Who may write to a log: the greatest that has opened it."""

    #: How often the workflow was resumed.
    generation: int
    attempt: int


class OpenedLog(NamedTuple):
    """The log of an invocation, and the first of what it holds."""

    log_id: str
    generation: int
    entries: Sequence[LogEntry]


class Continuation(NamedTuple):
    """An invocation that goes on with the log of another one."""

    invocation_id: str
    log_id: str
    #: From 1, one more for each time.
    generation: int
