"""Every error of Pynenc.

::

    PynencError
    ├── RetryError                                   raise it inside a task: run this again
    │   └── ConcurrencyRetryError
    ├── SerializationError (TypeError)               an argument or a result cannot travel
    │   └── PayloadSignatureError                    a stored text that nobody with a key has written
    ├── TaskError
    │   ├── InvalidTaskOptionsError
    │   ├── TaskNotFoundError                        a worker cannot import the task
    │   ├── TaskRoutingError
    │   │   └── InvocationConcurrencyWithDifferentArgumentsError
    │   └── TaskParallelProcessingError
    ├── InvocationError
    │   ├── InvocationDroppedError (KeyError)        ended without a result: CONCURRENCY_CONTROLLED_FINAL
    │   ├── InvocationCancelledError
    │   ├── InvocationLostError                      its workers died too often
    │   ├── ResultNotAvailableError                  the outcome was recorded, but cannot be read here
    │   └── InvocationTimeoutError (TimeoutError)    somebody waited no longer
    ├── TaskExitError                                user code raised SystemExit, KeyboardInterrupt or the like
    ├── CycleDetectedError                           invocations would wait for one another for ever
    ├── StateBackendError
    │   ├── InvocationNotFoundError
    │   └── StoreUnavailableError                    the store does not answer or refuses
    ├── RunnerError
    │   ├── RunnerNotExecutableError
    │   └── ForkServerError                          worker processes cannot be made
    ├── ConfigError
    │   └── ConfigMultiInheritanceError
    ├── AlreadyInitializedError
    └── InvocationStatusError
        ├── InvocationStatusTransitionError
        ├── InvocationStatusOwnershipError
        └── InvocationStatusRaceConditionError

Texts have one form: what happened (with ids), why, what to do. Each error survives a trip through a store
with its fields: ``to_json`` and ``from_json``.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, cast


class PynencError(Exception):
    """Root of all errors raised by Pynenc."""

    #: Names of the constructor's arguments, kept as attributes; they travel when the error is stored.
    _fields: ClassVar[tuple[str, ...]] = ()

    def to_json(self) -> str:
        """The error's fields as JSON text."""
        return json.dumps(self._to_json_dict())

    def _to_json_dict(self) -> dict[str, Any]:
        if self._fields:
            return {name: _plain(getattr(self, name)) for name in self._fields}
        return {"args": [_plain(arg) for arg in self.args]}

    @classmethod
    def _from_json_dict(cls, data: dict[str, Any]) -> Self:
        if cls._fields:
            return cls(**data)
        return cls(*data.get("args", ()))

    @classmethod
    def from_json(cls, error_name: str, serialized: str) -> "PynencError":
        """Rebuild the error called ``error_name``, a class of this tree.

        Raises:
            ValueError: no class has that name.
        """
        for candidate in _tree(PynencError):
            if candidate.__name__ == error_name:
                return candidate._from_json_dict(json.loads(serialized))  # noqa: SLF001 - of this very class's tree
        raise ValueError(f"Unknown error type: {error_name}")

    def __reduce__(self) -> tuple[Any, ...]:
        if self._fields:
            return (_rebuild, (type(self), {name: getattr(self, name) for name in self._fields}), self.__dict__)
        return super().__reduce__()  # type: ignore[return-value]


def _rebuild(cls: type[PynencError], fields: dict[str, Any]) -> PynencError:
    return cls(**fields)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in cast("Iterable[object]", value)]
    return str(value)


