"""Tasks: what a decorated function becomes."""

import functools
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from pynenc.arguments import Arguments, Parameters
from pynenc.conf.config_task import ConfigTask
from pynenc.conf.task_options import validate_task_options
from pynenc.engine import submit as submission
from pynenc.engine.common_arguments import by_own_names, without
from pynenc.engine.context import Running, get_running, reset_running, set_running
from pynenc.engine.payloads import Part
from pynenc.engine.submit import Accepted, CallOptions
from pynenc.engine.sync_mode import SyncRunning, complete, open_workflow
from pynenc.exceptions import InvalidTaskOptionsError
from pynenc.identifiers import TaskId
from pynenc.invocation.conc_invocation import ConcurrentInvocation, ConcurrentInvocationGroup
from pynenc.invocation.dist_invocation import DistributedInvocation, ReusedInvocation
from pynenc.invocation.group import DistributedInvocationGroup
from pynenc.invocation.record import Lane
from pynenc.trigger.definition import TriggerDefinition
from pynenc.workflow.operations import WorkflowOperations
from pynenc.workflow.workflow_context import WorkflowContext
from pynenc.workflow.workflow_exceptions import WorkflowAccessError
from pynenc.workflow.workflow_identity import WorkflowIdentity

P = ParamSpec("P")
R = TypeVar("R")

#: Elements that ``parallelize`` takes for one call: positional arguments, keyword arguments, or ``task.args(...)``.
CallArguments = tuple[Any, ...] | Mapping[str, Any] | Arguments

_NO_OPTIONS = CallOptions()


class TaskApp(Protocol):
    """What a task needs of its application."""

    app_id: str
    engine: Any
    handles: Any
    conf: Any
    logger: logging.Logger

    def build_task_conf(self, task_id_key: str, options: Mapping[str, Any]) -> ConfigTask:
        """The settings of one task."""
        ...


