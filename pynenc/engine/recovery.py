"""Taking back what dead owners held, and putting right what nobody looks after (design law 4).

Every unfinished invocation is owned by somebody with a valid lease, or queued, or delayed, or in line for a
scope, or on its way between two of these for at most a grace time. What is in none of these places is put
back here.
"""

from collections.abc import Sequence

from pynenc.engine.crash_points import crash_point
from pynenc.engine.departures import has_progressed
from pynenc.engine.engine import Engine
from pynenc.engine.scopes import Scope
from pynenc.exceptions import InvocationLostError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import Finish, InvocationRecord, Outcome, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.serializer.signing import EXCEPTION

#: Invocations handled in one step of recovery or sweep; the rest follows in the next.
BATCH = 200

#: Statuses in which an invocation should be found in a queue.
_QUEUED = frozenset({InvocationStatus.REGISTERED, InvocationStatus.REROUTED, InvocationStatus.RETRY})
#: Statuses that are only passed through; found in one, a step was broken off after it.
_IN_PASSING = frozenset({InvocationStatus.KILLED, InvocationStatus.PENDING_RECOVERY, InvocationStatus.RUNNING_RECOVERY})


def recover_silent(engine: Engine, actor: str) -> int:
    """Take back what belongs to owners whose lease ran out; how many invocations."""
    recovered = 0
    while True:
        silent_since = engine.clock.now() - engine.settings.lease_seconds
        orphans = engine.ledger.orphans(silent_since, BATCH)
        if not orphans or not _recover(engine, orphans, actor):
            return recovered
        recovered += len(orphans)
        if len(orphans) < BATCH:
            return recovered


def recover_from(engine: Engine, owner: str, actor: str) -> int:
    """Take back what belongs to an owner that is certainly dead; how many invocations."""
    recovered = 0
    while True:
        held = engine.ledger.find(InvocationQuery(owner=owner, limit=BATCH, newest_first=False))
        held = [record for record in held if record.status.is_owned()]
        if not held or not _recover(engine, held, actor):
            return recovered
        recovered += len(held)


def _recover(engine: Engine, orphans: Sequence[InvocationRecord], actor: str) -> int:
    lost: list[InvocationRecord] = []
    back: list[InvocationRecord] = []
    changes: list[Transition] = []
    for record in orphans:
        started = record.status is not InvocationStatus.PENDING
        # Deaths count since the last progress: a workflow that gets further each time comes to its end.
        progressed = bool(started and record.recoveries and has_progressed(engine.backend.state, record))
        deaths = 0 if progressed else record.recoveries
        if started and deaths >= engine.settings.max_recoveries:
            lost.append(record)
            continue
        back.append(record)
        through = InvocationStatus.RUNNING_RECOVERY if started else InvocationStatus.PENDING_RECOVERY
        more = deaths + 1 - record.recoveries if started else 0
        changes.append(Transition(record.invocation_id, through, actor, record.attempt, recoveries=more))
        changes.append(Transition(record.invocation_id, InvocationStatus.REROUTED, actor, record.attempt))
    crash_point("recover.before_commit")
    records = engine.steps.reroute(changes) if changes else []
    crash_point("recover.after_commit")
    for before, after in zip(back, records[1::2], strict=True):
        if after is not None:
            engine.events.recovered(after, before.status, before.owner)
    given_up = sum(_give_up(engine, record, actor) for record in lost)
    return given_up + sum(record is not None for record in records[1::2])


