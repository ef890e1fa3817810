"""The application: settings, tasks, and the way to its stores and its runner."""

import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, cast, overload

from pynenc import bootstrap, process_id
from pynenc.assembly import Assembled, assemble, component_classes, import_products
from pynenc.components import Components
from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_task import ConfigTask
from pynenc.conf.settings import Settings
from pynenc.direct_task import AggregateFunc, ParallelFunc, make_direct
from pynenc.engine.engine import Engine
from pynenc.engine.events import Events
from pynenc.engine.handles import Handles
from pynenc.engine.workflow_admin import Workflows
from pynenc.exceptions import AlreadyInitializedError
from pynenc.identifiers import TaskId
from pynenc.invocation.dist_invocation import DistributedInvocation
from pynenc.logs import create_logger
from pynenc.plugin_loader import load_plugins
from pynenc.ports import PORTS_VERSION
from pynenc.ports.backend import repeated
from pynenc.runner.base_runner import BaseRunner
from pynenc.runner.choice import make_runner
from pynenc.task import Task, TaskDecorator
from pynenc.task_registry import TaskRegistry
from pynenc.trigger.trigger_builder import TriggerBuilder

P = ParamSpec("P")
R = TypeVar("R")

Triggers = TriggerBuilder | Sequence[TriggerBuilder] | None

_COMPONENT_SETTINGS = frozenset(
    {"orchestrator_cls", "broker_cls", "state_backend_cls", "trigger_cls", "client_data_store_cls", "serializer_cls"}
    | {"payload_signing_keys", "payload_signing_mode"}
)


