"""Where trigger definitions, what happened, and what it led to are kept.

What happened is an *occurrence*: a status that a definition watches, an event, a time of a schedule. They stand in one
log, each under a key that it alone has; so recording one twice does nothing. An occurrence is *pending* until an
evaluation has dealt with it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class NewOccurrence(NamedTuple):
    """Something happened. Times are in seconds since the epoch (UTC)."""

    #: Its name: the id of an event; ``cron:schedule:time``; or ``invocation#attempt#status``, followed from the second
    #: time that the attempt reached the status on by ``#2`` and so on, as the history counts.
    key: str
    #: ``task:key:status``, ``event:code``, ``cron:schedule``.
    source: str
    at: float
    #: The serialized payload of an event; empty otherwise.
    data: str = ""
    #: The attempt of an invocation that it belongs to: it counts only if that reached the status.
    invocation_id: str | None = None
    attempt: int | None = None
    status: str | None = None


class Occurrence(NamedTuple):
    """An occurrence in the log."""

    #: Grows along the log: the cursor of those who follow it.
    position: int
    key: str
    source: str
    at: float
    data: str
    invocation_id: str | None
    attempt: int | None
    status: str | None


class StoredDefinition(NamedTuple):
    """A trigger as it is stored."""

    definition_id: str
    task_id: str
    #: See ``pynenc.trigger.definition``.
    text: str
    registered_at: float


class WaitingToken(NamedTuple):
    """An occurrence that waits, in an AND, for those of other parts."""

    key: str
    definition_id: str
    #: The part it waits at (``pynenc.trigger.matching``).
    place: str
    text: str
    #: When the first of its occurrences happened: it goes when that is too old to be kept.
    at: float


class Firing(NamedTuple):
    """What occurrences led to."""

    firing_id: str
    definition_id: str
    task_id: str
    at: float
    #: JSON: pairs of a condition, for people, and the key of the occurrence that satisfied it.
    causes: str
    #: The triggered invocation; None while the firing is unsettled, and if there was an error.
    invocation_id: str | None
    #: Why there is no invocation.
    error: str | None
    #: The call to be submitted (JSON), while the firing is unsettled.
    call: str | None


class EventWaiter(NamedTuple):
    """A workflow that left its worker, and comes back with an event."""

    invocation_id: str
    #: Which of its waits: the position in its record.
    wait: int
    #: ``event:code``.
    source: str
    #: The stored form of its filter, as JSON text; None: only its code can tell, so it is to look at each event.
    wanted: str | None
    #: It has looked at the log up to this position.
    after: int
    #: The log has more already, and perhaps no evaluation is to come that compares it.
    unchecked: bool = False
    #: The key of the event that it comes back for.
    woken_for: str | None = None


class Looked(NamedTuple):
    """What an evaluation found for a waiter, which is named by its first three fields."""

    invocation_id: str
    wait: int
    after: int
    #: The key of the first event that it may want; None: there is none so far.
    woken_for: str | None


class Evaluation(NamedTuple):
    """What an evaluation came to."""

    #: Keys of occurrences that are dealt with.
    handled: Sequence[str] = ()
    #: Keys of tokens that wait no longer.
    consumed: Sequence[str] = ()
    waiting: Sequence[WaitingToken] = ()
    firings: Sequence[Firing] = ()
    looked: Sequence[Looked] = ()


class TriggerDefinitions(ABC):
    """Which triggers there are, and how far their schedules are dealt with."""

    @abstractmethod
    def version(self) -> int:
        """A number that changes whenever the definitions do.

        Asked for at nearly every step: it must cost next to nothing. A product for which it is a round trip may answer
        from memory for up to a second.
        """

    @abstractmethod
    def definitions(self) -> list[StoredDefinition]:
        """All definitions, in the order of their ids."""

    @abstractmethod
    def change_definitions(self, add: Sequence[StoredDefinition], remove: Sequence[str]) -> bool:
        """Add and remove definitions; whether that changed anything.

        Effect: of one that is there already with another text, the text alone is replaced. With a definition that is
        removed go its schedules' marks and its tokens.
        """

    @abstractmethod
    def marks(self) -> dict[str, float]:
        """For each schedule (``definition/leaf``) the newest time that is dealt with."""

    @abstractmethod
    def advance_mark(self, schedule: str, expected: float | None, to: float) -> bool:
        """Compare-and-set of a mark; None: there is none. True for one of several callers."""


class OccurrenceLog(ABC):
    """What happened."""

    @abstractmethod
    def record(self, new: Sequence[NewOccurrence]) -> int:
        """Add to the log, pending; how many were new.

        Idempotence: a key that is in the log is passed over. Ordering: as given, behind all others.
        """

    @abstractmethod
    def pending(self, limit: int) -> list[Occurrence]:
        """The oldest that no evaluation has dealt with."""

    @abstractmethod
    def read(self, keys: Sequence[str]) -> dict[str, Occurrence]:
        """Those of these keys that are in the log."""

    @abstractmethod
    def after(self, position: int, limit: int, source: str | None = None) -> list[Occurrence]:
        """What was recorded after a position, in order, pending or not; of one source, or of all."""

    @abstractmethod
    def before(self, source: str, since: float) -> int:
        """The position before the first occurrence of a source at or after a time.

        Effect: if there is none, the newest position of all.
        """

    @abstractmethod
    def withdraw(self, keys: Sequence[str]) -> None:
        """Take out what turned out not to have happened; it may be recorded again."""

    @abstractmethod
    def forget(self, before: float) -> int:
        """Drop occurrences, tokens and settled firings from before a time; how many of the kind with most.

        Effect: pending ones stay, and those that somebody was woken for. A product may drop a portion at a time, to be
        called until nothing is left.
        Ordering: tokens go before the occurrences they are made of. No position is used again.
        """


class Firings(ABC):
    """What came of it."""

    @abstractmethod
    def turn(self) -> int:
        """A number that each completed evaluation raises. To be read before what the evaluation is about.

        Dropping tokens because they are old, and ``purge``, raise it, too: while it stays as it is, so does what waits.
        """

    @abstractmethod
    def complete(self, turn: int, evaluation: Evaluation) -> bool:
        """Write what an evaluation came to, if none was completed since ``turn``; whether it was written.

        Atomicity: comparing and writing are one step, so that evaluations come one after the other whoever makes them.
        Effect: a waiter is checked then, or woken; one that meanwhile waits for something else, has looked further, or
        was woken, stays as it is.
        Idempotence: a firing that is there already stays as it is.
        """

    @abstractmethod
    def waiting(self, definition_ids: Sequence[str]) -> list[WaitingToken]:
        """The tokens in the lines of these definitions, oldest first."""

    @abstractmethod
    def unsettled(self, limit: int) -> list[Firing]:
        """Firings whose call was not submitted yet, as far as is known."""

    @abstractmethod
    def settle(self, invocations: Mapping[str, str]) -> None:
        """These firings led to these invocations."""

    @abstractmethod
    def firings(self, limit: int, definition_id: str | None = None) -> list[Firing]:
        """The newest firings, newest first; of one definition, or of all."""


class EventWaiters(ABC):
    """Workflows that wait for an event. At most one wait for an invocation."""

    @abstractmethod
    def add_waiters(self, waiters: Sequence[EventWaiter]) -> None:
        """Register waiters, each in the place of the one that its invocation had."""

    @abstractmethod
    def waiters(self, sources: Sequence[str]) -> list[EventWaiter]:
        """Those that wait for these sources, and the unchecked ones of all; without those that are woken."""

    @abstractmethod
    def woken(self, limit: int, after: str = "") -> list[EventWaiter]:
        """Those that are woken and have not taken their event. Ordering: by invocation, beyond ``after``."""

    @abstractmethod
    def waiter_of(self, invocation_id: str) -> EventWaiter | None:
        """What an invocation waits for, or was woken for."""

    @abstractmethod
    def drop_waiters(self, invocation_ids: Sequence[str]) -> None:
        """These wait no longer."""


class Trigger(TriggerDefinitions, OccurrenceLog, Firings, EventWaiters):
    """The component called trigger: the four contracts on one product."""

    @abstractmethod
    def purge(self) -> None:
        """Remove everything of this application."""
