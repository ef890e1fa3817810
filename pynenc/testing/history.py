"""What every recorded life must look like, whatever happened to the invocation."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pynenc.app import Pynenc
from pynenc.exceptions import InvocationStatusTransitionError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import check_history

#: Invocations read in one page: a test of ten thousand must not hold all their histories at once.
PAGE: Final = 500
#: Broken histories that an error shows; the first few say what is wrong.
SHOWN: Final = 5


def check_all_histories(app: Pynenc, *, unfinished: bool = False) -> int:
    """Check the history of every invocation in the store of an app; how many there are.

    Each must be a walk through the status table from its start, at strictly growing times, that ends at the status
    the ledger has now; with an owner exactly where a status has one, and attempts that never go back. And it must
    be over, with its only final status last, unless ``unfinished`` ones are allowed.

    Raises:
        AssertionError: histories are broken; it says which, and how.
    """
    ledger = app.assembled.backend.orchestrator
    broken: list[str] = []
    count = 0
    after: str | None = None
    while page := ledger.find(InvocationQuery(newest_first=False, limit=PAGE, after=after)):
        entries: defaultdict[str, list[HistoryEntry]] = defaultdict(list)
        for entry in ledger.history([record.invocation_id for record in page]):
            entries[entry.invocation_id].append(entry)
        for record in page:
            history = entries[record.invocation_id]
            broken += [f"{_shown(record, history)}: {wrong}" for wrong in _wrong(record, history, unfinished)]
        count += len(page)
        after = page[-1].invocation_id
    if broken:
        more = f"\n... and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        raise AssertionError(f"{len(broken)} of {count} histories are broken:\n" + "\n".join(broken[:SHOWN]) + more)
    return count


def _wrong(record: InvocationRecord, history: Sequence[HistoryEntry], unfinished: bool) -> list[str]:
    if not history:
        return ["there is none"]
    found: list[str] = []
    try:
        check_history(entry.status for entry in history)
    except InvocationStatusTransitionError as error:
        found.append(str(error))
    if history[-1].status is not record.status:
        found.append(f"the ledger says {record.status}")
    for before, entry in pairwise(history):
        if entry.timestamp <= before.timestamp:
            found.append(f"{entry.status} is not later than {before.status}")
        if entry.sequence <= before.sequence:
            found.append(f"{entry.status} does not come behind {before.status} in the changes of the store")
        if entry.attempt < before.attempt:
            found.append(f"{entry.status} is of attempt {entry.attempt}, after attempt {before.attempt}")
    found += [
        f"{entry.status} is owned by {entry.owner}"
        for entry in history
        if entry.status.is_owned() is not bool(entry.owner)
    ]
    if not unfinished and not history[-1].status.is_final():
        found.append("it has not ended")
    return found


def _shown(record: InvocationRecord, history: Sequence[HistoryEntry]) -> str:
    walk = " -> ".join(entry.status.name for entry in history)
    return f"invocation:{record.invocation_id} task:{record.task_id} {walk}"
