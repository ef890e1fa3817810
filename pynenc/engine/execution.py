"""Running one attempt: begin, call, classify, record. One value travels through; a function each."""

import random
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

from pynenc.engine.context import Running, reset_running, set_running
from pynenc.engine.crash_points import crash_point
from pynenc.engine.payloads import Payloads
from pynenc.exceptions import (
    InvocationCancelledError,
    InvocationStatusOwnershipError,
    PayloadSignatureError,
    SerializationError,
    TaskExitError,
)
from pynenc.invocation.record import Finish, InvocationRecord, Outcome, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.trigger import EventWaiter
from pynenc.serializer.signing import EXCEPTION, RESULT

#: Traceback text kept for one failure, in characters; the innermost frames are at its end.
TRACEBACK_CHARACTERS = 20_000


class Unwind(BaseException):
    """Raised at the wait of a paused invocation whose process stops: leave user code without finishing."""


class Fenced(BaseException):
    """Raised at the wait of an invocation that was taken away from this process: its outcome is not wanted."""


class Departed(BaseException):
    """Raised inside a workflow that leaves its worker, to come back by replay when what it waits for has come."""

    def __init__(
        self,
        not_before: float,
        awaited: Sequence[str] = (),
        *,
        all_of_them: bool = True,
        waiter: EventWaiter | None = None,
    ) -> None:
        super().__init__(not_before)
        #: Seconds since the epoch.
        self.not_before = not_before
        self.awaited = awaited
        self.all_of_them = all_of_them
        #: The event it waits for.
        self.waiter = waiter


class Left(BaseException):
    """Raised in the place of a task that this process lacks, and others may have."""

    def __init__(self, pause_seconds: float, error: Exception) -> None:
        super().__init__(pause_seconds)
        self.pause_seconds = pause_seconds
        #: What is recorded of the attempt.
        self.error = error


class Ended(NamedTuple):
    """How user code ended."""

    result: Any
    error: BaseException | None


def call(running: Running) -> Ended:
    """Call the function of a task with its arguments, with the context set.

    The one door around user code: whatever it raises is an outcome, except the engine's own signals.
    """
    token = set_running(running)
    try:
        arguments = running.engine.payloads.unpack_arguments(
            running.claimed.arguments, running.record.task_id, running.record.invocation_id
        )
        crash_point("execute.before_call")
        result = running.task.run(arguments)
        if running.workflow is not None:
            running.workflow.returned()
        return Ended(result, None)
    except (Unwind, Fenced):
        raise
    except BaseException as error:  # noqa: BLE001 - design law 10: nothing user code raises may stop a runner
        return ended_by(running, error)
    finally:
        crash_point("execute.after_call")
        reset_running(token)


def ended_by(running: Running, error: BaseException) -> Ended:
    """How code ended that raised; a workflow that was to be left is left, whatever its code makes of that."""
    if running.workflow is None:
        return Ended(None, error)
    return Ended(None, running.workflow.ended_with(error, final=not _retriable(running, error)))


def classify(running: Running, ended: Ended, now: float) -> Finish:
    """What follows from how user code ended: the status, and what is recorded with it."""
    record = running.record
    if ended.error is None:
        return _succeed(running, ended.result, now)
    error = ended.error
    if isinstance(error, Departed):
        return _depart(running, error)
    if isinstance(error, Left):
        return _leave(running, error, now)
    if isinstance(error, InvocationCancelledError) and running.cancelled:
        return _failed_as(running, error, now, InvocationStatus.CANCELLED)
    if not isinstance(error, Exception):
        error = _exit_error(record, error)
    if _retriable(running, error):
        return _retry(running, error, now)
    return _failed_as(running, error, now, InvocationStatus.FAILED)


def _succeed(running: Running, result: Any, now: float) -> Finish:
    record = running.record
    payloads: Payloads = running.engine.payloads
    try:
        text, references = payloads.pack(result, RESULT, record.invocation_id)
        if references:
            running.engine.link_references(record.invocation_id, references)
    except Exception as error:  # noqa: BLE001 - the user's value and serializer: a failure of the task, not of the runner
        wrong = SerializationError(
            f"Invocation {record.invocation_id} of {record.task_id} returned a {type(result).__qualname__} "
            f"that cannot be stored: {error}. Return a value the serializer supports, or choose another serializer."
        )
        wrong.__cause__ = error
        return _failed_as(running, wrong, now, InvocationStatus.FAILED)
    transition = Transition(record.invocation_id, InvocationStatus.SUCCESS, record.owner or "", record.attempt)
    outcome = Outcome(
        record.invocation_id, record.attempt, record.owner or "", running.started_at, now, text, None, None, None, None
    )
    return Finish(transition, record, outcome, running.task.conf.call_result_cache, running.events)


