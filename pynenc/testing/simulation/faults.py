"""What goes wrong in a simulation: processes that die at a commit, answers that get lost, queues that forget."""

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.record import QueueEntry
from pynenc.ports.backend import Unit
from pynenc.ports.broker import Broker
from pynenc.ports.wakeups import Wakeups


class Died(BaseException):
    """The process of a played runner dies here."""


@dataclass(slots=True, kw_only=True)
class Odds:
    """How likely each fault is, at each occasion; all zero: calm."""

    death: float = 0.0
    #: The store refuses a step, or the answer to it is lost.
    refusal: float = 0.0
    lost_entry: float = 0.0
    repeated_entry: float = 0.0

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.death = self.refusal = self.lost_entry = self.repeated_entry = 0.0


class FaultyUnit:
    """The unit of one product: its commit may not come, or be the last thing its process did, or go unanswered."""

    def __init__(self, unit: Unit, chance: random.Random, odds: Odds) -> None:
        self._unit = unit
        self._chance = chance
        self._odds = odds

    def __call__(self) -> AbstractContextManager[None]:
        """Open it."""
        return self._faulty()

    @contextmanager
    def _faulty(self) -> Generator[None]:
        with self._unit():
            yield
            self._fail("before its commit")
        self._fail("after its commit")

    def _fail(self, where: str) -> None:
        dice = self._chance.random()
        if dice < self._odds.death:
            raise Died(where)
        if dice < self._odds.death + self._odds.refusal:
            raise StoreUnavailableError(f"The store failed {where}, as the simulation wants it. Go on.")


class FaultyBroker(Broker):
    """A queue that is the hint it is allowed to be: it loses entries, and delivers some again."""

    def __init__(self, broker: Broker, chance: random.Random, odds: Odds) -> None:
        self._broker = broker
        self._chance = chance
        self._odds = odds

    def push(self, entries: Sequence[QueueEntry]) -> None:
        self._broker.push([entry for entry in entries if self._chance.random() >= self._odds.lost_entry])

    def pop(self, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        entries = self._broker.pop(places, limit)
        self._broker.push([entry for entry in entries if self._chance.random() < self._odds.repeated_entry])
        return entries

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        self._broker.promote(entries)

    def remove(self, invocation_ids: Sequence[str]) -> None:
        self._broker.remove(invocation_ids)

    def missing(self, invocation_ids: Sequence[str]) -> list[str]:
        return self._broker.missing(invocation_ids)

    def sizes(self) -> Mapping[tuple[str, str], int]:
        return self._broker.sizes()

    def peek(self, queue: str, limit: int) -> list[QueueEntry]:
        return self._broker.peek(queue, limit)

    def purge(self, queue: str | None = None) -> None:
        self._broker.purge(queue)


class SilentWakeups(Wakeups):
    """Every wake-up is lost."""

    can_wake = False

    def address(self) -> str | None:
        return None

    def listen(self, on_message: Callable[[Sequence[str]], None], on_work: Callable[[], None]) -> None:
        """Nothing comes."""

    def set_waiting(self, waiting: bool) -> None:  # noqa: FBT001 - the port's signature
        """Nobody looks."""

    def set_idle(self, idle: bool, *, picky: bool = False, coroutines_only: bool = False) -> None:  # noqa: FBT001
        """Nobody looks."""

    def set_standby(self, standby: bool) -> None:  # noqa: FBT001 - the port's signature
        """Nobody looks."""

    def wake_workers(self, count: int, *, coroutines: bool = False) -> int:
        """Nobody hears it."""
        return 0

    def notify(self, messages: Mapping[str, Sequence[str]]) -> None:
        """Nobody hears it."""

    def close(self) -> None:
        """Nothing is open."""
