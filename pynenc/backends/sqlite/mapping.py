"""Rows to values and back. The columns of a table have the names and the order of the fields of its value."""

import json
from typing import Any

from pynenc.invocation.record import HistoryEntry, InvocationRecord, Outcome, QueueEntry, Wait
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus

#: What sqlite3 gives and takes.
Row = tuple[Any, ...]

RECORD_COLUMNS = ", ".join(InvocationRecord._fields)
OUTCOME_COLUMNS = ", ".join(Outcome._fields)
QUEUE_COLUMNS = ", ".join(QueueEntry._fields)
RUNNER_COLUMNS = ", ".join(RunnerRecord._fields)

#: Calling the enum costs ten times as much.
_STATUSES = {status.value: status for status in InvocationStatus}

_QUEUES = RunnerRecord._fields.index("queues")


def record_of(row: Row) -> InvocationRecord:
    """An invocation, from ``RECORD_COLUMNS``."""
    (
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, not_before, registration_key, running_key, drop_when_blocked, registered_by, reply_to, registered_at,
        status, owner, attempt, retries, recoveries, changed_at, claimed_at, cancel_requested,
    ) = row  # fmt: skip
    return InvocationRecord(
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, not_before, registration_key, running_key, drop_when_blocked != 0, registered_by, reply_to,
        registered_at, _STATUSES[status], owner, attempt, retries, recoveries, changed_at, claimed_at,
        cancel_requested != 0,
    )  # fmt: skip


def history_entry_of(row: Row) -> HistoryEntry:
    """A recorded status, from the fields of ``HistoryEntry``."""
    sequence, invocation_id, status, *rest = row
    return HistoryEntry(sequence, invocation_id, _STATUSES[status], *rest)


def wait_of(row: Row) -> Wait:
    """An edge, from awaited, waiter and address."""
    awaited_id, waiter_id, address = row
    return Wait(waiter_id or None, awaited_id, address or None)


def row_of_wait(wait: Wait) -> Row:
    """Awaited, waiter and address, with '' for none."""
    return wait.awaited_id, wait.waiter_id or "", wait.address or ""


def runner_of(row: Row) -> RunnerRecord:
    """A runner, from ``RUNNER_COLUMNS``."""
    runner = RunnerRecord._make(row)
    return runner._replace(queues=tuple(json.loads(str(runner.queues))))


def row_of_runner(runner: RunnerRecord) -> Row:
    """``RUNNER_COLUMNS``."""
    return (*runner[:_QUEUES], json.dumps(runner.queues), *runner[_QUEUES + 1 :])
