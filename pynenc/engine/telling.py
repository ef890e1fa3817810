"""A running invocation learns that it is cancelled: once, at a wait or an operation. After it, it may clean up.

Where it was told is part of the record of a workflow; what it does then is recorded, too. Calls that it has made until
then are cancelled with it, also those that nobody could know of when it was asked; what it calls later cleans up.
"""

from typing import Any

from pynenc.engine.cancelling import cancel_tree, children_of
from pynenc.engine.context import Running, get_running
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
        # Here, so that what never is cancelled need not import workflows.
        from pynenc.engine.sync_mode import open_replay_of  # noqa: PLC0415

        open_replay_of(running).raise_if_cancelled()


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
