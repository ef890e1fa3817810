"""What a call returns: a handle on an invocation in the store."""

from collections.abc import Generator
from typing import Any, Generic, Self, TypeVar

from pynenc.arguments import Arguments
from pynenc.exceptions import InvocationError
from pynenc.identifiers import CallId, TaskId
from pynenc.invocation.handle_engine import HandleEngine, current_handle_engine
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.workflow.workflow_identity import WorkflowIdentity

R_co = TypeVar("R_co", covariant=True)


class BaseInvocation(Generic[R_co]):
    """What every kind of invocation has: an id, a status, a result."""

    __slots__ = ("__weakref__", "invocation_id")

    invocation_id: str

    @property
    def status(self) -> InvocationStatus:
        """Where it is in its life."""
        raise NotImplementedError

    @property
    def result(self) -> R_co:
        """The value the task returned; waits for it. Raises what the task raised."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseInvocation) and other.invocation_id == self.invocation_id

    def __hash__(self) -> int:
        return hash(self.invocation_id)


class DistributedInvocation(BaseInvocation[R_co]):
    """A handle on one execution request of a task.

    ``.result`` waits (inside a task the waiting invocation is paused and gives up its slot), ``await`` does the
    same for coroutines. Handles may be passed to tasks and pickled: what travels is the id.
    """

    __slots__ = ("_engine", "_task_key")

    def __init__(self, engine: HandleEngine | None, invocation_id: str, task_key: str | None = None) -> None:
        self._engine = engine
        self.invocation_id = invocation_id
        self._task_key = task_key

    @property
    def _bound(self) -> HandleEngine:
        if self._engine is None:
            self._engine = current_handle_engine.get()
        if self._engine is None:
            raise InvocationError(
                self.invocation_id,
                "the handle was unpickled outside of an application, so it does not know its store. "
                "Use app.get_invocation(invocation_id).",
            )
        return self._engine

    # -- what it is

    @property
    def record(self) -> InvocationRecord:
        """All that the ledger knows of it, as of now."""
        return self._bound.record(self.invocation_id)

    @property
    def task(self) -> Any:
        """The task that was called."""
        return self._bound.task_of(self.invocation_id)

    @property
    def app(self) -> Any:
        """The application it belongs to."""
        return self.task.app

    @property
    def task_id(self) -> TaskId:
        """The id of the task that was called."""
        return TaskId.from_key(self._task_key or self.record.task_id)

    @property
    def call_id(self) -> CallId:
        """What makes it the same call as another."""
        record = self.record
        return CallId(TaskId.from_key(record.task_id), record.args_id)

    @property
    def arguments(self) -> Arguments:
        """The arguments of the call, read from the store."""
        return self._bound.arguments(self.invocation_id)

    @property
    def workflow(self) -> WorkflowIdentity:
        """The workflow it belongs to."""
        return self._bound.workflow(self.invocation_id)

    @property
    def parent_invocation_id(self) -> str | None:
        """The invocation in whose code it was called."""
        return self.record.parent_id

    @property
    def num_retries(self) -> int:
        """How often it was run again after a retriable exception."""
        return self.record.retries

    # -- where it stands

    @property
    def status(self) -> InvocationStatus:
        """Where it is in its life, as of now."""
        return self._bound.status(self.invocation_id)

    @property
    def result(self) -> R_co:
        """Wait for the value the task returned.

        Raises:
            Exception: what the task raised.
            InvocationDroppedError: running concurrency dropped it (also a KeyError).
            CycleDetectedError: waiting would never end.
        """
        value: R_co = self._bound.result(self.invocation_id, None)
        return value

    def result_within(self, timeout_seconds: float) -> R_co:
        """The result, waiting at most ``timeout_seconds``.

        Raises:
            InvocationTimeoutError: it is not final yet; it goes on.
        """
        value: R_co = self._bound.result(self.invocation_id, timeout_seconds)
        return value

    def wait(self, timeout_seconds: float | None = None) -> InvocationStatus:
        """Wait until it is final, whatever came of it; the status.

        Raises:
            InvocationTimeoutError: it is not final yet.
        """
        return self._bound.wait(self.invocation_id, timeout_seconds)

    def get_final_result(self) -> R_co:
        """The result of a final invocation, without waiting.

        Raises:
            InvocationError: it is not final.
        """
        value: R_co = self._bound.final_result(self.invocation_id)
        return value

    async def async_result(self, timeout_seconds: float | None = None) -> R_co:
        """Wait for the value without blocking the event loop."""
        value: R_co = await self._bound.async_result(self.invocation_id, timeout_seconds)
        return value

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self.async_result().__await__()

    def cancel(self) -> InvocationStatus:
        """Cancel it, and what was called in its code, at any depth.

        What waits in a queue or line, or sleeps, is CANCELLED at once; what runs is told once, at its next wait or
        call, or operation of a workflow, by an ``InvocationCancelledError``, and may clean up.
        """
        return self._bound.cancel(self.invocation_id)

    # -- how it travels

    def to_json(self) -> dict[str, str]:
        """The reference that travels in its place."""
        return {"app_id": self._bound.app_id, "invocation_id": self.invocation_id}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> "DistributedInvocation[Any]":
        """A handle from a reference, bound to the application that reads it."""
        return _restore(data["invocation_id"])

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (self.invocation_id,))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(invocation_id={self.invocation_id}, task={self._task_key})"

    __str__ = __repr__


def _restore(invocation_id: str) -> DistributedInvocation[Any]:
    return DistributedInvocation(current_handle_engine.get(), invocation_id)


class ReusedInvocation(DistributedInvocation[R_co]):
    """A handle on an invocation that was there already and answers the call."""

    __slots__ = ("diff_arg",)

    def __init__(
        self, engine: HandleEngine | None, invocation_id: str, task_key: str | None, diff_arg: Arguments | None
    ) -> None:
        super().__init__(engine, invocation_id, task_key)
        #: The arguments of the new call if they differ from those of the existing one; they are not used.
        self.diff_arg = diff_arg

    def run(self) -> Self:
        """Not possible: the existing invocation runs.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("A reused invocation is run by the runner that claims the existing one")
