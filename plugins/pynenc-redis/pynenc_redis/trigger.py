"""Trigger definitions, occurrences, firings and waits for events on Redis.

Their keys are explained in lua/occurrences.lua.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

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
from pynenc_redis.mapping import holes, pack, unpack
from pynenc_redis.part import RedisPart
from pynenc_redis.session import Session
from pynenc_redis.unit import RedisUnit

#: How long the version of the definitions is believed: it is asked for at nearly every step, and is a trip.
VERSION_SECONDS = 1.0
#: Old occurrences that are dropped in one go: the server does nothing else meanwhile.
FORGET_PORTION = 1_000


class _Believed(NamedTuple):
    """A version of the definitions, and how long it counts."""

    version: int
    until: float
    era: object


class _Definitions(RedisPart, TriggerDefinitions):
    def __init__(self, unit: RedisUnit) -> None:
        super().__init__(unit)
        #: Another one after each change that was made here.
        self._era = object()
        self._believed = _Believed(0, float("-inf"), self._era)

    def version(self) -> int:
        believed = self._believed
        if time.monotonic() >= believed.until or believed.era is not self._era:
            # Before it is read: if another thread changes the definitions meanwhile, this is out of date at once.
            era = self._era
            [stored] = self._ask(("GET", self._keys("trigger.version")))
            self._believed = believed = _Believed(int(stored or 0), time.monotonic() + VERSION_SECONDS, era)
        return believed.version

    def definitions(self) -> list[StoredDefinition]:
        stored = self._unit.run(lambda session: session.hashes.read_all(self._keys("trigger.definitions")))
        return [StoredDefinition(each, *unpack(stored[each])) for each in sorted(stored)]

    def change_definitions(self, add: Sequence[StoredDefinition], remove: Sequence[str]) -> bool:
        changed = self._unit.run(lambda session: self._change(session, add, remove))
        self._era = object()
        return changed

    def _change(self, session: Session, add: Sequence[StoredDefinition], remove: Sequence[str]) -> bool:
        key = self._keys("trigger.definitions")
        known = session.hashes.read_all(key)
        stored = {each: StoredDefinition(each, *unpack(known[each])) for each in known}
        wanted = [stored.get(each.definition_id, each)._replace(text=each.text) for each in add]
        new = {each.definition_id: pack(each[1:]) for each in wanted if stored.get(each.definition_id) != each}
        gone = [each for each in remove if each in known]
        session.hashes.put(key, new)
        session.hashes.drop(key, *gone)
        if gone:
            marks = session.hashes.read_all(self._keys("trigger.marks"))
            old = [name for name in marks if name.rpartition("/")[0] in gone]
            session.hashes.drop(self._keys("trigger.marks"), *old)
            session.call("drop_tokens_of", *gone)
        if new or gone:
            session.write("INCR", self._keys("trigger.version"))
        return bool(new or gone)

    def marks(self) -> dict[str, float]:
        stored = self._unit.run(lambda session: session.hashes.peek_all(self._keys("trigger.marks")))
        return {schedule: float(mark) for schedule, mark in stored.items()}

    def advance_mark(self, schedule: str, expected: float | None, to: float) -> bool:
        return self._unit.run(lambda session: self._advance(session, schedule, expected, to))

    def _advance(self, session: Session, schedule: str, expected: float | None, to: float) -> bool:
        key = self._keys("trigger.marks")
        [mark] = session.hashes.read(key, [schedule])
        if (None if mark is None else float(mark)) != expected:
            return False
        session.hashes.put(key, {schedule: repr(to).encode()})
        return True


class _Log(RedisPart, OccurrenceLog):
    def record(self, new: Sequence[NewOccurrence]) -> int:
        return self._unit.run(lambda session: self._record(session, _first_of_each_key(new)))

    def _record(self, session: Session, new: Sequence[NewOccurrence]) -> int:
        names = [self._keys("occurrence", each.key) for each in new]
        known = session.strings.read(names)
        fresh = [each for each, stored in zip(new, known, strict=True) if stored is None]
        if fresh:
            session.call("record", pack([(each.key, each.source, pack(each[1:])) for each in fresh]))
            # So that a second time in this unit finds it; its position is given at the end.
            session.strings.note({self._keys("occurrence", each.key): b"" for each in fresh})
        return len(fresh)

    def pending(self, limit: int) -> list[Occurrence]:
        [found] = self._ask(("ZRANGE", self._keys("occurrences.pending"), 0, limit - 1, "WITHSCORES"))
        return self._occurrences(found)

    def after(self, position: int, limit: int, source: str | None = None) -> list[Occurrence]:
        key = self._keys("occurrences") if source is None else self._keys("occurrences.of", source)
        beyond = ("ZRANGE", key, f"({position}", "+inf", "BYSCORE", "LIMIT", 0, limit, "WITHSCORES")
        [found] = self._ask(beyond)
        return self._occurrences(found)

    def before(self, source: str, since: float) -> int:
        [position] = self._ask(self._fcall("before", source, repr(since)))
        return int(position)

    def read(self, keys: Sequence[str]) -> dict[str, Occurrence]:
        distinct = list(dict.fromkeys(keys))
        if not distinct:
            return {}
        [scores] = self._ask(("ZMSCORE", self._keys("occurrences"), *distinct))
        found = [
            part for key, score in zip(distinct, scores, strict=True) if score is not None for part in (key, score)
        ]
        return {each.key: each for each in self._occurrences(found)}

    def _occurrences(self, found: Sequence[bytes | str]) -> list[Occurrence]:
        """From keys and positions in turn."""
        keys = [key.decode() if isinstance(key, bytes) else key for key in found[::2]]
        if not keys:
            return []
        [stored] = self._ask(("MGET", *(self._keys("occurrence", key) for key in keys)))
        places = zip(keys, found[1::2], stored, strict=True)
        return [Occurrence(int(float(position)), key, *unpack(data)) for key, position, data in places if data]

    def withdraw(self, keys: Sequence[str]) -> None:
        if keys:
            self._unit.run(lambda session: session.call("withdraw", *keys))

    def forget(self, before: float) -> int:
        [forgotten] = self._ask(self._fcall("forget", repr(before), FORGET_PORTION))
        return int(forgotten)


def _first_of_each_key(new: Sequence[NewOccurrence]) -> list[NewOccurrence]:
    return list({each.key: each for each in reversed(new)}.values())[::-1]


class _Firings(RedisPart, Firings):
    def turn(self) -> int:
        [stored] = self._ask(("GET", self._keys("trigger.turn")))
        return int(stored or 0)

    def complete(self, turn: int, evaluation: Evaluation) -> bool:
        return self._unit.run(lambda session: self._complete(session, turn, evaluation))

    def _complete(self, session: Session, turn: int, evaluation: Evaluation) -> bool:
        key = self._keys("trigger.turn")
        [present] = session.strings.read([key])
        if int(present or 0) != turn:
            return False
        session.strings.put(key, str(turn + 1).encode())
        firings = [
            (each.firing_id, each.definition_id, each.call is not None, pack(each[1:])) for each in evaluation.firings
        ]
        waiting = [(each.key, each.definition_id, pack(each[1:])) for each in evaluation.waiting]
        looked = [(each.invocation_id, each.wait, each.after, each.woken_for or False) for each in evaluation.looked]
        session.call("complete", pack((evaluation.handled, evaluation.consumed, waiting, firings, looked)))
        return True

    def waiting(self, definition_ids: Sequence[str]) -> list[WaitingToken]:
        if not definition_ids:
            return []
        [found] = self._ask(self._fcall("tokens_of", *definition_ids))
        return [WaitingToken(key.decode(), *unpack(data)) for key, data in found]

    def unsettled(self, limit: int) -> list[Firing]:
        [found] = self._ask(("ZRANGE", self._keys("firings.unsettled"), 0, limit - 1))
        return self._firings(found)

    def settle(self, invocations: Mapping[str, str]) -> None:
        if invocations:
            self._unit.run(lambda session: self._settle(session, invocations))

    def _settle(self, session: Session, invocations: Mapping[str, str]) -> None:
        # What this unit itself has added is not to be read: the server puts the two together.
        session.call("settle", *(part for item in invocations.items() for part in item))

    def firings(self, limit: int, definition_id: str | None = None) -> list[Firing]:
        key = self._keys("firings") if definition_id is None else self._keys("firings.of", definition_id)
        [found] = self._ask(("ZRANGE", key, 0, limit - 1, "REV"))
        return self._firings(found)

    def _firings(self, ids: Sequence[bytes]) -> list[Firing]:
        if not ids:
            return []
        names = [each.decode() for each in ids]
        replies = self._ask(*(("HMGET", self._keys("firing", name), "said", "invocation") for name in names))
        found: list[Firing] = []
        for name, (said, invocation) in zip(names, replies, strict=True):
            if said is not None:
                firing = Firing(name, *unpack(said))
                settled = firing._replace(invocation_id=invocation.decode(), call=None) if invocation else firing
                found.append(settled)
        return found


class _Waiters(RedisPart, EventWaiters):
    def add_waiters(self, waiters: Sequence[EventWaiter]) -> None:
        if waiters:
            packed = pack([(each.invocation_id, *holes(each[1:])) for each in waiters])
            self._unit.run(lambda session: session.call("add_waiters", packed))

    def waiters(self, sources: Sequence[str]) -> list[EventWaiter]:
        names = [self._keys("waiters.unchecked"), *(self._keys("waiters.for", each) for each in sources)]
        replies = self._ask(*(("SMEMBERS", name) for name in names))
        return self._waiters(list(dict.fromkeys(each.decode() for reply in replies for each in reply)))

    def woken(self, limit: int, after: str = "") -> list[EventWaiter]:
        beyond = f"({after}" if after else "-"
        [found] = self._ask(("ZRANGE", self._keys("waiters.woken"), beyond, "+", "BYLEX", "LIMIT", 0, limit))
        return self._waiters([each.decode() for each in found])

    def waiter_of(self, invocation_id: str) -> EventWaiter | None:
        return next(iter(self._waiters([invocation_id])), None)

    def _waiters(self, ids: Sequence[str]) -> list[EventWaiter]:
        if not ids:
            return []
        [stored] = self._ask(("MGET", *(self._keys("waiter", each) for each in ids)))
        return [
            EventWaiter(each, wait, source, wanted or None, after, unchecked, woken_for or None)
            for each, data in zip(ids, stored, strict=True)
            if data is not None
            for wait, source, wanted, after, unchecked, woken_for in [unpack(data)]
        ]

    def drop_waiters(self, invocation_ids: Sequence[str]) -> None:
        if invocation_ids:
            self._unit.run(lambda session: session.call("drop_waiters", *invocation_ids))


class RedisTrigger(_Definitions, _Log, _Firings, _Waiters, Trigger):
    """The log of occurrences, and what came of it."""

    def purge(self) -> None:
        # Versions, turns and positions do not go backwards: others remember what they know and how far they read.
        self._ask(
            ("INCR", self._keys("trigger.version")),
            ("INCR", self._keys("trigger.turn")),
            ("DEL", self._keys("trigger.definitions")),
        )
        self._era = object()
        self._forget(
            ["trigger.marks", "trigger.definitions", "occurrence", "token", "firing", "waiter"],
        )
