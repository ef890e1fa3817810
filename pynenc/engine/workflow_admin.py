"""Workflows as one may ask for them: which there are, what they recorded, and going on with one that failed."""

import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, NamedTuple

from pynenc.engine.cancelling import levels_below
from pynenc.engine.departures import log_of
from pynenc.engine.engine import Engine
from pynenc.engine.event_waits import event_of
from pynenc.engine.handles import Handles
from pynenc.engine.operation_arguments import require_text
from pynenc.engine.waiting import read_all
from pynenc.engine.workflow_resume import resume
from pynenc.exceptions import InvocationNotFoundError
from pynenc.identifiers import TaskId
from pynenc.invocation.dist_invocation import DistributedInvocation
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import repeated
from pynenc.serializer.signing import WORKFLOW_FAILURE, WORKFLOW_VALUE
from pynenc.workflow.log_entry import LogEntry, OperationKind

#: Most invocations that a tree shows.
TREE_LIMIT = 10_000


class WorkflowSummary(NamedTuple):
    """A workflow: the call that started it, and where it stands."""

    workflow_id: str
    workflow_type: str
    parent_workflow_id: str | None
    #: The invocation that runs it now, or ran it last: another one than the first if it was resumed.
    invocation_id: str
    status: InvocationStatus
    registered_at: float
    changed_at: float
    times_resumed: int


class Operation(NamedTuple):
    """One recorded operation."""

    position: int
    kind: str
    name: str
    #: The recorded value; for a sub-task the id of its invocation, for what failed its exception, for ``event`` the
    #: ``Event``, for ``sleep`` and ``wait_event`` until when (seconds since the epoch; None: for ever).
    value: Any
    failed: bool
    attempt: int
    recorded_at: datetime