def _tree(root: type[PynencError]) -> Iterable[type[PynencError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


class RetryError(PynencError):
    """Raise it inside a task to have the invocation run again, within ``max_retries``."""


class ConcurrencyRetryError(RetryError):
    """A retry asked for because something else was running."""


class SerializationError(PynencError, TypeError):
    """A value cannot be turned into text or back."""


class PayloadSignatureError(SerializationError):
    """A stored text has no signature of ours, so it was not decoded."""


class TaskError(PynencError):
    """Something is wrong with a task."""

    _fields: ClassVar[tuple[str, ...]] = ("task_id", "message")

    def __init__(self, task_id: object, message: str | None = None) -> None:
        super().__init__(str(task_id), message)
        self.task_id = task_id
        self.message = message

    def __str__(self) -> str:
        head = f"{type(self).__name__}({self.task_id})"
        return f"{head}: {self.message}" if self.message else head


class InvalidTaskOptionsError(TaskError):
    """An option of a task is unknown, has a wrong value, or contradicts another."""


class TaskNotFoundError(TaskError):
    """A task cannot be found where its id says it is."""


class TaskRoutingError(TaskError):
    """A call of a task cannot be accepted."""


class InvocationConcurrencyWithDifferentArgumentsError(TaskRoutingError):
    """Registration concurrency found a waiting invocation of the same scope with other arguments."""

    _fields: ClassVar[tuple[str, ...]] = ("task_id", "existing_invocation_id", "new_call_id", "diff", "message")

    def __init__(
        self,
        task_id: object,
        existing_invocation_id: str,
        new_call_id: object,
        diff: str,
        message: str | None = None,
    ) -> None:
        super().__init__(task_id, message)
        self.existing_invocation_id = existing_invocation_id
        self.new_call_id = new_call_id
        self.diff = diff

    def __str__(self) -> str:
        message = f" {self.message}" if self.message else ""
        return f"{type(self).__name__}({self.task_id}){message}\n{self.diff}"


class TaskParallelProcessingError(TaskError):
    """Calls cannot be made in parallel as asked."""


class InvocationError(PynencError):
    """Something is wrong with one invocation."""

    _fields: ClassVar[tuple[str, ...]] = ("invocation_id", "message")

    def __init__(self, invocation_id: str, message: str | None = None) -> None:
        super().__init__(invocation_id, message)
        self.invocation_id = invocation_id
        self.message = message

    def __str__(self) -> str:
        head = f"{type(self).__name__}(invocation:{self.invocation_id})"
        return f"{head}: {self.message}" if self.message else head


class InvocationDroppedError(InvocationError, KeyError):
    """There is no result, for running concurrency dropped the invocation before it ran."""


class InvocationCancelledError(InvocationError):
    """There is no result, for the invocation was cancelled."""


class InvocationLostError(InvocationError):
    """The processes that ran the invocation died, more often than ``max_recoveries`` allows."""


class ResultNotAvailableError(InvocationError):
    """The invocation ended, but its outcome cannot be read here."""


class InvocationTimeoutError(InvocationError, TimeoutError):
    """The time that somebody was ready to wait is over; the invocation goes on."""


class TaskExitError(PynencError):
    """The code of a task raised what is no ``Exception`` and ends processes, generators or event loops elsewhere.

    ``SystemExit``, ``KeyboardInterrupt``, ``asyncio.CancelledError`` and their like: here only the invocation ends, and
    whoever asks for its result gets an exception that ends nothing of theirs.
    """


class CycleDetectedError(PynencError):
    """Waiting would never end: the calls wait for one another."""

    _fields: ClassVar[tuple[str, ...]] = ("call_ids", "message")

    def __init__(self, call_ids: Sequence[object], message: str | None = None) -> None:
        super().__init__(tuple(str(call_id) for call_id in call_ids), message)
        self.call_ids = [str(call_id) for call_id in call_ids]
        self.message = message

    def __str__(self) -> str:
        return self.message or f"Calls wait for one another: {' -> '.join(self.call_ids)}"


class StateBackendError(PynencError):
    """A store failed or does not hold what was asked for."""


class InvocationNotFoundError(StateBackendError):
    """No invocation has that id in this application's store."""

    _fields: ClassVar[tuple[str, ...]] = ("invocation_id", "message")

    def __init__(self, invocation_id: str, message: str | None = None) -> None:
        super().__init__(invocation_id, message)
        self.invocation_id = invocation_id
        self.message = message

    def __str__(self) -> str:
        if self.message is None:
            return f"InvocationNotFoundError({self.invocation_id})"
        return f"InvocationNotFoundError(invocation:{self.invocation_id}): {self.message}"


class StoreUnavailableError(StateBackendError):
    """A store cannot be opened, does not answer, or refuses to write."""


class RunnerError(PynencError):
    """A runner cannot do what it is asked for."""


class RunnerNotExecutableError(RunnerError):
    """This runner does not execute anything."""


class ForkServerError(RunnerError):
    """The process that worker processes are forked from could not be started, or could not make one."""


class ConfigError(PynencError):
    """A setting is unknown, has a wrong type, or contradicts another."""


class ConfigMultiInheritanceError(ConfigError):
    """Two parents of a settings class define the same field."""


class AlreadyInitializedError(PynencError):
    """A component was already created, so choosing another class for it comes too late."""


class InvocationStatusError(PynencError):
    """A change of status is not possible."""


class InvocationStatusTransitionError(InvocationStatusError):
    """The status table has no such edge."""

    _fields: ClassVar[tuple[str, ...]] = ("from_status", "to_status", "allowed_statuses")

    def __init__(self, from_status: object, to_status: object, allowed_statuses: Iterable[object]) -> None:
        self.from_status = from_status
        self.to_status = to_status
        self.allowed_statuses = list(allowed_statuses)
        allowed = ", ".join(f"status:{status}" for status in self.allowed_statuses)
        super().__init__(
            f"Invalid transition from_status:{from_status} to_status:{to_status}; allowed_statuses:[{allowed}]"
        )


class InvocationStatusOwnershipError(InvocationStatusError):
    """The invocation belongs to another runner, or to another attempt."""

    _fields: ClassVar[tuple[str, ...]] = ("from_status", "to_status", "current_owner", "attempted_owner", "reason")

    def __init__(
        self,
        from_status: object,
        to_status: object,
        current_owner: str | None,
        attempted_owner: str | None,
        reason: str,
    ) -> None:
        self.from_status = from_status
        self.to_status = to_status
        self.current_owner = current_owner
        self.attempted_owner = attempted_owner
        self.reason = reason
        super().__init__(
            f"Ownership violation from_status:{from_status} to_status:{to_status} "
            f"current_owner:{current_owner} attempted_owner:{attempted_owner}: {reason}"
        )


class InvocationStatusRaceConditionError(InvocationStatusError):
    """The record changed while it was being changed."""

    _fields: ClassVar[tuple[str, ...]] = ("invocation_id", "message")

    def __init__(self, invocation_id: str, message: str | None = None) -> None:
        super().__init__(invocation_id, message)
        self.invocation_id = invocation_id
        self.message = message
