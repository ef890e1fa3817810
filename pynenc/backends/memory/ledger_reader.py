"""Listings of the memory ledger."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice

from pynenc.backends.memory.sorted_keys import SortedKeys
from pynenc.backends.memory.storage import Group, LedgerPart
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.ports.orchestrator import LedgerReader

#: Where a dimension of ``count_by`` stands in the key of ``LedgerTables.by_group``.
_PLACE_IN_GROUP = {"status": 0, "task_id": 1, "queue": 2}


class MemLedgerReader(LedgerPart, LedgerReader):
    """Pages, counts and changes."""

    def find(self, query: InvocationQuery) -> list[InvocationRecord]:
        with self._lock:
            found = (record for record in self._candidates(query) if query.matches(record))
            return list(islice(found, query.limit))

    def count_by(self, dimensions: Sequence[str], query: InvocationQuery) -> dict[tuple[str, ...], int]:
        places = [_PLACE_IN_GROUP[dimension] for dimension in dimensions]
        counts: Counter[tuple[str, ...]] = Counter()
        with self._lock:
            if query.asks_only_for_groups():
                for group, ids in self._groups(query).items():
                    counts[tuple(str(group[place]) for place in places)] += len(ids)
                return dict(counts)
            for record in self._candidates(replace(query, after=None)):
                if query.matches(record):
                    group = record.status, record.task_id, record.queue
                    counts[tuple(str(group[place]) for place in places)] += 1
        return dict(counts)

    def _candidates(self, query: InvocationQuery) -> Iterable[InvocationRecord]:
        """What may match a query, in its order and beyond its cursor: from the index that knows least of others.

        Groups are sorted already, so a page of them costs no more than its length, however large they are; the
        members of the other indexes are few.
        """
        tables = self._tables
        groups = self._groups(query).values()
        few = min(self._usable_indexes(query), key=len, default=None)
        if few is not None and len(few) <= sum(map(len, groups)):
            ids: Iterable[str] = _in_order(query, few)
        elif query.newest_first:
            ids = merge(*(group.descending(query.after) for group in groups), reverse=True)
        else:
            ids = merge(*(group.ascending(query.after) for group in groups))
        return map(tables.records.__getitem__, ids)

    def _groups(self, query: InvocationQuery) -> dict[Group, SortedKeys[str]]:
        return {group: ids for group, ids in self._tables.by_group.items() if query.matches_group(*group)}

    def _usable_indexes(self, query: InvocationQuery) -> list[set[str]]:
        tables = self._tables
        usable: list[set[str]] = []
        if query.owner:
            usable.append(tables.by_owner.get(query.owner, set()))
        if query.parent_id:
            usable.append(tables.by_parent.get(query.parent_id, set()))
        if query.workflow_id:
            root = {query.workflow_id} & tables.records.keys()
            usable.append(root | tables.by_workflow.get(query.workflow_id, set()))
        return usable

    def history(self, invocation_ids: Sequence[str]) -> list[HistoryEntry]:
        with self._lock:
            histories = self._tables.history
            entries = [entry for each in dict.fromkeys(invocation_ids) for entry in histories.get(each, ())]
        return sorted(entries)

    def changes(self, after: int, limit: int) -> list[HistoryEntry]:
        with self._lock:
            tables = self._tables
            return [tables.changes[sequence] for sequence in islice(tables.sequences.ascending(after), limit)]

    def last_change(self) -> int:
        with self._lock:
            return next(self._tables.sequences.descending(), 0)


def _in_order(query: InvocationQuery, ids: Iterable[str]) -> list[str]:
    """Ids beyond the cursor, in the order asked for."""
    after = query.after
    if query.newest_first:
        return sorted((each for each in ids if after is None or each < after), reverse=True)
    return sorted(each for each in ids if after is None or each > after)