class Task(Generic[P, R]):
    """A function that can be run elsewhere: called like the function, it returns an invocation of its result.

    Raises:
        RuntimeError: the function is defined in ``__main__``, where no worker can find it.
        ValueError: it is not defined at the module level.
        InvalidTaskOptionsError: an option is unknown, wrong, or contradicts another.
    """

    # As a function has them; they are those of the function that it was made of.
    __name__: str
    __qualname__: str
    __wrapped__: Callable[P, Any]

    def __init__(self, app: TaskApp, func: Callable[P, Any], options: Mapping[str, Any] | None = None) -> None:
        _refuse_unreachable(func)
        self.func = func
        self.task_id = TaskId(func.__module__, func.__name__)
        #: ``module.function``.
        self.key = self.task_id.key
        self.parameters = Parameters(func)
        self.options: dict[str, Any] = validate_task_options(
            options or {}, self.parameters.names, self.parameters.has_var_keyword, self.key
        )
        #: When it starts by itself; a runner stores them when it starts.
        self.triggers: list[TriggerDefinition] = []
        self.is_async = inspect.iscoroutinefunction(func)
        self.lane = (Lane.EVENT_LOOP if self.is_async else Lane.THREAD).value
        self._app = app
        #: The global name of the app in the module of the function: when a test puts another app there, it counts.
        self._app_name = next((name for name, value in func.__globals__.items() if value is app), None)
        self._conf: tuple[TaskApp, ConfigTask] | None = None
        functools.update_wrapper(cast("Any", self), func, updated=())
        # What other decorators put on the function; what is called like something of ours stays there.
        for name, value in vars(func).items():
            if name not in vars(self) and not hasattr(type(self), name):
                setattr(self, name, value)

    # -- what it is

    @property
    def app(self) -> Any:
        """The application it belongs to: the one its module has under the name it was decorated with."""
        if self._app_name is not None:
            current = self.func.__globals__.get(self._app_name)
            if current is not self._app and isinstance(current, type(self._app)):
                self._app = current
        return self._app

    @app.setter
    def app(self, app: TaskApp) -> None:
        self._app = app
        self._app_name = None

    @property
    def conf(self) -> ConfigTask:
        """Its options as all sources of configuration give them; fields can be assigned."""
        app: TaskApp = self.app
        if self._conf is None or self._conf[0] is not app:
            self._conf = (app, app.build_task_conf(self.key, self.options))
        return self._conf[1]

    @property
    def retriable_exceptions(self) -> tuple[type[Exception], ...]:
        """What leads to a retry: ``retry_for``, and always ``RetryError``."""
        return self.conf.retriable_exceptions

    @property
    def logger(self) -> logging.Logger:
        """The application's logger, whose lines carry the running invocation."""
        return cast("TaskApp", self.app).logger

    @property
    def invocation(self) -> Any:
        """The invocation in whose code we are, of whichever task.

        Raises:
            RuntimeError: we are in none.
        """
        running = self._running()
        if running is None:
            raise RuntimeError("Task has not been invoked yet")
        return running.handle if running.handle is not None else _handle(self, running)

    @property
    def workflow(self) -> WorkflowIdentity:
        """The workflow in whose code we are."""
        identity: WorkflowIdentity = self.invocation.workflow
        return identity

    @property
    def wf(self) -> WorkflowContext:
        """What the code of a workflow does through it is recorded, and repeats when the code runs again."""
        return WorkflowContext(self)

    def workflow_run(self, operation: str) -> WorkflowOperations:
        """The recorded operations of the attempt that is running.

        Raises:
            WorkflowAccessError: none is.
        """
        running = self._running()
        if running is None:
            raise WorkflowAccessError(
                f"wf.{operation} of {self.key} was used while no task of app {self.app.app_id!r} is running in this "
                "thread. It belongs into the code of a task; outside, app.workflows shows what workflows have recorded."
            )
        return open_workflow(running)

    def _running(self) -> Running | None:
        running = get_running()
        if running is None or running.engine is None:
            return running
        return running if running.engine.settings.app_id == cast("TaskApp", self.app).app_id else None

    # -- calling

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> DistributedInvocation[R]:
        """Submit a call; the handle's ``.result`` waits for what it comes to."""
        return self.submit(self.parameters.bind(args, kwargs), _NO_OPTIONS)

    def __get__(self, instance: object, owner: type | None = None) -> "Task[P, R]":
        """The task itself, whatever it is an attribute of.

        That a task has this method makes it a routine for ``inspect``, so that ``help(task)`` and documentation tools
        show the signature and the text of its function, and not the class Task.
        """
        return self

    async def submit_async(self, *args: P.args, **kwargs: P.kwargs) -> DistributedInvocation[R]:
        """Submit a call from a coroutine, without touching the store on the event loop's thread."""
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        values = self.parameters.bind(args, kwargs)
        return await asyncio.to_thread(self.submit, values, _NO_OPTIONS)

    def with_options(
        self, *, queue: str | None = None, priority: int | None = None, delay_seconds: float | None = None
    ) -> "Caller[P, R]":
        """The task with another queue or priority, or a delayed start, for the calls made through the answer.

        Raises:
            InvalidTaskOptionsError: ``priority`` is not within -100 and 100, or ``delay_seconds`` is negative.
        """
        if priority is not None and not -100 <= priority <= 100:  # noqa: PLR2004 - the documented range
            raise InvalidTaskOptionsError(self.key, f"priority is {priority}; it goes from -100 (last) to 100 (first)")
        if delay_seconds is not None and delay_seconds < 0:
            raise InvalidTaskOptionsError(self.key, f"delay_seconds is {delay_seconds}; a start cannot lie in the past")
        return Caller(self, CallOptions(queue, priority, delay_seconds))

    def args(self, *args: P.args, **kwargs: P.kwargs) -> Arguments:
        """The arguments of a call, for ``parallelize``."""
        return Arguments(self.parameters.bind(args, kwargs))

    def parallelize(
        self, param_iter: Iterable[CallArguments], common_args: Mapping[str, Any] | None = None
    ) -> DistributedInvocationGroup[R]:
        """Submit many calls, ``parallel_batch_size`` in one step.

        Elements are tuples (positional arguments), dictionaries (keyword arguments) or ``task.args(...)``. Values
        in ``common_args`` are serialized once; a dictionary's own values come before them.

        Raises:
            ValueError: ``common_args`` with elements that are not dictionaries.
            TypeError: an element is of another type, or does not fit the signature; nothing was submitted.
        """
        elements = list(param_iter)
        if common_args and not all(isinstance(element, Mapping) for element in elements):
            raise ValueError("When using common_args, param_iter must contain only dictionaries")
        calls = [self._bind(element, common_args or {}) for element in elements]
        if cast("TaskApp", self.app).conf.dev_mode_force_sync_tasks:
            group = ConcurrentInvocationGroup(self, [self._run_here(values) for values in calls])
            return cast("DistributedInvocationGroup[R]", group)
        return self._submit_group(calls, elements, common_args or {})

    def _bind(self, element: CallArguments, common: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(element, Arguments):
            return element.kwargs
        if isinstance(element, Mapping):
            return self.parameters.bind((), {**common, **element})
        if isinstance(element, tuple):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not all typed
            return self.parameters.bind(element, {})
        raise TypeError(
            f"parallelize({self.key}): an element is a {type(element).__name__}; use a tuple of positional arguments "
            f"(a single one is '(value,)'), a dictionary of keyword arguments, or {self.func.__name__}.args(...)"
        )

    def _submit_group(
        self, calls: Sequence[dict[str, Any]], elements: Sequence[CallArguments], common: Mapping[str, Any]
    ) -> DistributedInvocationGroup[R]:
        app: TaskApp = self.app
        size = self.conf.parallel_batch_size or 1
        shared: dict[str, Part] = {}
        if common:
            packed = app.engine.payloads.pack_arguments(self.key, common, self.conf.disable_cache_args)
            shared = dict(packed.parts)
        handles: list[DistributedInvocation[R]] = []
        for start in range(0, len(calls), size):
            batch = calls[start : start + size]
            if shared:
                own = [set(cast("Mapping[str, Any]", e)) for e in elements[start : start + size]]
                for values, names in by_own_names(batch, own, shared):
                    handles += self._accepted(values, without(shared, names))
            else:
                handles += self._accepted(batch, None)
        return DistributedInvocationGroup(app.handles, self, handles)

    def _accepted(
        self, calls: Sequence[dict[str, Any]], shared: Mapping[str, Part] | None
    ) -> list[DistributedInvocation[R]]:
        app: TaskApp = self.app
        accepted = submission.submit(app.engine, self, calls, _NO_OPTIONS, shared)
        return [self.handle_of(item, values) for item, values in zip(accepted, calls, strict=True)]

    def submit(self, values: dict[str, Any], options: CallOptions) -> DistributedInvocation[R]:
        """Submit a call with bound values."""
        app: TaskApp = self.app
        if app.conf.dev_mode_force_sync_tasks:
            return cast("DistributedInvocation[R]", self._run_here(values))
        [accepted] = submission.submit(app.engine, self, (values,), options)
        return self.handle_of(accepted, values)

    def bound_call(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple["Task[P, R]", dict[str, Any], CallOptions]:
        """A call of it that is not submitted yet."""
        return self, self.parameters.bind(tuple(args), dict(kwargs)), _NO_OPTIONS

    def handle_on(self, invocation_id: str) -> DistributedInvocation[R]:
        """A handle on one of its invocations."""
        return DistributedInvocation(cast("TaskApp", self.app).handles, invocation_id, self.key)

    def handle_of(self, accepted: Accepted, values: Mapping[str, Any]) -> DistributedInvocation[R]:
        """A handle on what came of a call with these values."""
        handles = cast("TaskApp", self.app).handles
        if not accepted.reused:
            return DistributedInvocation(handles, accepted.invocation_id, self.key)
        diff = Arguments(values) if accepted.differs else None
        return ReusedInvocation(handles, accepted.invocation_id, self.key, diff)

    # -- running

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the function with bound arguments; a coroutine for ``async def``."""
        return self.parameters.apply(self.func, arguments)

    def _run_here(self, values: dict[str, Any]) -> ConcurrentInvocation[R]:
        """Sync mode: run the call now, in this thread."""
        outer = get_running()
        parent = outer.handle if outer is not None else None
        invocation: ConcurrentInvocation[R] = ConcurrentInvocation(
            self, Arguments(values), getattr(parent, "invocation_id", None), getattr(parent, "workflow", None)
        )
        running = SyncRunning(invocation, outer)
        token = set_running(running)  # type: ignore[arg-type]  # the part of it that sync mode has
        try:
            invocation.run(lambda: running.attempt(lambda: self._call_here(values)))
        finally:
            reset_running(token)
        return invocation

    def _call_here(self, values: dict[str, Any]) -> Any:
        result = self.run(values)
        return complete(result) if inspect.iscoroutine(result) else result

    # -- how it travels

    def __reduce__(self) -> tuple[Any, ...]:
        return (_import_task, (self.task_id.module, self.task_id.func_name))

    def __repr__(self) -> str:
        return f"Task(func={self.func.__name__})"


class Caller(Generic[P, R]):
    """A task with options for the calls made through it."""

    def __init__(self, task: Task[P, R], options: CallOptions) -> None:
        self._task = task
        self._options = options

    def bound_call(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Task[P, R], dict[str, Any], CallOptions]:
        """A call with these options that is not submitted yet."""
        return self._task, self._task.parameters.bind(tuple(args), dict(kwargs)), self._options

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> DistributedInvocation[R]:
        """Submit a call with these options."""
        return self._task.submit(self._task.parameters.bind(args, kwargs), self._options)


def _handle(task: Task[..., Any], running: Running) -> DistributedInvocation[Any]:
    handles = task.app.handles
    handle: DistributedInvocation[Any] = DistributedInvocation(
        handles, running.record.invocation_id, running.record.task_id
    )
    running.handle = handle
    return handle


def _import_task(module: str, func_name: str) -> Any:
    import importlib  # noqa: PLC0415 - unpickling only

    found = getattr(importlib.import_module(module), func_name)
    return getattr(found, "__pynenc_task__", found)


def _refuse_unreachable(func: Callable[..., Any]) -> None:
    if "__main__" in func.__module__:
        raise RuntimeError(
            "Cannot create a task from a function in the __main__ module"
            f" (function {func.__name__!r}): workers import tasks by module name, and their __main__ is another one. "
            "Put the tasks and the app into a module of their own, such as tasks.py, and import it from the script."
        )
    if func.__qualname__ != func.__name__:
        raise ValueError("Decorated function must be defined at the module level.")


class TaskDecorator(Protocol):
    """Turns a function into a task: of its result, or of what it awaits to for ``async def``."""

    @overload
    def __call__(self, func: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, func: Callable[P, R], /) -> Task[P, R]: ...
