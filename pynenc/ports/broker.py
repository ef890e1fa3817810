"""The queue: a hint where work is. The ledger is the truth (design law 2)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from pynenc.invocation.record import QueueEntry


class Broker(ABC):
    """Queues of invocation ids, by queue name and lane."""

    #: ``promote`` has an effect; otherwise what is waited for is looked for in the wait graph before the queue.
    reorders: bool = True
    #: ``expect`` has an effect: a process with free slots is told of what arrives by the queue itself.
    tells: bool = False

    @abstractmethod
    def push(self, entries: Sequence[QueueEntry]) -> None:
        """Put invocations into their queues.

        Ordering: behind those of the same priority and as many dependents.
        Idempotence: an id may be pushed twice; delivering it twice is allowed, losing it is not.
        """

    @abstractmethod
    def pop(self, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        """Take up to ``limit`` entries out of the given (queue, lane) places; no places: out of all.

        Effect: a place whose queue is ``ANY_QUEUE`` stands for every queue of its lane.

        Atomicity: two callers never get the same entry. A broker that needs acknowledgement gives it when
        the unit ends in which it was popped, so that a crash before the claim does not lose the entry.
        Ordering: highest priority first, then most dependents, then oldest; as far as the product can.
        """

    def give_back(self, entries: Sequence[QueueEntry]) -> None:
        """Put back what was popped in this unit and is not wanted after all; to its old place, if the product can."""
        self.push(entries)

    @abstractmethod
    def promote(self, entries: Sequence[QueueEntry]) -> None:
        """Raise the priority and add to the dependents of entries that are queued; ignore the others.

        Effect: ``priority`` becomes the higher one, ``dependents`` is added. A product that cannot
        reorder ignores it: what is waited for is also found through the wait graph.
        """

    @abstractmethod
    def remove(self, invocation_ids: Sequence[str]) -> None:
        """Take entries out wherever they are; a product that cannot leaves them, and they are skipped when popped."""

    @abstractmethod
    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        """Which of these are certainly in no queue.

        A product that cannot look returns all of them, but for those it has reason to believe queued: what it returns
        is queued once more, each time it is asked.
        """

    @abstractmethod
    def sizes(self) -> Mapping[tuple[str, str], int]:
        """How many entries wait in each (queue, lane); approximate where the product only estimates."""

    @abstractmethod
    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        """The next entries of a queue, left where they are."""

    def expect(self, places: Sequence[tuple[str, str]], on_work: Callable[[], None]) -> bool:  # noqa: ARG002 - a contract
        """Have a process with a free slot told, on any thread, when something arrives in one of these places.

        Effect: until it pops again; ``on_work`` replaces the one before. True: something has arrived already, and
        nobody need look. A product that cannot tell does nothing, as here, for the wake-ups of the orchestrator tell
        of work too.
        Ordering: to be called before the last look.
        """
        return False

    @abstractmethod
    def purge(self, queue: str | None = None) -> None:
        """Empty one queue, or all of this application."""
