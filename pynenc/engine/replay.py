"""The places of one attempt of an invocation that uses ``task.wf``: what is recorded there, and how the code is left.

Positions count the operations in the order in which the code begins them. What is recorded at a position is checked
against what the code asks for; what is not is to be performed and written. Nothing here knows where the record is kept.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from pynenc.engine.context import in_step
from pynenc.engine.execution import Departed
from pynenc.engine.interruptions import Interruptions
from pynenc.engine.journal import Journal, described
from pynenc.engine.seen_failures import Failure, SeenFailures
from pynenc.engine.waiting import on_event_loop
from pynenc.invocation.record import Lane
from pynenc.workflow.log_entry import LogEntry, OperationKind
from pynenc.workflow.operations import WorkflowOperations
from pynenc.workflow.workflow_exceptions import WorkflowAccessError, WorkflowMismatchError


class Replay:
    """How far one attempt has come in its record. May be used by the threads of user code."""

    #: The operations that the code performs through it; set by whoever makes both.
    operations: WorkflowOperations

    def __init__(self, journal: Journal, running: Any) -> None:
        #: How the code is left, once it has to be: whatever it makes of it.
        self.departure: Departed | None = None
        #: Whether this attempt has recorded anything.
        self.progressed = False
        #: Held while something is written, or counted.
        self.lock = threading.RLock()
        self.interruptions = Interruptions(self, running)
        self._journal = journal
        self._running = running
        self._next = 1
        self._mismatch: WorkflowMismatchError | None = None
        #: Children by the id of their invocation: their position.
        self.children: dict[str, int] = {}
        # A failure is recorded together with what the code does next: one that ends the attempt is none of the record.
        self._held_back: list[LogEntry] = []
        self._failures = SeenFailures()
        #: Positions of recorded failures that are dealt with, if the code goes on.
        self._seen_failures: list[int] = []

    # ---------------------------------------------------------------- places

    def claim(self, operation: str, places: int = 1) -> int:
        """The place of the operation that the code begins; the first of several that are its.

        Raises:
            BaseException: what the attempt is to end with.
            WorkflowAccessError: we are inside of a step.
        """
        if self.departure is not None:
            raise self.departure
        if self._mismatch is not None:
            raise self._mismatch
        outer = in_step.get()
        if outer is not None:
            raise WorkflowAccessError(
                f"wf.{operation} was used inside of step {outer!r}, whose function is not run again once it is "
                "recorded. Call it before the step and pass the value in, or return it from the step."
            )
        with self.lock:
            position = self._next
            self._next += places
            return position

    def new_place(self) -> int | None:
        """The next place, taken; None if something is recorded there, or beyond it."""
        with self.lock:
            if self._journal.next_recorded(self._next) is not None:
                return None
            self._next += 1
            return self._next - 1

    def recorded_here(self, kind: str, name: str = "") -> int | None:
        """The next place, taken, if this is what is recorded there."""
        with self.lock:
            entry = self._journal.recorded(self._next, keep=True)
            if entry is None or (entry.kind, entry.name) != (kind, name):
                return None
            self._journal.recorded(self._next)
            self._next += 1
            return entry.position

    def may_change(self) -> bool:
        """Whether nothing is recorded beyond this place, so that changed code may go on from here."""
        return self._journal.next_recorded(self._next) is None

    def look(self, position: int, kind: str, name: str, detail: str) -> LogEntry | None:
        """What is recorded there; None: nothing yet.

        Raises:
            WorkflowMismatchError: something else.
            InvocationCancelledError: the invocation is told here that it is cancelled, or was.
        """
        entry = self._journal.recorded(position)
        if entry is None:
            if self.interruptions.is_to_be_told:
                self.interruptions.tell(position)
            return None
        if entry.kind == OperationKind.CANCEL:
            raise self.interruptions.cancelled()
        if (entry.kind, entry.name, entry.detail) != (kind, name, detail):
            self._raise_mismatch(entry, described(kind, name, detail))
        return entry

    def _raise_mismatch(self, entry: LogEntry, found: str) -> None:
        recorded = described(entry.kind, entry.name, entry.detail)
        self._mismatch = WorkflowMismatchError(self._journal.log_id, entry.position, recorded, found)
        raise self._mismatch

    def refuse_event_loop(self, operation: str) -> None:
        """Check that the store may be used on this thread.

        Raises:
            WorkflowAccessError: it is that of an event loop.
        """
        if self._running.task.lane == Lane.EVENT_LOOP and on_event_loop():
            raise WorkflowAccessError(
                f"wf.{operation} was called on the thread of an event loop, which the store would stop for a moment. "
                "Use 'await asyncio.to_thread(...)' with it; 'await wf.step(name, async_function)' works as it is."
            )

    # --------------------------------------------------------------- writing

    def entry(
        self, position: int, kind: OperationKind, name: str = "", detail: str = "", value: Any = None
    ) -> LogEntry:
        """An operation of this attempt, to be recorded."""
        record = self._running.record
        attempt = 0 if record is None else record.attempt
        return LogEntry(
            position,
            kind.value,
            name,
            detail,
            value,
            failed=False,
            dealt_with=False,
            attempt=attempt,
            recorded_at=self._journal.now(),
        )

    @contextmanager
    def writing(self, *entries: LogEntry) -> Generator[tuple[list[LogEntry], list[int]]]:
        """What is to be recorded with these entries: all of them, and positions of failures that are dealt with."""
        with self.lock:
            yield [*self._held_back, *entries], list(self._seen_failures)
            self._held_back.clear()
            self._seen_failures.clear()
            self.progressed = True

    def write(self, *entries: LogEntry, uses: Sequence[str] = (), waited: bool = False) -> None:
        """Record entries, with the large values they use; ``waited``: among them is what it waited for."""
        with self.writing(*entries) as (all_entries, dealt_with):
            self._journal.write(all_entries, dealt_with, uses=uses, waited=waited)

    def hold_back(self, entry: LogEntry, error: BaseException | None = None) -> None:
        """Record something with the next operation, if the code goes on to one: a failure of its, say."""
        with self.lock:
            if error is None:
                self._held_back.append(entry)
            else:
                self._held_back.append(entry._replace(failed=True, dealt_with=True))
                self._failures.add(Failure(error, entry.position, self._next, again=True))

    def saw_failure(self, position: int, error: BaseException, *, again: bool = False) -> None:
        """The code has been given a recorded failure; ``again``: of what is performed again if it ends the code."""
        with self.lock:
            self._failures.add(Failure(error, position, self._next, again))
            # What is seen while cleaning up is no decision of the workflow: resuming it begins before that.
            if not again and not self.interruptions.is_told:
                self._seen_failures.append(position)

    # ------------------------------------------------- what the engine asks

    def raise_if_cancelled(self) -> None:
        """At a wait: tell it if it is cancelled, unless it was told, or came past this place before."""
        self.interruptions.raise_if_cancelled(in_step=in_step.get() is not None)

    def leave(self, departure: Departed) -> None:
        """Leave the code; it comes back by replay.

        Raises:
            Departed: always.
        """
        with self.lock:
            if self._held_back or self._seen_failures:
                self.write()
        self.departure = departure
        raise departure

    def returned(self) -> None:
        """The code has come to its end.

        Raises:
            Departed: it was to be left, and somebody has caught that.
            WorkflowMismatchError: the same; or the record goes on where the code does not.
        """
        if self.departure is not None:
            raise self.departure
        if self._mismatch is not None:
            raise self._mismatch
        more = self._journal.next_recorded(self._next)
        if more is not None:
            self._raise_mismatch(more, "the end of the code")

    def ended_with(self, error: BaseException, *, final: bool) -> BaseException:
        """What ended the code, whatever the code has made of it; it is no part of the record."""
        replaced = self.departure or self._mismatch
        if replaced is not None:
            return replaced
        with self.lock:
            undone = self._failures.undone_by(error, self._next, final=final)
        if undone is not None and (undone.forget or undone.not_dealt_with):
            try:
                self._journal.undo(undone)
            except Exception as wrong:  # noqa: BLE001 - the store's: the record cannot be trusted to say what happened
                wrong.__cause__ = error
                return wrong
        return error
