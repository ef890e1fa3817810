"""The engine as invocation handles see it."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from pynenc.arguments import Arguments
from pynenc.engine import waiting
from pynenc.engine.cancelling import cancel_tree
from pynenc.engine.engine import Engine
from pynenc.exceptions import InvocationError, InvocationNotFoundError
from pynenc.identifiers import TaskId
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.serializer.signing import ARGUMENTS
from pynenc.workflow.workflow_identity import WorkflowIdentity


class Handles:
    """Implements ``pynenc.invocation.handle_engine.HandleEngine`` on an engine."""

    def __init__(self, engine_of: Callable[[], Engine], task_of: Callable[[str], Any]) -> None:
        #: Asked each time: a forked child has an engine of its own.
        self._engine_of = engine_of
        self._task_of = task_of
        self.app_id = engine_of().settings.app_id

    @property
    def _engine(self) -> Engine:
        return self._engine_of()

    def record(self, invocation_id: str) -> InvocationRecord:
        """The ledger's record.

        Raises:
            InvocationNotFoundError: there is none.
        """
        record = self._engine.ledger.read([invocation_id]).get(invocation_id)
        if record is None:
            raise InvocationNotFoundError(
                invocation_id,
                f"not in the store of app {self.app_id!r}; it was purged, or belongs to another application",
            )
        return record

    def status(self, invocation_id: str) -> InvocationStatus:
        """The status as of now."""
        return self.record(invocation_id).status

    def arguments(self, invocation_id: str) -> Arguments:
        """The arguments of the call."""
        task_id = self.record(invocation_id).task_id
        text = self._call(invocation_id)
        return Arguments(self._engine.payloads.unpack_arguments(text, task_id, invocation_id))

    def _call(self, invocation_id: str) -> str:
        text = self._engine.state.load_calls([invocation_id]).get(invocation_id)
        if text is None:
            raise InvocationNotFoundError(invocation_id, "its arguments are not in the state backend any more")
        return text

    def task_of(self, invocation_id: str) -> Any:
        """The task that was called."""
        task_id = self.record(invocation_id).task_id
        if self._engine.signer.active:
            # The task's module may be imported, so the call must be one that was made.
            self._engine.signer.open(ARGUMENTS, task_id, self._call(invocation_id), f"invocation:{invocation_id}")
        return self._task_of(task_id)

    def workflow(self, invocation_id: str) -> WorkflowIdentity:
        """The workflow it belongs to."""
        record = self.record(invocation_id)
        return WorkflowIdentity(record.workflow_id, TaskId.from_key(record.workflow_type), record.parent_workflow_id)

    def result(self, invocation_id: str, timeout_seconds: float | None) -> Any:
        """Wait for the result."""
        [record] = waiting.wait(self._engine, [invocation_id], all_of_them=True, timeout_seconds=timeout_seconds)
        return waiting.outcome_of(self._engine, record)

    async def async_result(self, invocation_id: str, timeout_seconds: float | None) -> Any:
        """Wait for the result without blocking the event loop."""
        [record] = await waiting.wait_async(
            self._engine, [invocation_id], all_of_them=True, timeout_seconds=timeout_seconds
        )
        await waiting.tell_with_async(record)
        return waiting.outcome_of(self._engine, record)

    def wait(self, invocation_id: str, timeout_seconds: float | None) -> InvocationStatus:
        """Wait until it is final; the status."""
        [record] = waiting.wait(self._engine, [invocation_id], all_of_them=True, timeout_seconds=timeout_seconds)
        return record.status

    def final_result(self, invocation_id: str) -> Any:
        """The result of a final invocation."""
        record = self.record(invocation_id)
        if not record.status.is_final():
            raise InvocationError(invocation_id, f"Invocation is not final: status {record.status}")
        return waiting.outcome_of(self._engine, record)

    def cancel(self, invocation_id: str) -> InvocationStatus:
        """Cancel it, or ask its owner to; and the same for all that was called in its code, at any depth."""
        self.record(invocation_id)
        return cancel_tree(self._engine, [invocation_id])[invocation_id].status

    # -- groups

    def results(
        self, ids: Sequence[str], *, ordered: bool, return_exceptions: bool, timeout_seconds: float | None
    ) -> Iterator[Any]:
        """Results of several, in the order of their ends or of the calls, one for each place in ``ids``."""
        collected = _Collected(self._engine, ids, ordered=ordered, return_exceptions=return_exceptions)
        deadline = _deadline(timeout_seconds)
        while collected.pending:
            yield from collected.take(
                waiting.wait(
                    self._engine,
                    collected.next_wait(),
                    all_of_them=ordered,
                    timeout_seconds=_left(deadline),
                )
            )

    async def async_results(
        self, ids: Sequence[str], *, ordered: bool, return_exceptions: bool, timeout_seconds: float | None
    ) -> AsyncIterator[Any]:
        """The same for coroutines."""
        collected = _Collected(self._engine, ids, ordered=ordered, return_exceptions=return_exceptions)
        deadline = _deadline(timeout_seconds)
        while collected.pending:
            records = await waiting.wait_async(
                self._engine, collected.next_wait(), all_of_them=ordered, timeout_seconds=_left(deadline)
            )
            for record in records:
                await waiting.tell_with_async(record)
            for value in collected.take(records):
                yield value


class _Collected:
    """What of a group is still to come."""

    def __init__(self, engine: Engine, ids: Sequence[str], *, ordered: bool, return_exceptions: bool) -> None:
        self._engine = engine
        self._ids = list(ids)
        self._ordered = ordered
        self._return_exceptions = return_exceptions
        #: How many calls an invocation stands for: registration concurrency may give several the same one.
        self._places: dict[str, int] = {}
        for invocation_id in ids:
            self._places[invocation_id] = self._places.get(invocation_id, 0) + 1
        self.pending = dict.fromkeys(ids)

    def next_wait(self) -> list[str]:
        """The invocations to wait for: all at once, which also is how they are promoted in the queue."""
        return list(self.pending)

    def take(self, records: Sequence[InvocationRecord]) -> Iterator[Any]:
        """The values of those that ended, one for each place."""
        outcomes = waiting.outcomes_of(self._engine, records)
        by_id = {record.invocation_id: record for record in records}
        if self._ordered:
            self.pending.clear()
            places = self._ids
        else:
            for invocation_id in by_id:
                self.pending.pop(invocation_id, None)
            places = [i for i in by_id for _ in range(self._places[i])]
        for invocation_id in places:
            record = by_id[invocation_id]
            outcome = outcomes.get((record.invocation_id, record.attempt))
            try:
                value = waiting.value_of(self._engine, record, outcome)
            except Exception as error:
                if not self._return_exceptions:
                    raise
                value = error
            yield value


def _deadline(timeout_seconds: float | None) -> float | None:
    return None if timeout_seconds is None else time.monotonic() + timeout_seconds


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())