class Unreadable:
    """In place of a recorded value that cannot be read here: its class is not known to this process, say."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"<cannot be read here: {type(self.error).__name__}: {self.error}>"


class Workflows:
    """``app.workflows``."""

    def __init__(self, engine: Engine, handles: Handles) -> None:
        self._engine = engine
        self._handles = handles

    # -- which there are

    def list(
        self,
        workflow_type: TaskId | str | None = None,
        statuses: Iterable[InvocationStatus] | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
    ) -> list[WorkflowSummary]:
        """Workflows, newest first; ``after`` is the last workflow id of the page before.

        Every call that no invocation made starts a workflow, and so does each call of a task with
        ``force_new_workflow``. Those that were resumed count with the status of their last run.
        """
        key = workflow_type.key if isinstance(workflow_type, TaskId) else workflow_type
        wanted = frozenset(statuses) if statuses else None
        if wanted is None:
            query = InvocationQuery(task_id=key, roots_only=True, limit=limit, after=after)
            return [*self._summaries(self._engine.ledger.find(query))]
        resumed = {each.log_id for each in self._engine.state.continuations()}
        found = self._unresumed(key, wanted, limit, after, resumed)
        older = [each for each in resumed if after is None or each < after]
        runs = [
            record
            for record in read_all(self._engine, older).values()
            if record.workflow_id == record.invocation_id and key in (None, record.task_id)
        ]
        summaries = [*self._summaries(found), *(each for each in self._summaries(runs) if each.status in wanted)]
        return sorted(summaries, key=lambda each: each.workflow_id, reverse=True)[:limit]

    def _unresumed(
        self, key: str | None, wanted: frozenset[InvocationStatus], limit: int, after: str | None, resumed: set[str]
    ) -> Sequence[InvocationRecord]:
        """The first workflows of these statuses that only one invocation has run."""
        found: builtins.list[InvocationRecord] = []
        while len(found) < limit:
            query = InvocationQuery(task_id=key, statuses=wanted, roots_only=True, limit=limit, after=after)
            page = self._engine.ledger.find(query)
            found += [record for record in page if record.invocation_id not in resumed]
            if len(page) < limit:
                break
            after = page[-1].invocation_id
        return found

    def get(self, workflow_id: str) -> WorkflowSummary:
        """One workflow.

        Raises:
            InvocationNotFoundError: there is none with this id.
        """
        root = self._engine.ledger.read([workflow_id]).get(workflow_id)
        if root is None or root.workflow_id != workflow_id:
            raise InvocationNotFoundError(
                workflow_id,
                "no workflow has this id; a workflow has the id of the invocation that started it"
                + (f", and this one belongs to workflow {root.workflow_id}" if root is not None else ""),
            )
        return self._summaries([root])[0]

    def _summaries(self, roots: Sequence[InvocationRecord]) -> Sequence[WorkflowSummary]:
        continuations = self._engine.state.continuations([root.invocation_id for root in roots]) if roots else []
        line = {each.log_id: each for each in continuations}
        runs = self._engine.ledger.read([each.invocation_id for each in line.values()]) if line else {}
        summaries: list[WorkflowSummary] = []
        for root in roots:
            last = line.get(root.invocation_id)
            run = runs.get(last.invocation_id, root) if last is not None else root
            summaries.append(
                WorkflowSummary(
                    root.workflow_id,
                    root.workflow_type,
                    root.parent_workflow_id,
                    run.invocation_id,
                    run.status,
                    root.registered_at,
                    run.changed_at,
                    last.generation if last is not None else 0,
                )
            )
        return summaries

    def tree(self, workflow_id: str, limit: int = TREE_LIMIT) -> Sequence[InvocationRecord]:
        """The invocation that started it, then all that were called below it, level by level."""
        root = self._handles.record(workflow_id)
        # No level is read that would be cut off.
        below = chain.from_iterable(levels_below(self._engine, [workflow_id]))
        return [*islice(chain([root], below), limit)]

    # -- what they recorded and keep

    def history(self, invocation_id: str, after: int = 0, limit: int = 1000) -> Sequence[Operation]:
        """What an invocation has recorded, in the order of its code: one page, beyond a position.

        A value that cannot be read here is an ``Unreadable``.
        """
        entries = self._engine.state.read_log(log_of(self._engine.state, invocation_id), after, limit)
        workflow_id = self._handles.record(invocation_id).workflow_id if entries else ""
        return [self._operation(entry, workflow_id) for entry in entries]

    def _unpack(self, text: str, workflow_id: str) -> Any:
        return self._engine.payloads.unpack(text, WORKFLOW_VALUE, workflow_id)

    def _operation(self, entry: LogEntry, workflow_id: str) -> Operation:
        try:
            value = self._value(entry, workflow_id)
        except Exception as error:  # noqa: BLE001 - user code and stored bytes: the other operations can be read
            value = Unreadable(error)
        at = datetime.fromtimestamp(entry.recorded_at, UTC)
        return Operation(entry.position, entry.kind, entry.name, value, entry.failed, entry.attempt, at)

    def _value(self, entry: LogEntry, workflow_id: str) -> Any:
        value: Any = entry.value
        if value is None:
            return None
        if entry.failed:
            return self._engine.decode_exception(value, WORKFLOW_FAILURE, workflow_id)
        match entry.kind:
            case OperationKind.WAIT_EVENT:
                return json.loads(value)[0]
            case OperationKind.SLEEP:
                return float(value)
            case OperationKind.EVENT:
                return event_of(entry.name, self._unpack(value, workflow_id))
            case OperationKind.STEP | OperationKind.SET_DATA | OperationKind.GET_DATA:
                return self._unpack(value, workflow_id)
            case _:
                return value

    def data(self, workflow_id: str) -> Mapping[str, Any]:
        """The values that the tasks of a workflow have stored with ``set_data``."""
        return self.find_data(workflow_id)

    def data_as_far_as_readable(self, workflow_id: str) -> Mapping[str, Any]:
        """The same, for people: an ``Unreadable`` in place of each value that cannot be read here."""
        values: dict[str, Any] = {}
        for key, text in self._engine.state.get_workflow_data(workflow_id).items():
            try:
                values[key] = self._unpack(text, workflow_id)
            except Exception as error:  # noqa: BLE001 - user code and stored bytes
                values[key] = Unreadable(error)
        return values

    def find_data(self, workflow_id: str, keys: Sequence[str] | None = None) -> Mapping[str, Any]:
        """Those of these values that there are; without keys all."""
        stored = self._engine.state.get_workflow_data(workflow_id, keys)
        return {key: self._unpack(text, workflow_id) for key, text in stored.items()}

    def get_data(self, workflow_id: str, key: str, default: Any = None) -> Any:
        """One of these values."""
        require_text("The key of get_data()", key)
        return self.find_data(workflow_id, [key]).get(key, default)

    @repeated
    def set_data(self, workflow_id: str, key: str, value: Any) -> None:
        """Store one from outside of the workflow; its tasks see it at their next ``get_data``."""
        require_text("The key of set_data()", key)
        text, uses = self._engine.payloads.pack(value, WORKFLOW_VALUE, workflow_id)
        with self._engine.backend.unit():
            self._engine.state.set_workflow_data(workflow_id, {key: text})
            if uses:
                self._engine.payloads.keep([(each, workflow_id) for each in uses])

    def now(self) -> datetime:
        """The time (UTC) by the clock of the application."""
        return datetime.fromtimestamp(self._engine.clock.now(), UTC)

    # -- steering

    def resume(self, workflow_id: str, *, again_from: int | None = None) -> DistributedInvocation[Any]:
        """Run a workflow that failed, or was cancelled, again from where it failed; what it did before is kept.

        A new invocation goes on with the record of the old one, whose status stays what it is. Sub-tasks whose failure
        ended the run are run again; failures that the code has dealt with stay as they were. ``again_from`` forgets
        everything from that position on instead.

        Raises:
            InvocationNotFoundError: there is no such invocation, or its record was purged.
            WorkflowError: it is not the start of a workflow, has not failed, or somebody resumes it right now.
        """
        resumed = resume(self._engine, self._handles.record(workflow_id), again_from)
        return DistributedInvocation(self._handles, resumed.invocation_id, resumed.task_id)
