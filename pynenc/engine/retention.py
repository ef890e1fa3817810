"""Forgetting: final invocations after their time, what they used, and runners long gone."""

from collections.abc import Sequence

from pynenc.engine.engine import Engine
from pynenc.engine.journal import JOINED
from pynenc.engine.trigger_needs import undecided_since, waiting_invocations
from pynenc.engine.waiting import read_all
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import repeated

#: Invocations dropped in one step, so that writers are never kept out for long.
BATCH = 200
#: Large values younger than this are kept although nobody uses them yet: their call may be on its way.
UNUSED_SECONDS = 600.0
#: A dead runner stays on the board as long as its invocations may be looked at; then this many leases.
RUNNER_LEASES = 20


def purge_expired(engine: Engine, keep_seconds: float) -> int:
    """Drop invocations that have been final for ``keep_seconds`` and that no trigger needs; how many."""
    dropped = 0
    kept = _resumed_and_unfinished(engine) | _joined(engine)
    # In this order: what is evaluated between the two looks is found waiting by the second.
    before = min(engine.clock.now() - keep_seconds, undecided_since(engine.backend.trigger))
    waiting = waiting_invocations(engine.backend.trigger)
    while True:
        # With as many more as may be among them without being dropped.
        old = [each for each in engine.ledger.expired(before, BATCH + len(waiting), kept) if each not in waiting]
        unfinished = _with_unfinished_members(engine, old)
        # Their members are left out from the next look on.
        kept |= unfinished
        ids = [each for each in old if each not in unfinished][:BATCH]
        if ids:
            _drop(engine, ids)
        dropped += len(ids)
        if len(ids) < BATCH and not unfinished:
            break
    now = engine.clock.now()
    while engine.backend.client_data.collect(now - UNUSED_SECONDS, BATCH) >= BATCH:
        pass
    engine.ledger.forget_runners(now - max(keep_seconds, RUNNER_LEASES * engine.settings.lease_seconds))
    return dropped


@repeated
def _drop(engine: Engine, ids: Sequence[str]) -> None:
    with engine.backend.unit():
        engine.ledger.drop(ids)
        engine.state.drop_calls(ids)
        engine.state.drop_logs(ids)
        engine.backend.trigger.drop_waiters(ids)
        engine.backend.client_data.unlink(ids)


def _with_unfinished_members(engine: Engine, ids: Sequence[str]) -> set[str]:
    """Workflows whose start is over while tasks of theirs go on, which may ask for its data."""
    unfinished = frozenset(InvocationStatus) - InvocationStatus.get_final_statuses()
    return {each for each in ids if engine.ledger.find(InvocationQuery(workflow_id=each, statuses=unfinished, limit=1))}


def _joined(engine: Engine) -> set[str]:
    """Workflows to which calls belong that others have made, and whose results unfinished ones may ask for."""
    calls = read_all(engine, [key.partition(" ")[0] for key in _needed_joins(engine)])
    return {record.workflow_id for record in calls.values()}


@repeated
def _needed_joins(engine: Engine) -> dict[str, str]:
    """The log for each call that others have made, while it goes on; what the ended ones joined is dropped."""
    with engine.backend.unit():
        joined = engine.state.get_workflow_data(JOINED)
        if not joined:
            return {}
        logs: dict[str, list[str]] = {}
        for key, log_id in joined.items():
            logs.setdefault(log_id, []).append(key)
        runs = {each: [each] for each in logs}
        for each in engine.state.continuations(list(logs)):
            runs[each.log_id].append(each.invocation_id)
        records = read_all(engine, [run for line in runs.values() for run in line])
        living = {
            log_id
            for log_id, line in runs.items()
            if any(run in records and not records[run].status.is_final() for run in line)
        }
        needed = {key: log_id for key, log_id in joined.items() if log_id in living}
        if len(needed) < len(joined):
            engine.state.drop_logs([JOINED])
            engine.state.set_workflow_data(JOINED, needed)
    return needed


def _resumed_and_unfinished(engine: Engine) -> set[str]:
    """Workflows whose start is final although another invocation goes on with them."""
    going_on = {each.invocation_id: each.log_id for each in engine.state.continuations()}
    records = read_all(engine, list(going_on))
    return {going_on[record.invocation_id] for record in records.values() if not record.status.is_final()}
