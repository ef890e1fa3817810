"""Why an invocation is not finished, in words (the rules are those of the monitor)."""

from collections.abc import Sequence
from typing import Any

from pynenc.cli.output import duration, moment
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.runner.publish import published_tasks

#: Awaited invocations that are named; the rest is counted.
_NAMED = 5
#: Places in a queue that are looked through for the number of those ahead.
_LOOKED_AT = 1000


def why_unfinished(app: Any, record: InvocationRecord) -> list[str]:
    """Everything that keeps it, each with what to do about it."""
    now = app.engine.clock.now()
    alive = app.engine.ledger.runners(alive_since=now - app.engine.settings.lease_seconds)
    reasons: list[str] = []
    if record.status.is_available_for_run():
        reasons += _why_waiting(app, record, alive, now)
    elif record.status is InvocationStatus.CONCURRENCY_CONTROLLED:
        reasons += _why_blocked(app, record)
    elif record.status.is_owned():
        reasons += _why_owned(app, record, alive, now)
    else:
        reasons.append("on its way back into its queue; a live runner puts it there")
    if not alive and not record.status.is_available_for_run():
        reasons.append(f"no runner is alive, which all this takes; start one: {app.start_command}")
    if record.cancel_requested:
        reasons.append("asked to be cancelled; its owner ends it at its next wait or call, or when its code is done")
    return reasons


def _why_waiting(app: Any, record: InvocationRecord, alive: Sequence[RunnerRecord], now: float) -> list[str]:
    reasons: list[str] = []
    if not alive:
        reasons.append(f"no runner is alive; start one: {app.start_command}")
    elif all(runner.queues and record.queue not in runner.queues for runner in alive):
        reasons.append(f"no living runner serves the queue {record.queue!r}; start one: {_serving(app, record)}")
    if record.not_before is not None and record.not_before > now:
        return [*reasons, f"due at {moment(record.not_before)} (in {duration(record.not_before - now)})"]
    published = published_tasks(app)
    if published and record.task_id not in published:
        reasons.append(f"no runner has published the task {record.task_id}; deploy its code, and restart the runners")
    broker = app.assembled.backend.broker
    if broker.missing([record.invocation_id]) and now - record.changed_at > app.conf.sweep_grace_seconds:
        return [*reasons, "not in its queue; the sweep of a live runner will queue it again"]
    ids = [entry.invocation_id for entry in broker.peek(record.queue, _LOOKED_AT)]
    if record.invocation_id in ids:
        reasons.append(f"queued, with {ids.index(record.invocation_id)} ahead of it in {record.queue!r}")
    elif ids:
        reasons.append(f"queued, with {len(ids)} or more ahead of it in {record.queue!r}")
    return reasons or ["queued a moment ago"]


def _serving(app: Any, record: InvocationRecord) -> str:
    return f"{app.start_command} --queues {record.queue}"


def _why_blocked(app: Any, record: InvocationRecord) -> list[str]:
    if record.running_key is None:
        return ["in line for a scope that it does not have any more; the sweep will move it on"]
    in_scope = app.engine.ledger.scope(record.running_key, _LOOKED_AT)
    holders = [each.invocation_id for each in in_scope if each.status.is_owned()]
    line = [each.invocation_id for each in in_scope if not each.status.is_owned()]
    ahead = line.index(record.invocation_id) if record.invocation_id in line else len(line)
    held_by = ", ".join(holders[:_NAMED]) or "nobody: the sweep will move it on"
    return [f"in line at its running scope, with {ahead} ahead; the scope is held by {held_by}"]


def _why_owned(app: Any, record: InvocationRecord, alive: Sequence[RunnerRecord], now: float) -> list[str]:
    if record.owner not in {runner.runner_id for runner in alive}:
        return [f"its owner {record.owner} has fallen silent; it is recovered when a runner is alive"]
    if record.status is InvocationStatus.PAUSED:
        return [_why_paused(app, record)]
    since = duration(max(0.0, now - record.changed_at))
    return [f"{record.status.value} on {record.owner} since {moment(record.changed_at)} ({since})"]


def _why_paused(app: Any, record: InvocationRecord) -> str:
    ledger = app.engine.ledger
    awaited = ledger.read([wait.awaited_id for wait in ledger.awaited_by([record.invocation_id])])
    unfinished = [each for each in awaited.values() if not each.status.is_final()]
    if not unfinished:
        return "its wait is over; it waits for a slot"
    named = ", ".join(f"{each.invocation_id} ({each.status.value})" for each in unfinished[:_NAMED])
    more = f" and {len(unfinished) - _NAMED} more" if len(unfinished) > _NAMED else ""
    return f"waits for {named}{more}"
