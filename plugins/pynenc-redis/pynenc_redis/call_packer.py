"""New calls as they travel: packed as ``mapping.py`` packs records, without packing again what many share."""

from collections.abc import Sequence
from typing import NamedTuple

from pynenc.invocation.record import InvocationRecord, NewInvocation
from pynenc.invocation.status import InvocationStatus
from pynenc_redis.mapping import holes, pack

#: Of so many kinds of calls it is known what they share; then all are forgotten.
KINDS = 1_000

_REGISTERED = InvocationStatus.REGISTERED.value

#: What stands before the values of a record.
_RECORD_HEAD = pack([0] * len(InvocationRecord._fields))[:3]
#: Status, owner, attempt, retries, recoveries: those of every new record, between two times.
_LIFE = b"".join(map(pack, (_REGISTERED, False, 0, 0, 0)))
#: When it was claimed, and whether it is to be cancelled: the end of every new record.
_END = b"".join(map(pack, (False, False)))


class _Shared(NamedTuple):
    """What calls of one kind share."""

    task: bytes
    #: The values of a record from the type of the workflow to where the answer goes.
    middle: bytes
    #: An entry of a history between its sequence and its time.
    entry: bytes


class PackedCalls(NamedTuple):
    """Calls of one kind."""

    records: Sequence[bytes]
    #: What follows the sequence in the entry of each one's history.
    entry: bytes


class CallPacker:
    """Packs calls that differ by their identity and arguments only."""

    def __init__(self) -> None:
        self._shared: dict[tuple[object, ...], _Shared] = {}

    def pack(self, new: Sequence[NewInvocation], now: float) -> PackedCalls:
        """Calls that are registered now; ``record_of_new`` says what their records are."""
        first = new[0]
        kind = (first.task_id, *first[6:])
        shared = self._shared.get(kind)
        if shared is None:
            if len(self._shared) >= KINDS:
                self._shared.clear()
            shared = self._shared[kind] = _shared(first)
        time = pack(now)
        rest = b"".join((shared.middle, time, _LIFE, time, _END))
        parent = pack(first.parent_id or False)
        workflow = None if first.workflow_id == first.invocation_id else pack(first.workflow_id)
        records: list[bytes] = []
        for each in new:
            packed_id = pack(each.invocation_id)
            parts = (_RECORD_HEAD, packed_id, shared.task, pack(each.args_id), parent, workflow or packed_id, rest)
            records.append(b"".join(parts))
        return PackedCalls(records, shared.entry + time)


def _shared(call: NewInvocation) -> _Shared:
    entry = (_REGISTERED, call.registered_by, False, 0)
    return _Shared(pack(call.task_id), b"".join(map(pack, holes(call[6:]))), b"".join(map(pack, entry)))


def record_of_new(new: NewInvocation, now: float) -> InvocationRecord:
    """The record of a call that is registered now."""
    # It has the fields of the call in their order, without the arguments (at 3).
    of_ledger = (now, InvocationStatus.REGISTERED, None, 0, 0, 0, now, None, False)
    return InvocationRecord._make((*new[:3], *new[4:], *of_ledger))
