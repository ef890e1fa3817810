"""What the memory backend keeps of invocations, and the lock around all of it.

A record is a value: the tables hold the present one of each invocation and replace it as a whole, so that
reading hands out what is there and only a write makes something. The indexes are derived from the records in
one place, ``LedgerTables._index``, and follow each replacement.
"""

import threading
from collections import defaultdict
from contextlib import AbstractContextManager
from typing import TypeVar

from pynenc.backends.memory.sorted_keys import SortedKeys
from pynenc.invocation.record import HistoryEntry, InvocationRecord, Wait
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import AVAILABLE, FINAL, UNSTARTED, InvocationStatus

Key = TypeVar("Key")
Member = TypeVar("Member")

#: Status, task and queue: what counts are grouped by.
Group = tuple[InvocationStatus, str, str]


class MemoryUnit:
    """The unit of work of the memory backend: one lock, which a thread may take again while it has it.

    Nobody sees what is written inside until the unit ends. An exception undoes nothing: memory goes with its
    process, so there is no crash after which half a unit could be found.
    """

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __call__(self) -> AbstractContextManager[object]:
        """Wait for the lock and hold it."""
        return self.lock


class LedgerTables:
    """Records, history, edges and runners, with the indexes that answer the port's questions."""

    def __init__(self, last_sequence: int = 0) -> None:
        self.records: dict[str, InvocationRecord] = {}
        self.by_parent: defaultdict[str, set[str]] = defaultdict(set)
        #: Without the one that gave the workflow its id: most workflows have no other member.
        self.by_workflow: defaultdict[str, set[str]] = defaultdict(set)

        # Derived from the present record, see ``_index``.
        #: By status, task and queue, each in the order of registration: together they are all there are.
        self.by_group: defaultdict[Group, SortedKeys[str]] = defaultdict(SortedKeys)
        self.by_owner: defaultdict[str, set[str]] = defaultdict(set)
        #: PAUSED invocations by the digest of their arguments.
        self.paused: defaultdict[str, set[str]] = defaultdict(set)
        self.unstarted: defaultdict[str, set[str]] = defaultdict(set)
        self.in_scope: defaultdict[str, set[str]] = defaultdict(set)
        self.delayed: SortedKeys[tuple[float, str]] = SortedKeys()
        self.finished: SortedKeys[tuple[float, str]] = SortedKeys()
        #: Available, and an invocation waits for it.
        self.wanted: set[str] = set()

        self.last_sequence = last_sequence
        self.changes: dict[int, HistoryEntry] = {}
        self.sequences: SortedKeys[int] = SortedKeys()
        self.history: dict[str, list[HistoryEntry]] = {}

        # Edges, in the order in which they were added: a dictionary is an ordered set.
        self.edges_to: defaultdict[str, dict[Wait, None]] = defaultdict(dict)
        self.edges_from: defaultdict[str, dict[Wait, None]] = defaultdict(dict)

        self.runners: dict[str, RunnerRecord] = {}
        self.duties: dict[str, tuple[str, float]] = {}

    def insert(self, record: InvocationRecord) -> None:
        """Store a new invocation."""
        invocation_id = record.invocation_id
        self.records[invocation_id] = record
        self.history[invocation_id] = []
        if record.workflow_id != invocation_id:
            self.by_workflow[record.workflow_id].add(invocation_id)
        if record.parent_id is not None:
            self.by_parent[record.parent_id].add(invocation_id)
        self._index(record)
        self._log(record, record.registered_by)

    def write(self, record: InvocationRecord, actor: str) -> InvocationRecord:
        """Replace the record of a stored invocation and add to its history: a status was written."""
        self.replace(record)
        self._log(record, actor)
        return record

    def replace(self, record: InvocationRecord) -> None:
        """Replace the record of a stored invocation: something beside its status changed."""
        self._unindex(self.records[record.invocation_id])
        self.records[record.invocation_id] = record
        self._index(record)

    def remove(self, invocation_id: str) -> None:
        """Forget an invocation with its history. Its edges go through ``unlink``."""
        record = self.records.pop(invocation_id)
        self._unindex(record)
        if record.workflow_id != invocation_id:
            discard(self.by_workflow, record.workflow_id, invocation_id)
        if record.parent_id is not None:
            discard(self.by_parent, record.parent_id, invocation_id)
        for entry in self.history.pop(invocation_id):
            self.sequences.discard(entry.sequence)
            del self.changes[entry.sequence]

    def link(self, edge: Wait) -> None:
        """Add an edge."""
        self.edges_to[edge.awaited_id][edge] = None
        if edge.waiter_id is None:
            return
        self.edges_from[edge.waiter_id][edge] = None
        awaited = self.records.get(edge.awaited_id)
        if awaited is not None and awaited.status in AVAILABLE:
            self.wanted.add(edge.awaited_id)

    def unlink(self, edge: Wait) -> None:
        """Remove an edge that is there."""
        edges = self.edges_to[edge.awaited_id]
        del edges[edge]
        if not edges:
            del self.edges_to[edge.awaited_id]
        if edge.waiter_id is None:
            return
        if all(other.waiter_id is None for other in edges):
            self.wanted.discard(edge.awaited_id)
        edges = self.edges_from[edge.waiter_id]
        del edges[edge]
        if not edges:
            del self.edges_from[edge.waiter_id]

    def waiters_of(self, invocation_id: str) -> list[str]:
        """The invocations that wait for this one, in the order in which they came."""
        edges = self.edges_to.get(invocation_id, ())
        return list(dict.fromkeys(edge.waiter_id for edge in edges if edge.waiter_id is not None))

    def _index(self, record: InvocationRecord) -> None:
        invocation_id, status = record.invocation_id, record.status
        self.by_group[status, record.task_id, record.queue].add(invocation_id)
        if record.owner is not None:
            self.by_owner[record.owner].add(invocation_id)
        if record.registration_key is not None and status in UNSTARTED:
            self.unstarted[record.registration_key].add(invocation_id)
        if record.running_key is not None and occupies_scope(record):
            self.in_scope[record.running_key].add(invocation_id)
        if record.not_before is not None and status in AVAILABLE:
            self.delayed.add((record.not_before, invocation_id))
        if status in FINAL:
            self.finished.add((record.changed_at, invocation_id))
        if invocation_id in self.edges_to and status in AVAILABLE and self.waiters_of(invocation_id):
            self.wanted.add(invocation_id)
        if record.status is InvocationStatus.PAUSED:
            self.paused[record.args_id].add(record.invocation_id)

    def _unindex(self, record: InvocationRecord) -> None:
        invocation_id, status = record.invocation_id, record.status
        group = status, record.task_id, record.queue
        self.by_group[group].discard(invocation_id)
        if not self.by_group[group]:
            del self.by_group[group]
        if record.owner is not None:
            discard(self.by_owner, record.owner, invocation_id)
        if record.registration_key is not None and status in UNSTARTED:
            discard(self.unstarted, record.registration_key, invocation_id)
        if record.running_key is not None and occupies_scope(record):
            discard(self.in_scope, record.running_key, invocation_id)
        if record.not_before is not None and status in AVAILABLE:
            self.delayed.discard((record.not_before, invocation_id))
        if status in FINAL:
            self.finished.discard((record.changed_at, invocation_id))
        self.wanted.discard(invocation_id)
        if record.status is InvocationStatus.PAUSED:
            discard(self.paused, record.args_id, record.invocation_id)

    def _log(self, record: InvocationRecord, actor: str) -> None:
        self.last_sequence = sequence = self.last_sequence + 1
        entry = HistoryEntry(
            sequence, record.invocation_id, record.status, actor, record.owner, record.attempt, record.changed_at
        )
        self.changes[sequence] = entry
        self.sequences.add(sequence)
        self.history[record.invocation_id].append(entry)


def occupies_scope(record: InvocationRecord) -> bool:
    """Whether an invocation holds its running scope, or stands in line for it."""
    return record.owner is not None or record.status is InvocationStatus.CONCURRENCY_CONTROLLED


def discard(index: dict[Key, set[Member]], key: Key, member: Member) -> None:
    """Take a member out of an index, and the key with its last member: an index holds nothing of the past."""
    members = index[key]
    members.discard(member)
    if not members:
        del index[key]


class LedgerPart:
    """What the four contracts of the orchestrator share: the lock and the tables."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._lock = unit.lock
        self._tables = LedgerTables()
