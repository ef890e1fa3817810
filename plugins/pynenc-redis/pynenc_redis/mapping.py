"""Values to what the server keeps, and back.

MessagePack, for the server's scripts read it too. They cannot keep a hole in a list: None travels as False.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgpack  # type: ignore[import-untyped]

from pynenc.invocation.record import HistoryEntry, InvocationRecord, Outcome, Wait
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus

_STATUSES = {status.value: status for status in InvocationStatus}
# The library has no types of its own.
_Packer: Callable[..., Any] = getattr(msgpack, "Packer")  # noqa: B009 - the checkers know it as something else
_unpackb: Callable[..., Any] = getattr(msgpack, "unpackb")  # noqa: B009 - the same

_SEPARATOR = "\0"


class _Packers(threading.local):
    """One for each thread: to make one takes five times as long as to use it."""

    def __init__(self) -> None:
        # The server's reader knows the older form only, which has no type of its own for bytes.
        self.pack: Callable[[object], bytes] = _Packer(use_bin_type=False, unicode_errors="surrogatepass").pack


_packers = _Packers()


def pack(value: object) -> bytes:
    """A value as MessagePack."""
    return _packers.pack(value)


def unpack(data: bytes) -> Any:
    """What ``pack`` packed."""
    return _unpackb(data, use_list=False, raw=False, unicode_errors="surrogatepass")


def unpack_raw(data: bytes) -> Any:
    """What the server packed: texts as bytes, for some of them are none."""
    return _unpackb(data, use_list=False, raw=True)


def holes(values: Sequence[Any]) -> list[Any]:
    """Values as they travel."""
    return [False if value is None else value for value in values]


def _or_none(value: Any) -> Any:
    return None if value is False else value


def packed_record(record: InvocationRecord) -> bytes:
    """An invocation as the server keeps it."""
    values = holes(record)
    values[17] = record.status.value
    return pack(values)


def record_of(data: bytes) -> InvocationRecord:
    """An invocation, from what the server keeps."""
    (
        invocation_id, task_id, args_id, parent_id, workflow_id, workflow_type, parent_workflow_id, queue, lane,
        priority, not_before, registration_key, running_key, drop_when_blocked, registered_by, reply_to, registered_at,
        status, owner, attempt, retries, recoveries, changed_at, claimed_at, cancel_requested,
    ) = unpack(data)  # fmt: skip
    return InvocationRecord(
        invocation_id, task_id, args_id, parent_id or None, workflow_id, workflow_type, parent_workflow_id or None,
        queue, lane, priority, _or_none(not_before), registration_key or None, running_key or None, drop_when_blocked,
        registered_by, reply_to or None, registered_at, _STATUSES[status], owner or None, attempt, retries, recoveries,
        changed_at, _or_none(claimed_at), cancel_requested,
    )  # fmt: skip


def history_entry_of(invocation_id: str, data: bytes) -> HistoryEntry:
    """A recorded status."""
    sequence, status, actor, owner, attempt, timestamp = unpack(data)
    owner = actor if owner is True else owner
    return HistoryEntry(sequence, invocation_id, _STATUSES[status], actor or None, owner or None, attempt, timestamp)


def facts_of(left: bytes, old: InvocationRecord, new: InvocationRecord) -> tuple[object, ...]:
    """What the server needs to know of a change of what was left so (lua/steps.lua); not for running scopes."""
    return (
        left, old.task_id, old.args_id, old.queue, old.reply_to or False, old.registration_key or False,
        old.status.value, old.owner or False, new.status.value, new.owner or False, new.attempt, new.changed_at,
    )  # fmt: skip


def packed_outcome(outcome: Outcome) -> bytes:
    """How an attempt ended; its invocation and attempt are where it is kept."""
    return pack(outcome[2:])


def outcome_of(invocation_id: str, attempt: int, data: bytes) -> Outcome:
    """How an attempt ended."""
    return Outcome(invocation_id, attempt, *unpack(data))


def member_of_awaited(wait: Wait) -> str:
    """An edge as its awaited end keeps it: the waiter and its address."""
    return f"{wait.waiter_id or ''}{_SEPARATOR}{wait.address or ''}"


def member_of_waiter(wait: Wait) -> str:
    """An edge as its waiter keeps it: the awaited, and the waiter's address."""
    return f"{wait.awaited_id}{_SEPARATOR}{wait.address or ''}"


def wait_to(awaited_id: str, member: str) -> Wait:
    """An edge, from its awaited end."""
    waiter_id, _, address = member.partition(_SEPARATOR)
    return Wait(waiter_id or None, awaited_id, address or None)


def wait_from(waiter_id: str, member: str) -> Wait:
    """An edge, from its waiter."""
    awaited_id, _, address = member.partition(_SEPARATOR)
    return Wait(waiter_id, awaited_id, address or None)


def packed_runner(runner: RunnerRecord) -> bytes:
    """A runner, without its last beat, which is kept apart."""
    return pack(runner)


def runner_of(data: bytes, last_beat: float, stopped_at: float | None) -> RunnerRecord:
    """A runner."""
    return RunnerRecord._make(unpack(data))._replace(last_beat=last_beat, stopped_at=stopped_at)