class Pynenc:
    """One application: a namespace in its stores, the tasks decorated with it, and its settings.

    Making one is cheap and touches nothing outside; stores are opened on first use. Without any configuration the
    state is kept in an SQLite file under ``.pynenc/`` beside the nearest ``pyproject.toml``.

    Args:
        config_values: settings by name, flat or in sections; files and the environment beat them.
        config_filepath: a YAML, TOML or JSON file.
        app_id: short for ``{"app_id": ...}``.

    Raises:
        TypeError: ``config_values`` is no mapping.
    """

    def __init__(
        self,
        config_values: Mapping[str, Any] | None = None,
        config_filepath: str | None = None,
        *,
        app_id: str | None = None,
    ) -> None:
        given: object = config_values
        if given is not None and not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"Pynenc() takes a mapping of settings first, not {type(given).__name__} {given!r}. "
                "To name the application, write Pynenc(app_id=...)."
            )
        self.config_values = {**(config_values or {}), **({"app_id": app_id} if app_id else {})}
        self.config_filepath = config_filepath
        self._registry = TaskRegistry(self)
        self._lock = threading.RLock()
        self._settings: Settings | None = None
        self._conf: ConfigPynenc | None = None
        self._logger: logging.Logger | None = None
        self._assembled: Assembled | None = None
        self._pid = process_id.current
        self._handles: Handles | None = None
        self._runner: BaseRunner | None = None
        self._components: Components | None = None
        bootstrap.offer(self)

    # --------------------------------------------------------------- settings

    @property
    def settings(self) -> Settings:
        """All sources of configuration."""
        with self._lock:
            if self._settings is None:
                groups = [group for plugin in load_plugins(PORTS_VERSION) for group in plugin.config_groups]
                self.use_settings(Settings(self.config_values, self.config_filepath, plugin_groups=groups))
            return cast("Settings", self._settings)

    def use_settings(self, settings: Settings) -> None:
        """Take these settings; a child process gets those of its parent."""
        settings.assignment_guard = self._guard_assignment
        self._settings = settings

    @property
    def conf(self) -> ConfigPynenc:
        """The application's own settings; fields can be assigned."""
        if self._conf is None:
            with self._lock:
                if self._conf is None:
                    self._conf = self.settings.build(ConfigPynenc)
        return self._conf

    @property
    def app_id(self) -> str:
        """The namespace of everything this application stores."""
        return self.conf.app_id

    def build_task_conf(self, task_id_key: str, options: Mapping[str, Any]) -> ConfigTask:
        """The settings of one task."""
        return self.settings.build_task(task_id_key, options)

    def _guard_assignment(self, config: ConfigPynencBase, field: str, old: object) -> None:
        if config is not self._conf or getattr(config, field) == old:
            return
        if field in _COMPONENT_SETTINGS and self._assembled is not None:
            raise AlreadyInitializedError(
                f"app {self.app_id!r}: {field} cannot become {getattr(config, field)!r}, for the components are in use "
                f"already (with {old!r}). Set it before the first call, or build a new app with PynencBuilder."
            )
        if field == "runner_cls":
            if self._runner is not None and self._runner.is_running():
                raise AlreadyInitializedError(
                    f"app {self.app_id!r}: runner_cls cannot change while a {type(self._runner).__name__} is running. "
                    "Stop it first."
                )
            self._runner = None
        if field.startswith(("log", "compact_log")):
            self._logger = None

    @property
    def logger(self) -> logging.Logger:
        """The logger ``pynenc.<app_id>``."""
        if self._logger is None:
            self._logger = create_logger(self.conf)
        return self._logger

    # ------------------------------------------------------------- components

    @property
    def assembled(self) -> Assembled:
        """The stores and the engine; opened on first use, and again in a forked child."""
        if self._assembled is None or self._pid != process_id.current:
            with self._lock:
                if self._pid != process_id.current:
                    # Nothing of the parent's is closed here: its connections and addresses are not ours.
                    self._assembled, self._handles, self._runner, self._components = None, None, None, None
                    self._pid = process_id.current
                if self._assembled is None:
                    self._assembled = assemble(
                        self.settings, self.conf, Events(self.logger), self._registry.find, self.start_command
                    )
                    self._handles = Handles(lambda: self.engine, self._registry.find)
                    self._assembled.engine.payloads.handles = self._handles
        return self._assembled

    @property
    def engine(self) -> Engine:
        """What happens."""
        return self.assembled.engine

    @property
    def handles(self) -> Handles:
        """The engine as invocations see it."""
        _ = self.assembled
        return cast("Handles", self._handles)

    @property
    def components(self) -> Components:
        """The five components and the serializer as users see them."""
        if self._components is None or self._pid != process_id.current:
            self._components = Components(self.assembled, self.settings, self.handles, self.conf)
        return self._components

    @property
    def orchestrator(self) -> Any:
        """Statuses, counts and runners."""
        return self.components.orchestrator

    @property
    def broker(self) -> Any:
        """The queues."""
        return self.components.broker

    @property
    def state_backend(self) -> Any:
        """Histories, results and exceptions."""
        return self.components.state_backend

    @property
    def workflows(self) -> Workflows:
        """Workflows: which there are, what they recorded, and going on with those that failed."""
        return Workflows(self.engine, self.handles)

    @property
    def trigger(self) -> Any:
        """The trigger system."""
        return self.components.trigger

    @property
    def client_data_store(self) -> Any:
        """Large values."""
        return self.components.client_data_store

    @property
    def serializer(self) -> Any:
        """What turns values into text."""
        return self.engine.serializer

    @property
    def runner(self) -> BaseRunner:
        """The runner that ``runner_cls`` names, or that fits the components."""
        with self._lock:
            if self._pid != process_id.current:
                _ = self.assembled
            if self._runner is None:
                self._runner = make_runner(self, self.conf.runner_cls)
            return self._runner

    @runner.setter
    def runner(self, runner: BaseRunner) -> None:
        self._runner = runner

    @property
    def start_command(self) -> str:
        """The command line that starts a runner for this application."""
        place = next(bootstrap.find_variables(self), None)
        return f"pynenc --app={'.'.join(place)} runner start" if place else "pynenc runner start"

    def component_classes(self) -> Any:
        """The class names of the components as configured."""
        return component_classes(self.conf)

    def import_components(self) -> None:
        """Import the code of the components and open nothing: what is forked then finds it loaded."""
        import_products(component_classes(self.conf))

    @repeated
    def purge(self) -> None:
        """Remove everything this application has stored, and nothing of others in the same store."""
        backend = self.assembled.backend
        with backend.unit():
            backend.broker.purge()
            backend.orchestrator.purge()
            backend.state.purge()
            backend.client_data.purge()
            backend.trigger.purge()
        self.engine.payloads.purge_cache()
        self.engine.recent.clear()

    def close(self) -> None:
        """Give back connections, threads and addresses; they are opened again on the next use."""
        with self._lock:
            if self._assembled is not None and self._pid == process_id.current:
                self._assembled.engine.close()
            self._assembled, self._handles, self._components = None, None, None

    # ------------------------------------------------------------------ tasks

    @property
    def tasks(self) -> dict[TaskId, Task[..., Any]]:
        """The tasks registered so far."""
        return {task.task_id: task for task in self._registry.all()}

    def reachable_tasks(self) -> dict[str, Task[..., Any]]:
        """The tasks registered so far by id, and those in whose modules this application stands for another one."""
        return self._registry.reachable()

    @overload
    def task(self, func: None = None, /, **options: Any) -> TaskDecorator: ...
    @overload
    def task(self, func: Callable[P, Coroutine[Any, Any, R]], /, **options: Any) -> Task[P, R]: ...
    @overload
    def task(self, func: Callable[P, R], /, **options: Any) -> Task[P, R]: ...

    def task(self, func: Callable[P, R] | None = None, /, *, triggers: Triggers = None, **options: Any) -> Any:
        """Make a function a task.

        Options are the fields of ``ConfigTask`` (retries, concurrency, queue, priority, …) and ``triggers``.

        Raises:
            InvalidTaskOptionsError: an option is unknown, wrong, or contradicts another.
            RuntimeError: the function is defined in ``__main__``.
            ValueError: the function is not defined at the module level, or a trigger has no conditions.
        """

        def decorate(function: Callable[P, R]) -> Task[P, R]:
            made: Task[P, R] = Task(cast("Any", self), function, options)
            self._registry.add(made)
            if triggers is not None:
                builders = [triggers] if isinstance(triggers, TriggerBuilder) else triggers
                made.triggers = [builder.build(made.key) for builder in builders]
            return made

        return decorate if func is None else decorate(func)

    @overload
    def workflow(self, func: None = None, /, **options: Any) -> TaskDecorator: ...
    @overload
    def workflow(self, func: Callable[P, Coroutine[Any, Any, R]], /, **options: Any) -> Task[P, R]: ...
    @overload
    def workflow(self, func: Callable[P, R], /, **options: Any) -> Task[P, R]: ...

    def workflow(self, func: Callable[P, R] | None = None, /, **options: Any) -> Any:
        """Make a function a task each call of which starts a workflow: ``task(force_new_workflow=True)``."""
        options = {**options, "force_new_workflow": True}
        return self.task(**options) if func is None else self.task(func, **options)

    @overload
    def direct_task(
        self,
        func: None = None,
        /,
        *,
        parallel_func: ParallelFunc | None = None,
        aggregate_func: AggregateFunc | None = None,
        **options: Any,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    @overload
    def direct_task(
        self,
        func: Callable[P, R],
        /,
        *,
        parallel_func: ParallelFunc | None = None,
        aggregate_func: AggregateFunc | None = None,
        **options: Any,
    ) -> Callable[P, R]: ...

    def direct_task(
        self,
        func: Callable[P, R] | None = None,
        /,
        *,
        parallel_func: ParallelFunc | None = None,
        aggregate_func: AggregateFunc | None = None,
        **options: Any,
    ) -> Any:
        """Make a function run elsewhere and still return its value to the caller.

        ``parallel_func`` turns the bound arguments of a call into those of several, or into
        ``(common_args, elements)``; ``aggregate_func`` makes one value of their results.

        Raises:
            ValueError: ``parallel_func`` without ``aggregate_func``.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            made: Task[P, Any] = Task(cast("Any", self), function, options)
            direct = make_direct(made, parallel_func, aggregate_func)
            self._registry.add(made)
            return direct

        return decorate if func is None else decorate(func)

    def get_task(self, task_id: TaskId | str) -> Task[..., Any]:
        """The task with this id, imported if need be.

        Raises:
            TaskNotFoundError: its module cannot be imported, or has no such task.
        """
        key = task_id if isinstance(task_id, str) else task_id.key
        return self._registry.find(key)

    def get_invocation(self, invocation_id: str) -> DistributedInvocation[Any]:
        """A handle on an invocation in the store.

        Raises:
            InvocationNotFoundError: there is none with this id.
        """
        record = self.handles.record(invocation_id)
        return DistributedInvocation(self.handles, invocation_id, record.task_id)

    # ---------------------------------------------------------- how it travels

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle may end in a store, which must never hold what guards it.
        return (bootstrap.restore, (bootstrap.describe(self, for_child=False),))

    def __repr__(self) -> str:
        return f"Pynenc(app_id={self.app_id!r})"


__all__ = ["Pynenc"]
