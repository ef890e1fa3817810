"""Listings of the ledger on Redis.

A query walks the index that knows least of others, in its order, and looks at the records a page at a time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice

from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import OWNED, InvocationStatus
from pynenc.ports.orchestrator import LedgerReader
from pynenc_redis.connection import Command
from pynenc_redis.mapping import history_entry_of, record_of
from pynenc_redis.part import RedisPart

#: Ids that are read from an index, and records that are looked at, in one trip.
PAGE = 500

_DIMENSIONS = ("task_id", "queue", "status")


class RedisLedgerReader(RedisPart, LedgerReader):
    """Pages, counts and changes."""

    def find(self, query: InvocationQuery) -> list[InvocationRecord]:
        return list(islice(self._matching(query), query.limit))

    def _matching(self, query: InvocationQuery) -> Iterator[InvocationRecord]:
        for page in _pages(self._candidates(query), _page_size(query)):
            [blobs] = self._ask(("MGET", *(self._keys("i", each) for each in page)))
            yield from (r for blob in blobs if blob is not None and query.matches(r := record_of(blob)))

    def _candidates(self, query: InvocationQuery) -> Iterable[str]:
        """Ids of what may match, in the order of the query and beyond its cursor."""
        if query.owner:
            return self._few(query, [self._keys("own", query.owner)])
        if query.statuses and query.statuses <= OWNED:
            [owners] = self._ask(("SMEMBERS", self._keys("owners")))
            return self._few(query, [self._keys("own", each.decode()) for each in owners])
        if query.workflow_id:
            return self._few(query, [], self._keys("wf", query.workflow_id), query.workflow_id)
        if query.parent_id:
            return self._walk(query, [self._keys("par", query.parent_id)])
        unowned = query.statuses and OWNED.isdisjoint(query.statuses)
        if query.statuses and unowned and InvocationStatus.SUCCESS not in query.statuses:
            return self._walk(query, [self._keys("st", each.value) for each in sorted(query.statuses)])
        if query.task_id:
            return self._walk(query, [self._keys("t", query.task_id)])
        [tasks] = self._ask(("SMEMBERS", self._keys("tasks")))
        return self._walk(query, [self._keys("t", each.decode()) for each in tasks])

    def _few(self, query: InvocationQuery, sets: Sequence[str], ordered: str = "", more: str = "") -> list[str]:
        """The members of small indexes, sorted."""
        commands = [("SMEMBERS", key) for key in sets] + ([("ZRANGE", ordered, 0, -1)] if ordered else [])
        found = {each.decode() for reply in (self._ask(*commands) if commands else []) for each in reply}
        if more:
            found.add(more)
        if query.after is not None:
            found = {each for each in found if (each < query.after if query.newest_first else each > query.after)}
        return sorted(found, reverse=query.newest_first)

    def _walk(self, query: InvocationQuery, keys: Sequence[str]) -> Iterable[str]:
        """The members of sorted indexes, merged."""
        # The first pages in one trip: most are all there is.
        firsts = self._ask(*(self._page_command(query, key, query.after) for key in keys)) if keys else []
        walks = [self._walk_on(query, key, found) for key, found in zip(keys, firsts, strict=True)]
        return walks[0] if len(walks) == 1 else merge(*walks, reverse=query.newest_first)

    def _walk_on(self, query: InvocationQuery, key: str, found: Sequence[bytes]) -> Iterator[str]:
        while True:
            ids = [each.decode() for each in found]
            yield from ids
            if len(ids) < _page_size(query):
                return
            [found] = self._ask(self._page_command(query, key, ids[-1]))

    @staticmethod
    def _page_command(query: InvocationQuery, key: str, after: str | None) -> Command:
        page = _page_size(query)
        if query.newest_first:
            return ("ZRANGE", key, "+" if after is None else f"({after}", "-", "BYLEX", "REV", "LIMIT", 0, page)
        return ("ZRANGE", key, "-" if after is None else f"({after}", "+", "BYLEX", "LIMIT", 0, page)

    def count_by(self, dimensions: Sequence[str], query: InvocationQuery) -> dict[tuple[str, ...], int]:
        unknown = set(dimensions) - set(_DIMENSIONS)
        if unknown:
            raise ValueError(f"Cannot count by {', '.join(sorted(unknown))}: one of {', '.join(_DIMENSIONS)}")
        query = replace(query, after=None)
        counts: Counter[tuple[str, ...]] = Counter()
        if query.asks_only_for_groups():
            for task_id, queue, status, number in self._groups():
                if query.matches_group(status, task_id, queue):
                    group = {"task_id": task_id, "queue": queue, "status": status}
                    counts[tuple(group[each] for each in dimensions)] += number
            return dict(counts)
        for record in self._matching(replace(query, limit=PAGE)):
            group = {"task_id": record.task_id, "queue": record.queue, "status": str(record.status)}
            counts[tuple(group[each] for each in dimensions)] += 1
        return dict(counts)

    def _groups(self) -> list[tuple[str, str, str, int]]:
        """How many for each task, queue and status. One trip, for between two an invocation could move."""
        [reply] = self._ask(self._fcall("groups"))
        return [(task.decode(), queue.decode(), status.decode(), int(number)) for task, queue, status, number in reply]

    def history(self, invocation_ids: Sequence[str]) -> list[HistoryEntry]:
        ids = list(dict.fromkeys(invocation_ids))
        if not ids:
            return []
        replies = self._ask(*(("LRANGE", self._keys("h", each), 0, -1) for each in ids))
        found = (history_entry_of(i, blob) for i, reply in zip(ids, replies, strict=True) for blob in reply)
        return sorted(found)

    def changes(self, after: int, limit: int) -> list[HistoryEntry]:
        while True:
            [entries] = self._ask(("XRANGE", self._keys("changes"), f"({after}-0", "+", "COUNT", limit))
            if not entries:
                return []
            last, ids = _newest(entries[-1]), [each for entry in entries for each in _changed(entry)]
            found = [entry for entry in self.history(ids) if after < entry.sequence <= last]
            if found:
                return found[:limit]
            # Whoever changed in this page has been dropped, and others are behind it.
            after = last

    def last_change(self) -> int:
        [last] = self._ask(("XREVRANGE", self._keys("changes"), "+", "-", "COUNT", 1))
        if not last:
            return 0
        newest = _newest(last[0])
        return max((e.sequence for e in self.history(_changed(last[0])) if e.sequence <= newest), default=newest)


def _newest(entry: tuple[bytes, Sequence[bytes]]) -> int:
    """The last sequence of a step's changes."""
    return int(entry[0].split(b"-")[0])


def _changed(entry: tuple[bytes, Sequence[bytes]]) -> list[str]:
    """Who changed in a step."""
    return entry[1][1].decode().split("\n")


def _page_size(query: InvocationQuery) -> int:
    return min(PAGE, max(query.limit, 1))


def _pages(ids: Iterable[str], length: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while page := list(islice(rest, length)):
        yield page
