"""What happens to the code of a workflow between its operations: it is told that it is cancelled, or late."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pynenc.engine.telling import cancel_calls, is_to_be_told
from pynenc.exceptions import InvocationCancelledError
from pynenc.workflow.log_entry import OperationKind

if TYPE_CHECKING:
    from pynenc.engine.replay import Replay


class Interruptions:
    """Those of one attempt. Each has a place in the record, so that it happens there again."""

    def __init__(self, replay: "Replay", running: Any) -> None:
        self._replay = replay
        self._running = running

    @property
    def is_told(self) -> bool:
        """Whether the code knows that it is cancelled."""
        return bool(self._running.told_cancelled)

    @property
    def is_to_be_told(self) -> bool:
        """Whether it is cancelled and does not know yet."""
        return is_to_be_told(self._running)

    def cancelled(self) -> InvocationCancelledError:
        """It is told by this error."""
        self._running.told_cancelled = True
        running = self._running
        return InvocationCancelledError(
            running.handle.invocation_id if running.record is None else running.record.invocation_id,
            "cancelled on request while it was running",
        )

    def tell(self, position: int, cause: BaseException | None = None) -> None:
        """Tell the code, with a new entry at a place of its own, that it is cancelled.

        Raises:
            InvocationCancelledError: always.
        """
        entry = self._replay.entry(position, OperationKind.CANCEL)
        if position > 1:
            self._replay.write(entry)
        else:
            # Most of what is told before its first operation has none, and needs no record.
            self._replay.hold_back(entry)
        error = self.cancelled()
        cancel_calls(self._running)
        raise error from cause

    def raise_if_cancelled(self, *, in_step: bool) -> None:
        """At a wait, or after a step, of a cancelled invocation: tell it, unless it came past this place before."""
        if not self.is_to_be_told:
            return
        if in_step:
            # What becomes of the step says so in the record.
            error = self.cancelled()
            cancel_calls(self._running)
            raise error
        position = self._replay.new_place()
        if position is not None:
            self.tell(position)
        self.raise_if_told_here()

    def raise_if_told_here(self) -> None:
        """At a place that is recorded: whether the code was told there before."""
        if self.is_to_be_told and self._replay.recorded_here(OperationKind.CANCEL) is not None:
            raise self.cancelled()

    # A time-out that the code has caught decides what it does next: so it repeats, like the failure of a step.

    def was_late(self, awaited: Sequence[str], error: BaseException) -> bool:
        """At a wait with a time-out: whether it is recorded that what is awaited did not come in time."""
        position = self._replay.recorded_here(OperationKind.TIMEOUT, self._named(awaited))
        if position is None:
            return False
        self._replay.saw_failure(position, error, again=True)
        return True

    def is_late(self, awaited: Sequence[str], error: BaseException) -> None:
        """The time of a wait is over; recorded if the code goes on after it."""
        position = self._replay.new_place()
        if position is not None:
            self._replay.hold_back(self._replay.entry(position, OperationKind.TIMEOUT, self._named(awaited)), error)

    def _named(self, awaited: Sequence[str]) -> str:
        """What is awaited, as far as it is the same when the code runs again."""
        return next((each for each in awaited if each in self._replay.children), "")