def _give_up(engine: Engine, record: InvocationRecord, actor: str) -> bool:
    """End it FAILED, with an error that says why."""
    deaths = record.recoveries + 1
    error = InvocationLostError(
        record.invocation_id,
        f"{record.task_id} was given up: {deaths} of its workers died while running it (the last was {record.owner}), "
        f"and max_recoveries is {engine.settings.max_recoveries}. Look for a crash, or for memory it ran out of.",
    )
    now = engine.clock.now()
    outcome = Outcome(
        record.invocation_id,
        record.attempt,
        record.owner or actor,
        record.claimed_at or now,
        now,
        None,
        engine.encode_exception(error, EXCEPTION, record.invocation_id),
        f"{type(error).__module__}.{type(error).__qualname__}",
        str(error),
        None,
    )
    through = Transition(record.invocation_id, InvocationStatus.RUNNING_RECOVERY, actor, record.attempt, recoveries=1)
    end = Transition(record.invocation_id, InvocationStatus.FAILED, actor, record.attempt)
    [taken] = engine.steps.reroute([through])
    if taken is None:
        return False
    # A step of its own: who is told of the end at the end of it must be able to read it. If we die before it, the
    # sweep has the invocation run once more.
    engine.steps.advance([Finish(end, record, outcome)], (), None)
    engine.events.lost(record, deaths)
    return True


def sweep(engine: Engine, actor: str, grace_seconds: float) -> int:
    """Put back available invocations nobody queued, and finish what was broken off; how many."""
    before = engine.clock.now() - grace_seconds
    # As a rule there is nothing, and an idle system finds that out by one read.
    if not _pages(engine, _QUEUED | _IN_PASSING | {InvocationStatus.CONCURRENCY_CONTROLLED}, before):
        return 0
    put_back = _requeue(engine, before)
    put_back += _pass_on(engine, before, actor)
    return put_back + _move_lines(engine, before, actor)


def _pages(engine: Engine, statuses: frozenset[InvocationStatus], before: float) -> list[InvocationRecord]:
    query = InvocationQuery(statuses=statuses, changed_before=before, newest_first=False, limit=BATCH)
    return engine.ledger.find(query)


def _requeue(engine: Engine, before: float) -> int:
    broker = engine.backend.broker
    count = 0
    after: str | None = None
    while True:
        query = InvocationQuery(statuses=_QUEUED, changed_before=before, newest_first=False, limit=BATCH, after=after)
        page = engine.ledger.find(query)
        waiting = {record.invocation_id: record for record in page if record.not_before is None}
        missing = broker.missing(list(waiting)) if waiting else []
        if missing:
            engine.steps.requeue([waiting[i] for i in missing])
            engine.events.requeued(missing)
            count += len(missing)
        if len(page) < BATCH:
            return count
        after = page[-1].invocation_id


def _pass_on(engine: Engine, before: float, actor: str) -> int:
    """Statuses that are only passed through: go on to REROUTED."""
    stuck = _pages(engine, _IN_PASSING, before)
    changes = [Transition(r.invocation_id, InvocationStatus.REROUTED, actor, r.attempt) for r in stuck]
    return sum(record is not None for record in engine.steps.reroute(changes)) if changes else 0


def _move_lines(engine: Engine, before: float, actor: str) -> int:
    """Lines at scopes that are free although nobody told them."""
    waiting = _pages(engine, frozenset({InvocationStatus.CONCURRENCY_CONTROLLED}), before)
    keys = {record.running_key for record in waiting if record.running_key is not None}
    moved = 0
    for key in keys:
        head = Scope(engine.ledger, key).next_in_line()
        if head is not None:
            change = Transition(head.invocation_id, InvocationStatus.REROUTED, actor, None)
            moved += sum(record is not None for record in engine.steps.reroute([change]))
    return moved


def disown_forgotten(
    engine: Engine, owner: str, known: set[str], suspects: set[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Give back what the ledger says is ours but this process knows nothing of, for the second time in a row.

    Covers a step whose answer was lost after it was committed. What is found for the first time may be on its way
    from the store; the answer is what to suspect at the next look. ``known`` was read before the ledger is.
    """
    held = engine.ledger.find(InvocationQuery(owner=owner, limit=BATCH, newest_first=False))
    unknown = [r for r in held if r.status.is_owned() and r.invocation_id not in known]
    forgotten = [r for r in unknown if (r.invocation_id, r.attempt) in suspects]
    if forgotten:
        _recover(engine, forgotten, owner)
    return {(r.invocation_id, r.attempt) for r in unknown}
