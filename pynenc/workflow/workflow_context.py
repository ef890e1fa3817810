"""``task.wf``: what the code of a workflow does through it is recorded, and repeats when the code runs again."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar, overload

from pynenc.workflow.event import Event
from pynenc.workflow.operations import EventFilter, WorkflowOperations, WorkflowTask
from pynenc.workflow.workflow_deterministic import DeterministicExecutor
from pynenc.workflow.workflow_identity import WorkflowIdentity

P = ParamSpec("P")
T = TypeVar("T")


class WorkflowContext:
    """The operations of the invocation that is running; usable only while a task runs.

    Each operation has its place in a record that belongs to the invocation. The first time it is performed and its
    outcome recorded; when the code runs again, after a retry or the death of its worker, it gives the recorded
    outcome. So the code between the operations must do the same every time: what comes from outside (time,
    randomness, services, files) goes through an operation.

    All of them raise:
        WorkflowAccessError: no task is running, or we are inside the function of a step, or on the thread of an event
            loop (there: ``await asyncio.to_thread(task.wf.uuid)``; ``step`` with an async function can be awaited).
        WorkflowMismatchError: something else is recorded at this place.
        InvocationCancelledError: once, when the invocation was cancelled; after it the code may clean up.
    """

    def __init__(self, task: WorkflowTask, *, root: bool = False) -> None:
        self.task = task
        self._root = root

    def _run(self, operation: str) -> WorkflowOperations:
        run = self.task.workflow_run(operation)
        if self._root:
            run.require_root()
        return run

    @property
    def app(self) -> Any:
        """The application."""
        return self.task.app

    @property
    def identity(self) -> WorkflowIdentity:
        """The workflow in whose code we are."""
        return self._run("identity").identity

    @property
    def root(self) -> "WorkflowContext":
        """The same operations, for the invocation that started the workflow only.

        Raises:
            WorkflowAccessError: at their use, in any other invocation of the workflow.
        """
        return WorkflowContext(self.task, root=True)

    @property
    def deterministic(self) -> DeterministicExecutor:
        """Values counted by operation for the workflow as a whole; ``random`` and its like are to be preferred."""
        return DeterministicExecutor(self.identity, self.app)

    def random(self) -> float:
        """A random number in [0, 1); the same when the code runs again."""
        return self._run("random").random()

    def uuid(self) -> str:
        """A random UUID; the same when the code runs again."""
        return self._run("uuid").uuid()

    def utc_now(self) -> datetime:
        """The time (UTC) at which the code came here first; later than the one before, if only by microseconds."""
        return self._run("utc_now").utc_now()

    def execute_task(self, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a task, or ``task.with_options(...)``, once: when the code runs again, the same invocation is returned.

        The call and its record are one step. A child that ended is not run again, one that runs is joined, one that
        failed raises the same exception at its ``result``.

        Raises:
            TypeError: ``task`` is no task, or the arguments do not fit its signature.
        """
        invocation: T = self._run("execute_task").execute(task, args, kwargs)
        return invocation

    @overload
    def step(
        self, name: str, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...
    @overload
    def step(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    def step(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function with any side effect once, and record what it returns, under a name that stays the same.

        For an async function the answer is to be awaited. A death inside of the function runs it again. An exception
        is recorded once the code has gone on after it; one that ends the attempt is not, so that a retry runs the
        function again. The value comes back as it was recorded: through the serializer.

        Raises:
            Exception: what the function raises, or is recorded to have raised.
            SerializationError: the value cannot be recorded.
        """
        return self._run("step").step(name, function, args, kwargs)

    def set_data(self, key: str, value: Any) -> None:
        """Store a value of the workflow; any of its tasks may, and the last one counts."""
        self._run("set_data").set_data(key, value)

    def get_data(self, key: str, default: Any = None) -> Any:
        """A value of the workflow as it was when the code came here first; ``default`` if there was none."""
        return self._run("get_data").get_data(key, default)

    def patched(self, name: str) -> bool:
        """Whether changed code may run: True, except while an invocation repeats what it recorded before the change.

        Write ``if wf.patched("name"): new code; else: old code``, and drop the old code and the question once no
        invocation of before the change is left.
        """
        return self._run("patched").patched(name)

    def sleep(self, seconds: float) -> None:
        """Go on after some time, keeping neither slot, thread nor process: the code is left, and comes back by replay.

        What leaves it is no ``Exception``; ``finally`` blocks and context managers run. In sync mode nobody waits.
        """
        self._run("sleep").sleep(seconds)

    def wait_event(
        self,
        event_code: str,
        filter: EventFilter = None,  # noqa: A002 - what it is called in the documents
        timeout: float | timedelta | None = None,
    ) -> Event:
        """The next event of a code that the filter accepts; until it comes the code is left, as by ``sleep``.

        Counts what was emitted since this invocation was registered, also before the code came here. Each event is
        given to every workflow that wants it, and to each at most once, oldest first. ``filter``: a dictionary of
        wanted values, or a function of the payload. ``timeout``: seconds, or a ``timedelta``.

        Raises:
            WorkflowTimeoutError: none was emitted in time; recorded, so that it repeats.
            WorkflowError: in sync mode, where nothing may come any more, without a timeout.
            Exception: what the filter raises.
        """
        return self._run("wait_event").wait_event(event_code, filter, timeout)
