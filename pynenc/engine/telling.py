"""What a running invocation learns at a wait: that it is cancelled, or that its time is over.

It learns of its cancellation once, at a wait or an operation. After it, it may clean up.

Where it was told is part of the record of a workflow; what it does then is recorded, too. Calls that it has made until
then are cancelled with it, also those that nobody could know of when it was asked; what it calls later cleans up.
"""

from collections.abc import Sequence
from typing import Any

from pynenc.engine.cancelling import cancel_tree, children_of
from pynenc.engine.context import Running, get_running, in_step
from pynenc.exceptions import InvocationTimeoutError
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus


def is_to_be_told(running: Any) -> bool:
    """Whether it is cancelled and does not know yet."""
    return bool(running.cancelled and not running.told_cancelled)


def raise_if_cancelled(running: Running) -> None:
    """At a wait: tell it, unless it has come past this place before. Uses the store, if there is something to tell.

    Raises:
        InvocationCancelledError: it is told here.
    """
    if is_to_be_told(running):
        _open(running).raise_if_cancelled()


def tell_beside() -> None:
    """After a wait that paused nothing, of a thread or a coroutine that the code has started: like any other wait.

    Raises:
        InvocationCancelledError: the invocation is told here.
    """
    running = get_running()
    if running is not None:
        raise_if_cancelled(running)


def cancel_calls(running: Any) -> None:
    """Cancel what it has called so far, and what these have."""
    if running.record is None:
        return
    unfinished = [
        child.invocation_id
        for child in children_of(running.engine, running.record.invocation_id)
        if not child.status.is_final()
    ]
    if unfinished:
        cancel_tree(running.engine, unfinished)


def tell_with(ended: InvocationRecord) -> None:
    """The code asks for the result of a cancelled invocation: if it is cancelled itself, that is where it learns it.

    Raises:
        InvocationCancelledError: its own.
    """
    running = get_running()
    if ended.status is not InvocationStatus.CANCELLED or running is None or running.engine is None:
        return
    if not running.cancelled:
        own = running.engine.ledger.read([running.record.invocation_id]).get(running.record.invocation_id)
        running.cancelled = own is not None and own.attempt == running.record.attempt and own.cancel_requested
    raise_if_cancelled(running)


# ------------------------------------------------------------------------ time-outs


def raise_if_was_late(running: Running, awaited: Sequence[str], timeout_seconds: float | None) -> None:
    """At a wait with a time-out, of a workflow that repeats: what is recorded to have been too late still is.

    Raises:
        InvocationTimeoutError: it was.
    """
    if timeout_seconds is None or in_step.get() is not None:
        return
    if running.workflow is None and running.record.attempt > 1:
        _open(running)
    error = timed_out(awaited, timeout_seconds)
    if running.workflow is not None and running.workflow.interruptions.was_late(awaited, error):
        raise error


def late(running: Running, awaited: Sequence[str], timeout_seconds: float | None) -> InvocationTimeoutError:
    """The error of a wait inside a task that took too long; part of the record, if there is one."""
    error = timed_out(awaited, timeout_seconds)
    if in_step.get() is None:
        _open(running).interruptions.is_late(awaited, error)
    return error


def timed_out(awaited: Sequence[str], timeout_seconds: float | None) -> InvocationTimeoutError:
    """That error."""
    return InvocationTimeoutError(
        awaited[0], f"not final after {timeout_seconds} s; it goes on, and its result can be asked for later"
    )


def _open(running: Running) -> Any:
    # Here, so that what never is cancelled nor late need not import workflows.
    from pynenc.engine.sync_mode import open_replay_of  # noqa: PLC0415

    return open_replay_of(running)