def _depart(running: Running, departure: Departed) -> Finish:
    """It belongs to nobody until it goes on. Deaths count since it last made progress, for it may live for months."""
    record = running.record
    transition = Transition(
        record.invocation_id,
        InvocationStatus.REROUTED,
        record.owner or "",
        record.attempt,
        not_before=departure.not_before,
        recoveries=-record.recoveries if running.workflow.progressed else 0,
    )
    return Finish(
        transition,
        record,
        None,
        awaited=departure.awaited,
        all_of_them=departure.all_of_them,
        event_waiter=departure.waiter,
        told_cancelled=running.told_cancelled,
    )


def _leave(running: Running, left: Left, now: float) -> Finish:
    """Whoever has the task is to take it. Nothing of it has run: no retry and no recovery counts."""
    record = running.record
    transition = Transition(
        record.invocation_id,
        InvocationStatus.REROUTED,
        record.owner or "",
        record.attempt,
        not_before=now + left.pause_seconds,
    )
    running.engine.events.left_to_others(record, left.error, left.pause_seconds)
    return Finish(transition, record, _failure(running, left.error, now))


def _retriable(running: Running, error: BaseException) -> bool:
    task = running.task
    if isinstance(error, PayloadSignatureError):
        return False  # the same text would be refused again
    return isinstance(error, task.retriable_exceptions) and running.record.retries < task.conf.max_retries


def _retry(running: Running, error: BaseException, now: float) -> Finish:
    record = running.record
    delay = retry_delay_seconds(running.task.conf, record.retries)
    transition = Transition(
        record.invocation_id,
        InvocationStatus.RETRY,
        record.owner or "",
        record.attempt,
        not_before=now + delay if delay > 0 else None,
        retries=1,
    )
    running.engine.log_retry(record, error, delay)
    return Finish(transition, record, _failure(running, error, now))


def retry_delay_seconds(conf: Any, retries_so_far: int) -> float:
    """How long the next attempt waits: fixed, or doubling with each retry, bounded, and spread by the jitter."""
    delay = float(conf.retry_delay_seconds)
    if delay <= 0:
        return 0.0
    if conf.retry_backoff:
        delay = min(delay * 2.0 ** min(retries_so_far, 60), conf.retry_max_delay_seconds)
    spread = conf.retry_jitter * delay
    return max(0.0, delay + random.uniform(-spread, spread))  # noqa: S311 - spreads load, guards nothing


def _failed_as(running: Running, error: BaseException, now: float, status: InvocationStatus) -> Finish:
    record = running.record
    running.engine.log_failure(record, error, status)
    transition = Transition(record.invocation_id, status, record.owner or "", record.attempt)
    return Finish(transition, record, _failure(running, error, now))


def _failure(running: Running, error: BaseException, now: float) -> Outcome:
    record = running.record
    return Outcome(
        record.invocation_id,
        record.attempt,
        record.owner or "",
        running.started_at,
        now,
        None,
        running.engine.encode_exception(error, EXCEPTION, record.invocation_id),
        type_name(type(error)),
        _message(error),
        user_traceback(error),
    )


def type_name(kind: type[BaseException]) -> str:
    """A class of exceptions as outcomes name it."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except Exception:  # noqa: BLE001 - the exception's own __str__; its failure must not hide the real one
        return f"<{type(error).__qualname__} without a readable message>"


def user_traceback(error: BaseException) -> str:
    """The traceback as text, without the frames of the engine above the task."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__", "").startswith(_OUR_FRAMES) and tb.tb_next:
        tb = tb.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, tb))
    except Exception:  # noqa: BLE001 - an exception's own code (``__str__``, ``__notes__``) runs in here
        text = f"{type(error).__qualname__} (its traceback cannot be formatted)\n"
    return text if len(text) <= TRACEBACK_CHARACTERS else "…\n" + text[-TRACEBACK_CHARACTERS:]


_OUR_FRAMES = ("pynenc.engine.", "pynenc.task", "pynenc.arguments", "pynenc.runner.")


def _exit_error(record: InvocationRecord, error: BaseException) -> TaskExitError:
    wrong = TaskExitError(
        f"The code of invocation {record.invocation_id} of {record.task_id} raised {type(error).__name__}({error}). "
        "A task cannot end its worker; return, or raise an Exception."
    )
    wrong.__traceback__ = error.__traceback__
    wrong.__cause__ = error
    return wrong


def stale(finish: Finish) -> InvocationStatusOwnershipError:
    """The error that says why an outcome was refused."""
    record = finish.record
    return InvocationStatusOwnershipError(
        record.status,
        finish.transition.to,
        None,
        record.owner,
        f"attempt {record.attempt} of invocation {record.invocation_id} is not the current one any more: its lease ran "
        "out or it was cancelled; the outcome of this attempt is not published",
    )
