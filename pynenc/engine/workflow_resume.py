"""Going on with a workflow that failed: a new invocation on the same record."""

from collections.abc import Sequence

from pynenc.engine.engine import Engine
from pynenc.engine.waiting import read_all
from pynenc.exceptions import InvocationNotFoundError
from pynenc.identifiers import new_id
from pynenc.invocation.record import InvocationRecord, Lane, NewInvocation
from pynenc.invocation.status import InvocationStatus
from pynenc.workflow.log_entry import Continuation, LogEntry, OperationKind
from pynenc.workflow.workflow_exceptions import WorkflowError

#: Entries read at once.
PAGE = 500

_RESUMABLE = frozenset({InvocationStatus.FAILED, InvocationStatus.CANCELLED})


def resume(engine: Engine, record: InvocationRecord, again_from: int | None) -> NewInvocation:
    """Register the invocation that goes on, and have it continue the log, in one step.

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
    arguments = engine.state.load_calls([last.invocation_id]).get(last.invocation_id)
    if arguments is None:
        raise InvocationNotFoundError(last.invocation_id, "its arguments were purged, so it cannot be run again")
    forget = _to_forget(engine, record.workflow_id, again_from)
    new = _again(engine, last, arguments)
    uses = {arguments: engine.payloads.references_of(arguments)}
    with engine.backend.unit():
        if any(each.generation > generation for each in engine.state.continuations([record.workflow_id])):
            raise _resumed_already(record)
        if not engine.state.continue_log(Continuation(new.invocation_id, record.workflow_id, generation + 1), forget):
            raise _resumed_already(record)
        engine.steps.submit([new], uses, wake=False)
    engine.wakeups.wake_workers(1, coroutines=new.lane == Lane.EVENT_LOOP)
    return new


def _resumed_already(record: InvocationRecord) -> WorkflowError:
    return WorkflowError(
        f"Workflow {record.workflow_id} was resumed by somebody else at this moment. "
        f"'pynenc workflows show {record.workflow_id}' says by which invocation."
    )


def _last_run(engine: Engine, record: InvocationRecord) -> tuple[InvocationRecord, int]:
    """The newest invocation on the log, and how often it was resumed."""
    continued = engine.state.continued_by(record.invocation_id)
    log_id = continued.log_id if continued is not None else record.invocation_id
    if log_id != record.workflow_id:
        raise WorkflowError(
            f"invocation:{record.invocation_id} of {record.task_id} did not start a workflow, it belongs to workflow "
            f"{record.workflow_id}. Resume that one; what failed in it is run again."
        )
    line = engine.state.continuations([log_id])
    runs = engine.ledger.read([log_id, *(each.invocation_id for each in line)])
    if log_id not in runs:
        raise InvocationNotFoundError(log_id, "the start of the workflow was purged, and its record with it")
    # Where log and ledger are in two products, the last may have a place in the log, and no more.
    known = [each for each in line if each.invocation_id in runs]
    return (runs[known[-1].invocation_id] if known else runs[log_id]), (line[-1].generation if line else 0)


def _to_forget(engine: Engine, log_id: str, again_from: int | None) -> list[int]:
    entries = _entries(engine, log_id)
    cancelled = [entry.position for entry in entries if entry.kind == OperationKind.CANCEL]
    starts = cancelled if again_from is None else [*cancelled, again_from]
    forget = {entry.position for entry in entries if starts and entry.position >= min(starts)}
    children = {
        str(entry.value): entry.position
        for entry in entries
        if entry.kind == OperationKind.TASK and not entry.dealt_with and again_from is None
    }
    for record in read_all(engine, list(children)).values():
        if record.status.is_final() and record.status is not InvocationStatus.SUCCESS:
            forget.add(children[record.invocation_id])
    last = max((entry for entry in entries if entry.position not in forget), default=None)
    if again_from is None and last is not None and last.kind == OperationKind.EVENT and last.failed:
        # The time-out ended it: it waits again.
        forget |= {last.position - 1, last.position} if not last.dealt_with else set()
    return sorted(forget)


def _entries(engine: Engine, log_id: str) -> list[LogEntry]:
    entries: list[LogEntry] = []
    page: Sequence[LogEntry] = engine.state.read_log(log_id, 0, PAGE)
    while page:
        entries += page
        page = engine.state.read_log(log_id, page[-1].position, PAGE) if len(page) == PAGE else ()
    return entries


def _again(engine: Engine, last: InvocationRecord, arguments: str) -> NewInvocation:
    return NewInvocation(
        new_id(),
        last.task_id,
        last.args_id,
        arguments,
        # The link to what it takes over from.
        last.invocation_id,
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
