"""Waits that would never end.

Looked for when somebody is about to wait, not when a task is called: a task that calls itself again and does
not wait is fine. Two things are refused: awaiting something from which the waits-for graph leads back to the
waiter, where a place in the line of a running scope counts as waiting for the scope's holders; and awaiting
a call (task and arguments) that is already being waited upon further up, which would recur for ever.
"""

from collections import deque
from collections.abc import Sequence

from pynenc.engine.scopes import CHAIN_LIMIT, Scope
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.orchestrator import Orchestrator


def call_key(record: InvocationRecord) -> str:
    """``task:arguments``, what makes two invocations the same call."""
    return f"{record.task_id}:{record.args_id}"


def find_cycle(ledger: Orchestrator, waiter: InvocationRecord, awaited: Sequence[InvocationRecord]) -> list[str]:
    """The calls around which waiting would go in a circle, first and last the same; empty if it would not."""
    if any(record.invocation_id == waiter.invocation_id for record in awaited):
        return [call_key(waiter), call_key(waiter)]
    return _same_call_above(ledger, waiter, awaited) or _path_back(ledger, waiter, awaited)


def _same_call_above(ledger: Orchestrator, waiter: InvocationRecord, awaited: Sequence[InvocationRecord]) -> list[str]:
    # Only invocations that have not started can repeat a call of the chain for ever; what runs already ends
    # the chain by itself, or the path below finds it.
    fresh = {call_key(record): record.args_id for record in awaited if record.status.is_available_for_run()}
    if not fresh:
        return []
    if call_key(waiter) in fresh:
        return [call_key(waiter), call_key(waiter)]
    # One look, nearly always empty, spares following the chain upward at every wait.
    repeated = {r.invocation_id for r in ledger.paused_calls(list(fresh.values())) if call_key(r) in fresh}
    if not repeated:
        return []
    above = ledger.waiters_above(waiter.invocation_id, CHAIN_LIMIT)
    if not repeated.intersection(above):
        return []
    chain = ledger.read(above)
    path = [call_key(waiter)]
    for invocation_id in above:
        record = chain.get(invocation_id)
        if record is None or record.status is not InvocationStatus.PAUSED:
            # An edge may outlive the wait it stood for; who does not wait now is in no circle.
            continue
        path.append(call_key(record))
        if invocation_id in repeated:
            return [*reversed(path), path[-1]]
    return []


def _path_back(ledger: Orchestrator, waiter: InvocationRecord, awaited: Sequence[InvocationRecord]) -> list[str]:
    came_from: dict[str, InvocationRecord] = {}
    above: set[str] | None = None
    queue = deque(record for record in awaited if not record.status.is_final())
    seen = {record.invocation_id for record in queue}
    while queue:
        record = queue.popleft()
        for following in _waits_of(ledger, record):
            if following.running_key is not None and following.running_key == record.running_key:
                # A scope's token passes down to what its holder waits for, and ``record`` is about to be that.
                above = above or {waiter.invocation_id, *ledger.waiters_above(waiter.invocation_id, CHAIN_LIMIT)}
                if following.invocation_id in above:
                    continue
            if following.invocation_id == waiter.invocation_id:
                return _path(waiter, record, came_from)
            if following.invocation_id not in seen and len(seen) < CHAIN_LIMIT:
                seen.add(following.invocation_id)
                came_from[following.invocation_id] = record
                queue.append(following)
    return []


def _waits_of(ledger: Orchestrator, record: InvocationRecord) -> list[InvocationRecord]:
    """What an unfinished invocation waits for: others, or the holders of the scope it cannot have yet."""
    if record.status is InvocationStatus.PAUSED:
        edges = ledger.awaited_by([record.invocation_id])
        return [r for r in ledger.read([edge.awaited_id for edge in edges]).values() if not r.status.is_final()]
    if record.running_key is None or record.status.is_owned() or record.status.is_final():
        return []
    scope = Scope(ledger, record.running_key)
    deepest = scope.deepest
    if deepest is None or scope.admits(record.invocation_id):
        return []
    return [deepest]


def _path(waiter: InvocationRecord, last: InvocationRecord, came_from: dict[str, InvocationRecord]) -> list[str]:
    path = [call_key(waiter), call_key(last)]
    while last.invocation_id in came_from:
        last = came_from[last.invocation_id]
        path.append(call_key(last))
    path.append(call_key(waiter))
    return list(reversed(path))
