"""Going on with a workflow that failed: a new invocation on the same record."""

from collections.abc import Sequence
from typing import NamedTuple

from pynenc.engine.departures import BEGINNING, log_of
from pynenc.engine.engine import Engine
from pynenc.engine.waiting import read_all
from pynenc.exceptions import InvocationNotFoundError
from pynenc.identifiers import new_id
from pynenc.invocation.record import InvocationRecord, Lane, NewInvocation
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import repeated
from pynenc.workflow.log_entry import Continuation, Fence, LogEntry, OperationKind
from pynenc.workflow.workflow_exceptions import WorkflowError

#: Entries read at once.
PAGE = 500

_RESUMABLE = frozenset({InvocationStatus.FAILED, InvocationStatus.CANCELLED})


class Going(NamedTuple):
    """A log that goes on."""

    log_id: str
    #: The run whose place the new one takes.
    last: InvocationRecord
    generation: int
    new: NewInvocation
    forget: Sequence[int]
    #: Calls of sub-tasks whose place another run has taken.
    replaced: Sequence[LogEntry]


@repeated
def resume(engine: Engine, record: InvocationRecord, again_from: int | None) -> NewInvocation:
    """Register the invocation that goes on, and have it continue the log, in one step.

    Sub-tasks that have a record and failed go on with it in the same way; those that somebody has resumed are joined.

    Raises:
        InvocationNotFoundError: arguments or record were purged.
        WorkflowError: there is nothing to go on with, or somebody else does already.
    """
    last, generation = _last_run(engine, record)
    if last.status not in _RESUMABLE:
        raise WorkflowError(
            f"Workflow {record.workflow_id} ({record.workflow_type}) cannot be resumed: "
            f"invocation:{last.invocation_id}, which runs it, is {last.status}. "
            "Only what is failed or cancelled goes on."
        )
    going = _plan(engine, record.workflow_id, last, generation, again_from, parent_id=last.invocation_id)
    new = [each.new for each in going]
    uses = {
        each.arguments: engine.payloads.references_of(each.arguments, each.task_id, each.invocation_id) for each in new
    }
    with engine.backend.unit():
        for each in going:
            if not _go_on(engine, each):
                raise _resumed_already(record)
        engine.steps.submit(new, uses, wake=False)
    for each in going:
        engine.wakeups.wake_workers(1, coroutines=each.new.lane == Lane.EVENT_LOOP)
    return new[0]


def _go_on(engine: Engine, going: Going) -> bool:
    """Have the new run continue the log; False: somebody else does. To be called in a unit."""
    log_id, last, generation, new, forget, replaced = going
    state = engine.state
    if any(each.generation >= generation for each in state.continuations([log_id])):
        return False
    before = [*forget, *(entry.position for entry in replaced)]
    if not state.continue_log(Continuation(new.invocation_id, log_id, generation), before):
        return False
    if not replaced:
        return True
    # In the name of the run that has ended, which is the last that may write.
    opened = state.open_log(last.invocation_id, last.attempt, 1)
    return opened is not None and state.append_log(log_id, Fence(opened.generation, last.attempt), replaced)


def _plan(
    engine: Engine, log_id: str, last: InvocationRecord, generation: int, again_from: int | None, *, parent_id: str
) -> list[Going]:
    """How a log goes on, then those of its sub-tasks that go on, too."""
    arguments = engine.state.load_calls([last.invocation_id]).get(last.invocation_id)
    if arguments is None:
        raise InvocationNotFoundError(last.invocation_id, "its arguments were purged, so it cannot be run again")
    new = _again(engine, last, arguments, parent_id)
    forget, failed = _to_forget(engine, log_id, again_from)
    replaced: list[LogEntry] = []
    below: list[Going] = []
    for entry in failed:
        run, going = _plan_child(engine, str(entry.value), new.invocation_id)
        below += going
        if run is None:
            forget.add(entry.position)
        else:
            replaced.append(entry._replace(value=run))
    return [Going(log_id, last, generation + 1, new, sorted(forget), replaced), *below]


