"""What is running: the one context variable, for user code inside a task (design law 8)."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from pynenc.invocation.record import Claimed, InvocationRecord


class Suspender(Protocol):
    """How a running invocation waits without holding its slot; each kind of pool brings its own."""

    def suspend(
        self, running: "Running", awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
    ) -> Sequence[InvocationRecord]:
        """Pause until the awaited are final; their records. Called on the thread of the invocation."""
        ...

    async def suspend_async(
        self, running: "Running", awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
    ) -> Sequence[InvocationRecord]:
        """The same for an invocation that runs as a coroutine."""
        ...

    #: Whether it tells others of the calls that a running invocation makes, once they are reported to ``owe``.
    announces: bool

    def owe(self, calls: int) -> None:
        """A running invocation has made calls that nobody was told of."""
        ...

    def interrupt(self, running: "Running") -> None:
        """End the wait of a paused invocation, so that it sees that it was cancelled."""


class Running:
    """One attempt of an invocation that is being executed in this process."""

    __slots__ = (
        "__weakref__",
        "cancelled",
        "claimed",
        "engine",
        "events",
        "handle",
        "home",
        "main_task",
        "plain_calls",
        "record",
        "slot",
        "started_at",
        "suspender",
        "task",
        "thread_ident",
        "told_cancelled",
        "workflow",
    )

    def __init__(self, engine: Any, claimed: Claimed, task: Any, suspender: Suspender) -> None:
        self.engine = engine
        self.claimed = claimed
        #: The record as this process last wrote it.
        self.record = claimed.record
        self.task = task
        self.suspender = suspender
        self.handle: Any = None
        #: The slot it runs in; None while it is paused.
        self.slot: Any = None
        self.started_at = 0.0
        #: The thread that executes it; only there may it pause.
        self.thread_ident = 0
        #: The asyncio task of its main coroutine, on the event loop lane.
        self.main_task: Any = None
        #: Where a parked thread or coroutine is told to go on.
        self.home: Any = None
        self.cancelled = False
        #: It knows (engine/telling.py).
        self.told_cancelled = False
        #: Events to be recorded with its outcome.
        self.events: list[Any] = []
        #: What it does through ``task.wf``, from the first use on (engine/replay.py).
        self.workflow: Any = None
        #: Calls that are in no record: running the code again would make them again.
        self.plain_calls = 0


#: The name of the step of a workflow in whose function we are.
in_step: ContextVar[str | None] = ContextVar("pynenc_in_step", default=None)

_running: ContextVar[Running | None] = ContextVar("pynenc_running", default=None)

get_running = _running.get
set_running = _running.set
reset_running = _running.reset
