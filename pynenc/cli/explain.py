"""Why an invocation is not finished, in words (the rules are those of the monitor)."""

from typing import Any

from pynenc.cli.output import duration, moment
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus

#: Awaited invocations that are named; the rest is counted.
_NAMED = 5


def why_unfinished(app: Any, record: InvocationRecord) -> list[str]:
    """Everything that keeps it, each with what to do about it."""
    ledger, now = app.engine.ledger, app.engine.clock.now()
    alive = ledger.runners(alive_since=now - app.engine.settings.lease_seconds)
    if record.status.is_available_for_run():
        return _why_waiting(app, record, alive, now)
    if record.status is InvocationStatus.CONCURRENCY_CONTROLLED and record.running_key is not None:
        holders = [r.invocation_id for r in ledger.scope(record.running_key, _NAMED) if r.status.is_owned()]
        return [f"in line at its running scope, held by {', '.join(holders) or 'nobody: the sweep will move it on'}"]
    if record.status is InvocationStatus.PAUSED:
        edges = ledger.awaited_by([record.invocation_id])
        open_ones = [r for r in ledger.read([e.awaited_id for e in edges]).values() if not r.status.is_final()]
        named = ", ".join(f"{r.invocation_id} ({r.status.value})" for r in open_ones[:_NAMED])
        more = f" and {len(open_ones) - _NAMED} more" if len(open_ones) > _NAMED else ""
        return [f"waits for {named}{more}" if open_ones else "its wait is over; it waits for a slot"]
    owner = next((r for r in ledger.runners(runner_ids=[record.owner])), None) if record.owner else None
    if record.status.is_owned() and (owner is None or owner.last_beat < now - app.engine.settings.lease_seconds):
        return ["its owner has fallen silent; it is recovered when a runner is alive"]
    return [f"{record.status.value} since {moment(record.changed_at)} ({duration(max(0.0, now - record.changed_at))})"]


def _why_waiting(app: Any, record: InvocationRecord, alive: list[Any], now: float) -> list[str]:
    if not alive:
        return [f"no runner is alive; start one: {app.start_command}"]
    if all(runner.queues and record.queue not in runner.queues for runner in alive):
        return [f"no living runner serves the queue {record.queue!r}"]
    if record.not_before is not None and record.not_before > now:
        return [f"due at {moment(record.not_before)} (in {duration(record.not_before - now)})"]
    broker = app.assembled.backend.broker
    if broker.missing([record.invocation_id]) and now - record.changed_at > app.conf.sweep_grace_seconds:
        return ["not in its queue; the sweep will queue it again"]
    waiting = sum(count for (queue, _), count in broker.sizes().items() if queue == record.queue)
    return [f"queued; {waiting} wait in {record.queue!r}"]
