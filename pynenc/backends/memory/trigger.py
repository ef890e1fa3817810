"""Trigger definitions, occurrences, firings and waits for events in memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pynenc.backends.memory.storage import MemoryUnit
from pynenc.ports.trigger import (
    Evaluation,
    EventWaiter,
    EventWaiters,
    Firing,
    Firings,
    NewOccurrence,
    Occurrence,
    OccurrenceLog,
    StoredDefinition,
    Trigger,
    TriggerDefinitions,
    WaitingToken,
)


class _Tables:
    def __init__(self, version: int = 0, position: int = 0, turn: int = 0) -> None:
        self.version = version
        self.position = position
        self.turn = turn
        self.definitions: dict[str, StoredDefinition] = {}
        self.marks: dict[str, float] = {}
        self.log: dict[str, Occurrence] = {}
        #: The same by source, where order follows from the order of recording.
        self.by_source: defaultdict[str, dict[str, Occurrence]] = defaultdict(dict)
        #: Keys, in the order of the log: a dictionary is an ordered set.
        self.pending: dict[str, None] = {}
        self.tokens: dict[str, WaitingToken] = {}
        self.firings: dict[str, Firing] = {}
        self.unsettled: dict[str, None] = {}
        self.waiters: dict[str, EventWaiter] = {}
        #: Their invocations, by what they wait for: a dictionary is an ordered set.
        self.waiting_for: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.unchecked: dict[str, None] = {}
        self.woken: dict[str, None] = {}

    def forget_occurrence(self, key: str) -> None:
        """Take it out of the log."""
        gone = self.log.pop(key, None)
        self.pending.pop(key, None)
        if gone is not None:
            of_source = self.by_source[gone.source]
            del of_source[key]
            if not of_source:
                del self.by_source[gone.source]

    def put_waiter(self, waiter: EventWaiter) -> None:
        """In the place of the one that its invocation had."""
        self.drop_waiter(waiter.invocation_id)
        self.waiters[waiter.invocation_id] = waiter
        if waiter.woken_for is not None:
            self.woken[waiter.invocation_id] = None
            return
        self.waiting_for[waiter.source][waiter.invocation_id] = None
        if waiter.unchecked:
            self.unchecked[waiter.invocation_id] = None

    def drop_waiter(self, invocation_id: str) -> None:
        """It waits no longer."""
        waiter = self.waiters.pop(invocation_id, None)
        if waiter is None:
            return
        self.woken.pop(invocation_id, None)
        self.unchecked.pop(invocation_id, None)
        others = self.waiting_for[waiter.source]
        others.pop(invocation_id, None)
        if not others:
            del self.waiting_for[waiter.source]


class _Part:
    def __init__(self, unit: MemoryUnit) -> None:
        self._lock = unit.lock
        self._tables = _Tables()


class _Definitions(_Part, TriggerDefinitions):
    def version(self) -> int:
        return self._tables.version

    def definitions(self) -> list[StoredDefinition]:
        with self._lock:
            kept = self._tables.definitions
            return [kept[each] for each in sorted(kept)]

    def change_definitions(self, add: Sequence[StoredDefinition], remove: Sequence[str]) -> bool:
        with self._lock:
            tables = self._tables
            known = tables.definitions
            new = [
                known.get(each.definition_id, each)._replace(text=each.text)
                for each in add
                if each.definition_id not in known or known[each.definition_id].text != each.text
            ]
            gone = [each for each in remove if each in tables.definitions]
            tables.definitions.update((each.definition_id, each) for each in new)
            for definition_id in gone:
                del tables.definitions[definition_id]
                for schedule in [name for name in tables.marks if name.startswith(f"{definition_id}/")]:
                    del tables.marks[schedule]
                for key in [key for key, token in tables.tokens.items() if token.definition_id == definition_id]:
                    del tables.tokens[key]
            changed = bool(new or gone)
            tables.version += changed
            return changed

    def marks(self) -> dict[str, float]:
        with self._lock:
            return dict(self._tables.marks)

    def advance_mark(self, schedule: str, expected: float | None, to: float) -> bool:
        with self._lock:
            if self._tables.marks.get(schedule) != expected:
                return False
            self._tables.marks[schedule] = to
            return True


class _Log(_Part, OccurrenceLog):
    def record(self, new: Sequence[NewOccurrence]) -> int:
        with self._lock:
            tables = self._tables
            before = tables.position
            for each in new:
                if each.key not in tables.log:
                    tables.position += 1
                    tables.log[each.key] = tables.by_source[each.source][each.key] = Occurrence(tables.position, *each)
                    tables.pending[each.key] = None
            return tables.position - before

    def pending(self, limit: int) -> list[Occurrence]:
        with self._lock:
            tables = self._tables
            return [tables.log[key] for key, _ in zip(tables.pending, range(limit), strict=False)]

    def read(self, keys: Sequence[str]) -> dict[str, Occurrence]:
        with self._lock:
            return {key: self._tables.log[key] for key in keys if key in self._tables.log}

    def after(self, position: int, limit: int, source: str | None = None) -> list[Occurrence]:
        found: list[Occurrence] = []
        with self._lock:
            log = self._tables.log if source is None else self._tables.by_source.get(source, {})
            for each in reversed(log.values()):
                if each.position <= position:
                    break
                found.append(each)
        return found[::-1][:limit]

    def before(self, source: str, since: float) -> int:
        with self._lock:
            of_source = self._tables.by_source.get(source, {}).values()
            first = min((each.position for each in of_source if each.at >= since), default=None)
            return self._tables.position if first is None else first - 1

    def withdraw(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._tables.forget_occurrence(key)

    def forget(self, before: float) -> int:
        with self._lock:
            tables = self._tables
            kept = {tables.waiters[each].woken_for for each in tables.woken} | tables.pending.keys()
            old = [key for key, each in tables.log.items() if each.at < before and key not in kept]
            for key in old:
                tables.forget_occurrence(key)
            tokens = [key for key, token in tables.tokens.items() if token.at < before]
            for key in tokens:
                del tables.tokens[key]
            tables.turn += bool(tokens)
            for key in [k for k, each in tables.firings.items() if each.at < before and k not in tables.unsettled]:
                del tables.firings[key]
            return len(old)


class _Firings(_Part, Firings):
    def turn(self) -> int:
        return self._tables.turn

    def complete(self, turn: int, evaluation: Evaluation) -> bool:
        with self._lock:
            tables = self._tables
            if tables.turn != turn:
                return False
            tables.turn += 1
            for key in evaluation.handled:
                tables.pending.pop(key, None)
            for key in evaluation.consumed:
                tables.tokens.pop(key, None)
            tables.tokens.update((token.key, token) for token in evaluation.waiting)
            for firing in evaluation.firings:
                if tables.firings.setdefault(firing.firing_id, firing) is firing and firing.call is not None:
                    tables.unsettled[firing.firing_id] = None
            for looked in evaluation.looked:
                waiter = tables.waiters.get(looked.invocation_id)
                if waiter is not None and waiter.woken_for is None and (waiter.wait, waiter.after) == looked[1:3]:
                    tables.put_waiter(waiter._replace(unchecked=False, woken_for=looked.woken_for))
            return True

    def waiting(self, definition_ids: Sequence[str]) -> list[WaitingToken]:
        with self._lock:
            return [token for token in self._tables.tokens.values() if token.definition_id in definition_ids]

    def unsettled(self, limit: int) -> list[Firing]:
        with self._lock:
            tables = self._tables
            return [tables.firings[key] for key, _ in zip(tables.unsettled, range(limit), strict=False)]

    def settle(self, invocations: Mapping[str, str]) -> None:
        with self._lock:
            tables = self._tables
            for firing_id, invocation_id in invocations.items():
                if firing_id in tables.firings:
                    firing = tables.firings[firing_id]
                    tables.firings[firing_id] = firing._replace(invocation_id=invocation_id, call=None)
                tables.unsettled.pop(firing_id, None)

    def firings(self, limit: int, definition_id: str | None = None) -> list[Firing]:
        with self._lock:
            wanted = [f for f in self._tables.firings.values() if definition_id in (None, f.definition_id)]
        return wanted[::-1][:limit]


class _Waiters(_Part, EventWaiters):
    def add_waiters(self, waiters: Sequence[EventWaiter]) -> None:
        with self._lock:
            for waiter in waiters:
                self._tables.put_waiter(waiter)

    def waiters(self, sources: Sequence[str]) -> list[EventWaiter]:
        with self._lock:
            tables = self._tables
            found = dict(tables.unchecked)
            for source in sources:
                found.update(tables.waiting_for.get(source, {}))
            return [tables.waiters[each] for each in found]

    def woken(self, limit: int, after: str = "") -> list[EventWaiter]:
        with self._lock:
            ids = sorted(each for each in self._tables.woken if each > after)[:limit]
            return [self._tables.waiters[each] for each in ids]

    def waiter_of(self, invocation_id: str) -> EventWaiter | None:
        with self._lock:
            return self._tables.waiters.get(invocation_id)

    def drop_waiters(self, invocation_ids: Sequence[str]) -> None:
        with self._lock:
            for invocation_id in invocation_ids:
                self._tables.drop_waiter(invocation_id)


class MemTrigger(_Definitions, _Log, _Firings, _Waiters, Trigger):
    """Dictionaries, by key."""

    def purge(self) -> None:
        with self._lock:
            # None goes backwards: others remember the version and the turn they know and the position they have read.
            tables = self._tables
            self._tables = _Tables(tables.version + 1, tables.position, tables.turn + 1)
