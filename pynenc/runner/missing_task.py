"""The stand-in for a task that this worker cannot import.

While a new version is rolled out, workers have different code: one that lacks a task leaves its invocations to the
others, for a while. Where there are no others, or none of them has it either, they end FAILED with an error that says
why.
"""

from types import SimpleNamespace
from typing import Any

from pynenc.engine.engine import Engine
from pynenc.engine.execution import Left, type_name
from pynenc.exceptions import StoreUnavailableError, TaskNotFoundError
from pynenc.invocation.record import Claimed, Lane, Outcome

#: How long an invocation is left to others, from the first worker on that lacked the task.
PATIENCE_SECONDS = 300.0
#: Before it may be claimed again: at first, and at most; it doubles with each worker that lacks the task.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


class MissingTask:
    """Takes the place of the task."""

    retriable_exceptions: tuple[type[BaseException], ...] = ()

    def __init__(self, engine: Engine, claimed: Claimed, error: Exception) -> None:
        self.key = claimed.record.task_id
        self.lane = Lane.THREAD.value
        self.conf: Any = SimpleNamespace(max_retries=0, call_result_cache=False)
        self._engine = engine
        self._record = claimed.record
        self._error = error

    def run(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002 - the signature of a task
        """Raise what is wrong.

        Raises:
            Left: others may have it.
            TaskNotFoundError: nobody is expected to; the import's own error is its cause.
        """
        error = self._error
        said = error.message if isinstance(error, TaskNotFoundError) else f"{type(error).__name__}: {error}"
        wrong = TaskNotFoundError(
            self.key,
            f"this worker cannot import it ({said}). "
            "Deploy the same code to the workers as to the callers, or set the working directory or PYTHONPATH.",
        )
        wrong.__cause__ = error
        pause = self._pause()
        raise wrong if pause is None else Left(pause, wrong)

    def _pause(self) -> float | None:
        """Seconds for which it is left to others; None: it is not."""
        engine, record = self._engine, self._record
        if not isinstance(self._error, TaskNotFoundError) or record.cancel_requested:
            return None
        try:
            if engine.is_alone():
                return None
            lacked = _lacked_last(engine.state.attempts(record.invocation_id), record.attempt)
        except StoreUnavailableError:
            # Nobody can say whether there are others; that is no failure of the call.
            return LONGEST_PAUSE_SECONDS
        if lacked and engine.clock.now() - lacked[0].finished_at >= PATIENCE_SECONDS:
            return None
        return min(FIRST_PAUSE_SECONDS * 2.0 ** min(len(lacked), 60), LONGEST_PAUSE_SECONDS)


def _lacked_last(attempts: list[Outcome], present: int) -> list[Outcome]:
    """The attempts right before the present one in which workers lacked the task, the oldest first."""
    lacked: list[Outcome] = []
    for outcome in reversed(attempts):
        if outcome.attempt >= present:
            continue
        if outcome.attempt != present - len(lacked) - 1 or outcome.error_type != type_name(TaskNotFoundError):
            break
        lacked.insert(0, outcome)
    return lacked
