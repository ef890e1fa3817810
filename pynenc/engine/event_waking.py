"""Bringing back workflows for the events they wait for; a part of the evaluation of triggers."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pynenc.engine.claim import queue_entry
from pynenc.engine.stored_filters import StoredFilters
from pynenc.engine.trigger_facts import Fact, Facts, proven
from pynenc.invocation.record import InvocationRecord, Lane
from pynenc.ports.backend import repeated
from pynenc.ports.trigger import EventWaiter, Looked, Occurrence

#: Occurrences, or waiters, read at once.
PAGE = 500


class EventWaking:
    """Compares events with what workflows wait for, as far as stored filters go."""

    def __init__(self, engine: Any, facts: Facts) -> None:
        self._engine = engine
        self._backend = engine.backend
        self._facts = facts
        self._filters = StoredFilters(engine.serializer, engine.signer)

    def look(self, facts: Sequence[Fact]) -> list[Looked]:
        """Who is to come back for one of these, or for what is in the log already.

        To be called after they were read: a waiter that registers later sees them in the log.
        """
        events: defaultdict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            if fact.occurrence.source.startswith("event:"):
                events[fact.occurrence.source].append(fact)
        found: list[Looked] = []
        for waiter in self._backend.trigger.waiters(list(events)):
            key = self._first(waiter, events)
            if key is not None or waiter.unchecked:
                found.append(Looked(waiter.invocation_id, waiter.wait, waiter.after, key))
        return found

    def _first(self, waiter: EventWaiter, events: Mapping[str, Sequence[Fact]]) -> str | None:
        facts = self._since(waiter) if waiter.unchecked else iter(events.get(waiter.source, ()))
        for fact in facts:
            occurrence = fact.occurrence
            if occurrence.position <= waiter.after and occurrence.invocation_id is None:
                continue
            if self._filters.may_want(waiter.wanted, waiter.source, fact):
                return occurrence.key
        return None

    def _since(self, waiter: EventWaiter) -> Iterator[Fact]:
        """All that is in the log for it."""
        after = waiter.after
        while True:
            page: list[Occurrence] = self._backend.trigger.after(after, PAGE, waiter.source)
            yield from self._facts.read(proven(self._backend, page))
            if len(page) < PAGE:
                return
            after = page[-1].position

    def bring_back(self, looked: Sequence[Looked]) -> list[InvocationRecord]:
        """Have the woken ones queued. To be called in a unit; then ``tell``.

        Where waiters and ledger are two products, the departure of one may not be committed yet: it stays woken.
        """
        ids = [each.invocation_id for each in looked if each.woken_for is not None]
        back: list[InvocationRecord] = self._backend.orchestrator.hasten(ids) if ids else []
        if back:
            self._backend.broker.push([queue_entry(record) for record in back])
        return back

    @repeated
    def bring_back_later(self, looked: Sequence[Looked]) -> None:
        """The same in a mixture of products, after the evaluation is committed."""
        if not any(each.woken_for is not None for each in looked):
            return
        with self._backend.unit():
            back = self.bring_back(looked)
        self.tell(back)

    def bring_back_missed(self) -> None:
        """In a mixture: those that were woken before their departure was committed, or by somebody who died."""
        after = ""
        while True:
            page: list[EventWaiter] = self._backend.trigger.woken(PAGE, after)
            self.bring_back_later([Looked(w.invocation_id, w.wait, w.after, w.woken_for) for w in page])
            if len(page) < PAGE:
                return
            after = page[-1].invocation_id

    def tell(self, back: Sequence[InvocationRecord]) -> None:
        """There is work."""
        if back:
            coroutines = any(record.lane == Lane.EVENT_LOOP for record in back)
            self._engine.wakeups.wake_workers(len(back), coroutines=coroutines)
