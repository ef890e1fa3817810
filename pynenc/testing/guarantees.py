"""What Pynenc promises, checked on what is left when everything is over.

Nothing is lost, nothing is stuck, everything ends once; an attempt is repeated only if it asked for it or its process
died; a running scope admits one at a time. Each function looks at the ledger, or at the ledger and a witness
(``pynenc.testing.witness``), and returns what contradicts a promise, one line each: no lines, no contradiction.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pynenc.engine.engine import Engine
from pynenc.exceptions import InvocationStatusTransitionError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import InvocationStatus, check_history
from pynenc.testing.witness import Note, Stay, overlaps

#: Invocations read at once.
PAGE = 500

_EXECUTING = frozenset({InvocationStatus.RUNNING, InvocationStatus.RESUMED})
#: An attempt that came to one of these ended in good order: a next one is no surprise.
_HANDED_ON = frozenset({InvocationStatus.RETRY, InvocationStatus.KILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the stores of an application say of its invocations."""

    records: Mapping[str, InvocationRecord]
    histories: Mapping[str, Sequence[HistoryEntry]]
    #: Invocations whose published attempt has a result (or an error, if it failed).
    with_outcome: Collection[str]
    #: The process of each runner that was ever on the board and was not forgotten.
    pids: Mapping[str, int]


def gather(engine: Engine) -> Evidence:
    """Read everything."""
    records: dict[str, InvocationRecord] = {}
    histories: defaultdict[str, list[HistoryEntry]] = defaultdict(list)
    with_outcome: set[str] = set()
    for page in _pages(engine):
        records.update({record.invocation_id: record for record in page})
        for entry in engine.ledger.history([record.invocation_id for record in page]):
            histories[entry.invocation_id].append(entry)
        outcomes = engine.state.outcomes([(record.invocation_id, record.attempt) for record in page])
        for record in page:
            outcome = outcomes.get((record.invocation_id, record.attempt))
            succeeded = record.status is InvocationStatus.SUCCESS
            if outcome is not None and (outcome.result if succeeded else outcome.error) is not None:
                with_outcome.add(record.invocation_id)
    pids = {runner.runner_id: runner.pid for runner in engine.ledger.runners()}
    return Evidence(records=records, histories=histories, with_outcome=with_outcome, pids=pids)


def _pages(engine: Engine) -> Iterator[list[InvocationRecord]]:
    after: str | None = None
    while page := engine.ledger.find(InvocationQuery(newest_first=False, limit=PAGE, after=after)):
        yield page
        after = page[-1].invocation_id


def lost(evidence: Evidence, accepted: Iterable[str]) -> list[str]:
    """Calls that were accepted and of which the ledger knows nothing."""
    return [
        f"invocation:{each} was accepted and is not in the ledger" for each in accepted if each not in evidence.records
    ]


def stuck(evidence: Evidence) -> list[str]:
    """Invocations that have not ended."""
    return [
        f"{_name(record)} is {record.status}, owner {record.owner}, attempt {record.attempt}"
        for record in evidence.records.values()
        if not record.status.is_final()
    ]


def illegal(evidence: Evidence) -> list[str]:
    """Histories that are no walk through the status table with one end, and ends without what they came to."""
    found: list[str] = []
    for record in evidence.records.values():
        walk = [entry.status for entry in evidence.histories.get(record.invocation_id, ())]
        try:
            check_history(walk)
        except InvocationStatusTransitionError as error:
            found.append(f"{_name(record)}: {error}")
        if not walk or walk[-1] is not record.status:
            found.append(f"{_name(record)} is {record.status}, but its history ends with {walk[-1:]}")
        if sum(status.is_final() for status in walk) > 1:
            found.append(f"{_name(record)} ended several times: {' -> '.join(walk)}")
        published = record.status in (InvocationStatus.SUCCESS, InvocationStatus.FAILED)
        if published and record.invocation_id not in evidence.with_outcome:
            found.append(f"{_name(record)} is {record.status}, but nothing says what it came to")
    return found


def scope_conflicts(evidence: Evidence) -> list[str]:
    """Moments at which two invocations of one running scope were RUNNING or RESUMED, as the ledger has it."""
    by_scope: defaultdict[str, list[HistoryEntry]] = defaultdict(list)
    for record in evidence.records.values():
        if record.running_key is not None:
            by_scope[record.running_key] += evidence.histories.get(record.invocation_id, ())
    found: list[str] = []
    for scope, entries in by_scope.items():
        executing: set[str] = set()
        # The order in which the store wrote them, not the times, which several processes took.
        for entry in sorted(entries, key=lambda entry: entry.sequence):
            executing.discard(entry.invocation_id)
            if entry.status in _EXECUTING:
                executing.add(entry.invocation_id)
            if len(executing) > 1:
                found.append(f"scope {scope}: {', '.join(sorted(executing))} at once (change {entry.sequence})")
    return found


def witnessed_conflicts(evidence: Evidence, stays: Iterable[Stay]) -> list[str]:
    """Moments at which two invocations of one running scope executed, as the witness has it."""
    records = evidence.records
    pairs = overlaps(stays, lambda each: records[each].running_key if each in records else None)
    return [f"{first} was not over when {second} began" for first, second in pairs]


def unexplained_repetitions(evidence: Evidence, notes: Iterable[Note], dead_pids: Collection[int]) -> list[str]:
    """Attempts after one that neither asked for a retry nor lost its process, and attempts in several processes."""
    seen: defaultdict[str, dict[int, set[int]]] = defaultdict(dict)
    for note in notes:
        seen[note.invocation_id].setdefault(note.attempt, set()).add(note.pid)
    found: list[str] = []
    for invocation_id, attempts in seen.items():
        for attempt, pids in attempts.items():
            if len(pids) > 1:
                found.append(f"attempt {attempt} of invocation:{invocation_id} ran in processes {sorted(pids)}")
        for attempt in sorted(attempts)[:-1]:
            handed_on = any(
                entry.attempt == attempt and entry.status in _HANDED_ON
                for entry in evidence.histories.get(invocation_id, ())
            )
            if not handed_on and not attempts[attempt] & set(dead_pids):
                found.append(
                    f"invocation:{invocation_id} was started again after attempt {attempt}, "
                    f"although its process {sorted(attempts[attempt])} lived"
                )
    return found


def executed_without_claim(evidence: Evidence, notes: Iterable[Note]) -> list[str]:
    """Attempts that executed in another process than the one the ledger had given them to."""
    owner_pid = {
        (entry.invocation_id, entry.attempt): evidence.pids.get(entry.owner)
        for history in evidence.histories.values()
        for entry in history
        if entry.owner is not None
    }
    found: dict[tuple[str, int, int], str] = {}
    for note in notes:
        key = (note.invocation_id, note.attempt)
        if key not in owner_pid:
            found[*key, note.pid] = f"attempt {note.attempt} of invocation:{note.invocation_id} was never claimed"
        elif owner_pid[key] not in (None, note.pid):
            found[*key, note.pid] = (
                f"attempt {note.attempt} of invocation:{note.invocation_id} belonged to process {owner_pid[key]} "
                f"and ran in {note.pid}"
            )
    return list(found.values())


def _name(record: InvocationRecord) -> str:
    return f"invocation:{record.invocation_id} task:{record.task_id}"