def _plan_child(engine: Engine, child_id: str, parent_id: str) -> tuple[str | None, list[Going]]:
    """Which run takes the place of a failed sub-task, and how it goes on; None: it is to be called anew."""
    log_id = log_of(engine.state, child_id)
    last, generation = _last_of(engine, log_id)
    if last is None or not engine.state.read_log(log_id, BEGINNING, 1):
        return None, []
    if last.status not in _RESUMABLE:
        return last.invocation_id, []
    if not engine.state.load_calls([last.invocation_id]):
        return None, []
    going = _plan(engine, log_id, last, generation, None, parent_id=parent_id)
    return going[0].new.invocation_id, going


def _resumed_already(record: InvocationRecord) -> WorkflowError:
    return WorkflowError(
        f"Workflow {record.workflow_id} was resumed by somebody else at this moment. "
        f"'pynenc workflows show {record.workflow_id}' says by which invocation."
    )


def _last_run(engine: Engine, record: InvocationRecord) -> tuple[InvocationRecord, int]:
    """The newest invocation on the log, and how often it was resumed."""
    log_id = log_of(engine.state, record.invocation_id)
    if log_id != record.workflow_id:
        raise WorkflowError(
            f"invocation:{record.invocation_id} of {record.task_id} did not start a workflow, it belongs to workflow "
            f"{record.workflow_id}. Resume that one; what failed in it is run again."
        )
    last, generation = _last_of(engine, log_id)
    if last is None:
        raise InvocationNotFoundError(log_id, "the start of the workflow was purged, and its record with it")
    return last, generation


def _last_of(engine: Engine, log_id: str) -> tuple[InvocationRecord | None, int]:
    line = engine.state.continuations([log_id])
    runs = engine.ledger.read([log_id, *(each.invocation_id for each in line)])
    # Where log and ledger are in two products, the last may have a place in the log, and no more.
    known = [each for each in line if each.invocation_id in runs] if log_id in runs else []
    return (runs[known[-1].invocation_id] if known else runs.get(log_id)), (line[-1].generation if line else 0)


def _to_forget(engine: Engine, log_id: str, again_from: int | None) -> tuple[set[int], list[LogEntry]]:
    """Positions, and the calls whose failure has ended the run."""
    entries = _entries(engine, log_id)
    cancelled = [entry.position for entry in entries if entry.kind == OperationKind.CANCEL]
    starts = cancelled if again_from is None else [*cancelled, again_from]
    forget = {entry.position for entry in entries if starts and entry.position >= min(starts)}
    children = {
        str(entry.value): entry
        for entry in entries
        if entry.kind == OperationKind.TASK
        and not entry.dealt_with
        and again_from is None
        and entry.position not in forget
    }
    ended = [r for r in read_all(engine, list(children)).values() if r.status.is_final()]
    failed = [children[r.invocation_id] for r in ended if r.status is not InvocationStatus.SUCCESS]
    gone = {entry.position for entry in failed}
    last = max((entry for entry in entries if entry.position not in forget | gone), default=None)
    if again_from is None and last is not None and last.kind == OperationKind.EVENT and last.failed:
        # The time-out ended it: it waits again.
        forget |= {last.position - 1, last.position} if not last.dealt_with else set()
    return forget, failed


def _entries(engine: Engine, log_id: str) -> list[LogEntry]:
    entries: list[LogEntry] = []
    page: Sequence[LogEntry] = engine.state.read_log(log_id, 0, PAGE)
    while page:
        entries += page
        page = engine.state.read_log(log_id, page[-1].position, PAGE) if len(page) == PAGE else ()
    return entries


def _again(engine: Engine, last: InvocationRecord, arguments: str, parent_id: str) -> NewInvocation:
    return NewInvocation(
        new_id(),
        last.task_id,
        last.args_id,
        arguments,
        parent_id,
        last.workflow_id,
        last.workflow_type,
        last.parent_workflow_id,
        last.queue,
        last.lane,
        last.priority,
        None,
        None,
        last.running_key,
        drop_when_blocked=False,
        registered_by=engine.process_id,
        reply_to=engine.wakeups.address(),
    )
