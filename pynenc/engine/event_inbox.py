"""The events that one invocation may still be given, and how it leaves its worker until there are more.

An event is given to an invocation at most once, and to each that wants it. What was emitted before the workflow began
is none of its; everything later is, also if it came while the code did something else.
"""

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from pynenc.engine.context import Running
from pynenc.engine.emit import payload_of
from pynenc.engine.event_wanted import Wanted
from pynenc.engine.execution import Departed
from pynenc.engine.trigger_facts import proven
from pynenc.ports.trigger import EventWaiter, Occurrence
from pynenc.serializer.signing import EVENT_FILTER
from pynenc.trigger.codec import Codec
from pynenc.trigger.conditions.base import event_source
from pynenc.workflow.event import Event

#: Events read at once.
PAGE = 200
#: A workflow that waits looks again by itself after this long. Nothing depends on it, unless a store lost a waiter.
LOOK_AGAIN_SECONDS = 86_400.0


class Found(NamedTuple):
    """What was found in the log."""

    event: Event | None
    #: Everything up to here was looked at.
    looked_to: int
    #: Everything up to here is decided; what lies between may turn out not to have happened.
    decided_to: int


class Inbox(Protocol):
    """Events as one invocation sees them."""

    codec: Codec

    def start(self, log_id: str, event_code: str) -> int:
        """The position after which its events begin."""
        ...

    def came_back(self, wait: int, start: int) -> int:
        """The position after which a wait goes on that began at ``start``."""
        ...

    def look(self, event_code: str, after: int, until: float | None, wanted: Wanted, taken: Collection[int]) -> Found:
        """The first wanted event, emitted until a time, that is not taken."""
        ...

    def departure(self, wait: int, event_code: str, wanted: Wanted, after: int, until: float | None) -> Departed | None:
        """How it leaves its worker; None: nobody waits here."""
        ...


class StoredInbox:
    """In the log of the trigger component."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._engine = running.engine
        self._trigger = running.engine.backend.trigger
        self.codec: Codec = running.engine.serializer

    def start(self, log_id: str, event_code: str) -> int:
        """By the clock: the number of the newest event is not asked for when a call is registered."""
        record = self._running.record
        if log_id != record.invocation_id:
            # It resumes another, whose events it may be given.
            record = self._engine.ledger.read([log_id]).get(log_id, record)
        position: int = self._trigger.before(event_source(event_code), record.registered_at)
        return position

    def came_back(self, wait: int, start: int) -> int:
        waiter: EventWaiter | None = self._trigger.waiter_of(self._running.record.invocation_id)
        if waiter is None or waiter.wait != wait:
            return start
        if waiter.woken_for is not None:
            # The ones before it were compared by those who evaluate.
            [woken_for] = self._trigger.read([waiter.woken_for]).values() or [None]
            return start if woken_for is None else woken_for.position - 1
        # In a mixture of products it may have passed over one that had not been proven yet.
        return waiter.after if self._engine.backend.capabilities.one_product else start

    def look(self, event_code: str, after: int, until: float | None, wanted: Wanted, taken: Collection[int]) -> Found:
        undecided: int | None = None
        source = event_source(event_code)
        while True:
            page: list[Occurrence] = self._trigger.after(after, PAGE, source)
            happened = {each.position for each in proven(self._engine.backend, page)}
            for each in page:
                if each.position not in happened:
                    undecided = each.position - 1 if undecided is None else undecided
                elif each.position not in taken and (until is None or each.at <= until):
                    event = self._event(each, event_code)
                    if event is not None and wanted.accepts(event.payload):
                        return Found(event, each.position, each.position if undecided is None else undecided)
            after = page[-1].position if page else after
            if len(page) < PAGE:
                return Found(None, after, after if undecided is None else undecided)

    def _event(self, occurrence: Occurrence, event_code: str) -> Event | None:
        try:
            payload: Any = payload_of(self._engine, occurrence)
        except Exception as error:  # noqa: BLE001 - design law 10: a stored value that cannot be read here
            self._engine.events.warning(
                f"Event {occurrence.key} ({event_code}) is passed over by invocation:"
                f"{self._running.record.invocation_id}, which cannot read its payload: {type(error).__name__}: {error}."
            )
            return None
        return Event(occurrence.position, occurrence.key, event_code, payload, occurrence.at)

    def departure(self, wait: int, event_code: str, wanted: Wanted, after: int, until: float | None) -> Departed:
        again = self._engine.clock.now() + LOOK_AGAIN_SECONDS
        source, text = event_source(event_code), wanted.text
        if text is not None:
            text = self._engine.signer.seal(EVENT_FILTER, source, text)
        waiter = EventWaiter(self._running.record.invocation_id, wait, source, text, after)
        return Departed(again if until is None else min(until, again), waiter=waiter)


class SyncInbox:
    """In this process: what was emitted in sync mode since the call began."""

    def __init__(self, codec: Codec, emitted: Collection[Event]) -> None:
        self.codec = codec
        self._emitted = emitted
        self._start = max((each.position for each in emitted), default=0)

    def start(self, log_id: str, event_code: str) -> int:  # noqa: ARG002 - the protocol
        return self._start

    def came_back(self, wait: int, start: int) -> int:  # noqa: ARG002 - the protocol
        return start

    def look(self, event_code: str, after: int, until: float | None, wanted: Wanted, taken: Collection[int]) -> Found:
        for each in list(self._emitted):
            if each.event_code != event_code or each.position <= after or each.position in taken:
                continue
            if (until is None or each.at <= until) and wanted.accepts(each.payload):
                return Found(each, each.position, each.position)
        return Found(None, after, after)

    def departure(self, wait: int, event_code: str, wanted: Wanted, after: int, until: float | None) -> None:
        """Nobody comes while a call runs in the thread that makes it."""
