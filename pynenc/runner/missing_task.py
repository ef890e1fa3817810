"""The stand-in for a task that this worker cannot import."""

from types import SimpleNamespace
from typing import Any

from pynenc.exceptions import TaskNotFoundError
from pynenc.invocation.record import Lane


class MissingTask:
    """Takes the place of the task, so that its invocations end FAILED with an error that says why."""

    retriable_exceptions: tuple[type[BaseException], ...] = ()

    def __init__(self, key: str, error: BaseException) -> None:
        self.key = key
        self.lane = Lane.THREAD.value
        self.conf: Any = SimpleNamespace(max_retries=0, call_result_cache=False)
        self._error = error

    def run(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002 - the signature of a task
        """Raise what is wrong.

        Raises:
            TaskNotFoundError: always, with the import's own error as its cause.
        """
        raise TaskNotFoundError(
            self.key,
            f"this worker cannot import it ({type(self._error).__name__}: {self._error}). "
            "Deploy the same code to the workers as to the callers, or set the working directory or PYTHONPATH.",
        ) from self._error
