"""Invocations that left their worker to come back by replay: what they wait for, and how they come back.

Until then they are REROUTED with a time before which nobody may take them. What they wait for are edges of the graph
of waits, under an address at which nobody listens and which says whether all are needed.
"""

from collections.abc import Sequence

from pynenc.invocation.record import Finish, InvocationRecord, Wait
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.state_backend import StateBackend
from pynenc.ports.trigger import EventWaiter, Trigger

#: In place of a wake-up address: the waiter is in no process, and comes back when all of its edges are gone, or one.
RETURNS_AFTER_ALL = "~all"
RETURNS_AFTER_ANY = "~any"
#: Entries of a log read at once.
LOG_PAGE = 500
#: Below every position of a log.
BEGINNING = -(1 << 62)
#: For those that wait for invocations: later than anything, and within what sleeping threads can be told.
FOREVER_SECONDS = 100 * 365 * 86_400.0


def settle(
    backend: Backend, finishes: Sequence[Finish], records: Sequence[InvocationRecord | None]
) -> list[InvocationRecord | None]:
    """Note what the departed wait for; those that have it already come back at once. To be called in a unit."""
    ledger = backend.orchestrator
    settled = list(records)
    for place, (finish, record) in enumerate(zip(finishes, records, strict=True)):
        if record is None or record.not_before is None:
            continue
        to_be_told = record.cancel_requested and not finish.told_cancelled
        if finish.event_waiter is not None and not to_be_told:
            if _wait_for_event(backend.trigger, finish.event_waiter):
                settled[place] = next(iter(ledger.hasten([record.invocation_id])), record)
            continue
        if not (finish.awaited or to_be_told):
            continue
        awaited = ledger.read(finish.awaited)
        unfinished = [each for each in awaited.values() if not each.status.is_final()]
        enough = not unfinished if finish.all_of_them else len(unfinished) < len(finish.awaited)
        if enough or to_be_told:
            settled[place] = next(iter(ledger.hasten([record.invocation_id])), record)
        else:
            address = RETURNS_AFTER_ALL if finish.all_of_them else RETURNS_AFTER_ANY
            ledger.add_waits([Wait(record.invocation_id, each.invocation_id, address) for each in unfinished])
    return settled


def _wait_for_event(trigger: Trigger, waiter: EventWaiter) -> bool:
    """Register it, then read the log: an event that is not there now is compared by an evaluation yet to come.

    True: there is one, and only the workflow's own code can tell whether it is wanted.
    """
    trigger.add_waiters([waiter])
    if not trigger.after(waiter.after, 1, waiter.source):
        return False
    if waiter.wanted is not None:
        # Compared by an evaluation: many may leave while there is a stream of events that they do not want.
        trigger.add_waiters([waiter._replace(unchecked=True)])
    return waiter.wanted is None


def to_be_told(backend: Backend, unowned: Sequence[InvocationRecord]) -> list[InvocationRecord]:
    """Workflows that have left their stack in a wait, or lost it: to be told when cancelled, so that they clean up.

    Those that sleep, or wait for an event, have come to a place of their own choice, and end there.
    """
    candidates = [r for r in unowned if r.attempt and r.status is InvocationStatus.REROUTED]
    waiting = {edge.waiter_id for edge in backend.orchestrator.awaited_by([r.invocation_id for r in candidates])}
    return [
        record
        for record in candidates
        if (record.not_before is None or record.invocation_id in waiting) and has_record(backend.state, record)
    ]


def has_record(state: StateBackend, record: InvocationRecord) -> bool:
    """Whether it has begun and recorded operations, so that running it again goes on where it was."""
    return bool(record.attempt and state.read_log(log_of(state, record.invocation_id), BEGINNING, 1))


def has_progressed(state: StateBackend, record: InvocationRecord) -> bool:
    """Whether its present attempt has recorded operations. Reads the whole log."""
    log_id = log_of(state, record.invocation_id)
    after = BEGINNING
    # The attempts of a run that this one goes on with have the same numbers.
    since = record.claimed_at or 0.0
    while page := state.read_log(log_id, after, LOG_PAGE):
        if any(entry.attempt == record.attempt and entry.recorded_at >= since for entry in page):
            return True
        after = page[-1].position
    return False


def log_of(state: StateBackend, invocation_id: str) -> str:
    """The log that an invocation writes to: its own, or the one it goes on with."""
    continued = state.continued_by(invocation_id)
    return invocation_id if continued is None else continued.log_id


def come_back(ledger: Orchestrator, released: Sequence[Wait]) -> list[InvocationRecord]:
    """Those whose wait ends with these edges, to be queued. To be called in the unit that released them."""
    all_of_them = {edge.waiter_id for edge in released if edge.address == RETURNS_AFTER_ALL}
    waiting_still = {
        edge.waiter_id
        for edge in ledger.awaited_by([each for each in all_of_them if each is not None])
        if edge.address == RETURNS_AFTER_ALL
    }
    back = {edge.waiter_id for edge in released} - waiting_still
    ids = sorted(each for each in back if each is not None)
    ledger.forget_waiters(ids)
    return ledger.hasten(ids)
