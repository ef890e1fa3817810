"""The tasks of an application, found by their ids and imported when first needed."""

import importlib
import inspect
import sys
from typing import Any, cast

from pynenc.bootstrap import find_variables
from pynenc.exceptions import TaskNotFoundError
from pynenc.identifiers import TaskId
from pynenc.task import Task


class TaskRegistry:
    """Tasks by ``module.function``."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._tasks: dict[str, Task[..., Any]] = {}

    def add(self, task: Task[..., Any]) -> None:
        """Take a decorated function; a second one of the same name replaces the first."""
        self._tasks[task.key] = task

    def all(self) -> list[Task[..., Any]]:
        """The tasks known so far."""
        return list(self._tasks.values())

    def reachable(self) -> dict[str, Task[..., Any]]:
        """By key the tasks known so far, and those of the modules that hold the application as a variable.

        The second were decorated with another application, in whose place a test has put this one.
        """
        found = {task.key: task for task in self.all()}
        for name in {module for module, _ in find_variables(self._app)}:
            for value in list(vars(sys.modules[name]).values()):
                task = getattr(value, "__pynenc_task__", None) if inspect.isfunction(value) else value
                if isinstance(task, Task) and task.app is self._app:
                    own = cast("Task[..., Any]", task)
                    found.setdefault(own.key, own)
        return found

    def find(self, key: str) -> Task[..., Any]:
        """The task with this id, imported if need be.

        Raises:
            TaskNotFoundError: its module cannot be imported, or has no such task.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = self._import(key)
        return task

    def _import(self, key: str) -> Task[..., Any]:
        task_id = TaskId.from_key(key)
        try:
            found = getattr(importlib.import_module(task_id.module), task_id.func_name, None)
        except Exception as error:
            raise TaskNotFoundError(
                key, f"importing {task_id.module} failed: {type(error).__name__}: {error}"
            ) from error
        if key in self._tasks:
            return self._tasks[key]
        found = getattr(found, "__pynenc_task__", found)
        if not isinstance(found, Task):
            raise TaskNotFoundError(
                key, f"module {task_id.module} has no task {task_id.func_name!r}; it was renamed or removed"
            )
        task = cast("Task[..., Any]", found)
        if task.app is self._app:
            return task
        # The module's own app is another one (several apps in a process, an app rebuilt in a worker).
        copy: Task[..., Any] = Task(self._app, task.func, task.options)
        copy.app = self._app
        copy.triggers = task.triggers
        return copy
