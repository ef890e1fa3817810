"""The names of occurrences of statuses: no two have the same, and who meets one again gives it the one it has."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pynenc.invocation.record import HistoryEntry
from pynenc.invocation.status import REPEATABLE, InvocationStatus
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.trigger import Occurrence


class Reached(NamedTuple):
    """An attempt reached a status."""

    invocation_id: str
    attempt: int
    status: InvocationStatus


def keys_of(ledger: Orchestrator, reached: Sequence[Reached]) -> list[str]:
    """The keys of what was just written to the ledger, in the order in which it was; for the unit of that write.

    A status that an attempt may reach several times is numbered by its place in the history, from the second on.
    """
    repeated = list({each.invocation_id for each in reached if each.status in REPEATABLE})
    counts = times(ledger.history(repeated)) if repeated else Counter[Reached]()
    keys: list[str] = []
    for each in reversed(reached):
        name = f"{each.invocation_id}#{each.attempt}#{each.status.value}"
        number = counts[each]
        keys.append(f"{name}#{number}" if number > 1 else name)
        counts[each] -= 1
    return keys[::-1]


def times(history: Iterable[HistoryEntry]) -> "Counter[Reached]":
    """How often each attempt reached each status."""
    return Counter(Reached(each.invocation_id, each.attempt, each.status) for each in history)


def number_of(occurrence: Occurrence) -> int:
    """Which time it is that the attempt reached the status: so often the history must have it."""
    name = f"{occurrence.invocation_id}#{occurrence.attempt}#{occurrence.status}#"
    return int(occurrence.key.removeprefix(name)) if occurrence.key.startswith(name) else 1
