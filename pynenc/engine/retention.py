"""Forgetting: final invocations after their time, what they used, and runners long gone."""

from pynenc.engine.engine import Engine
from pynenc.engine.trigger_needs import undecided_since, waiting_invocations
from pynenc.engine.waiting import read_all

#: Invocations dropped in one step, so that writers are never kept out for long.
BATCH = 200
#: Large values younger than this are kept although nobody uses them yet: their call may be on its way.
UNUSED_SECONDS = 600.0
#: A dead runner stays on the board as long as its invocations may be looked at; then this many leases.
RUNNER_LEASES = 20


def purge_expired(engine: Engine, keep_seconds: float) -> int:
    """Drop invocations that have been final for ``keep_seconds`` and that no trigger needs; how many."""
    dropped = 0
    resumed = _resumed_and_unfinished(engine)
    # In this order: what is evaluated between the two looks is found waiting by the second.
    before = min(engine.clock.now() - keep_seconds, undecided_since(engine.backend.trigger))
    waiting = waiting_invocations(engine.backend.trigger)
    while True:
        # With as many more as may be among them without being dropped.
        found = engine.ledger.expired(before, BATCH + len(waiting), resumed)
        ids = [each for each in found if each not in waiting][:BATCH]
        if not ids:
            break
        with engine.backend.unit():
            engine.ledger.drop(ids)
            engine.state.drop_calls(ids)
            engine.state.drop_logs(ids)
            engine.backend.trigger.drop_waiters(ids)
            engine.backend.client_data.unlink(ids)
        dropped += len(ids)
        if len(ids) < BATCH:
            break
    now = engine.clock.now()
    while engine.backend.client_data.collect(now - UNUSED_SECONDS, BATCH) >= BATCH:
        pass
    engine.ledger.forget_runners(now - max(keep_seconds, RUNNER_LEASES * engine.settings.lease_seconds))
    return dropped


def _resumed_and_unfinished(engine: Engine) -> set[str]:
    """Workflows whose start is final although another invocation goes on with them."""
    going_on = {each.invocation_id: each.log_id for each in engine.state.continuations()}
    records = read_all(engine, list(going_on))
    return {going_on[record.invocation_id] for record in records.values() if not record.status.is_final()}
