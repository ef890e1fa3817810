"""Accepting calls: arguments to text, concurrency keys, workflow identity, one step into the store."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pynenc.conf.config_task import ConcurrencyControlType, ConfigTask
from pynenc.engine.context import Running, get_running
from pynenc.engine.engine import Engine
from pynenc.engine.payloads import PackedArguments, Part
from pynenc.engine.telling import raise_if_cancelled
from pynenc.exceptions import InvocationConcurrencyWithDifferentArgumentsError
from pynenc.identifiers import new_id
from pynenc.invocation.record import Lane, NewInvocation
from pynenc.ports.orchestrator import Existing


class CallOptions(NamedTuple):
    """What a single call may say besides its arguments; None: as the task says."""

    queue: str | None = None
    priority: int | None = None
    #: Start not before this many seconds from now.
    delay_seconds: float | None = None


class Accepted(NamedTuple):
    """A call that is in the store now, or the invocation that stands in for it."""

    invocation_id: str
    args_id: str
    parent_id: str | None
    workflow_id: str
    workflow_type: str
    parent_workflow_id: str | None
    #: An invocation that was there already answers the call.
    reused: bool
    #: It was reused although its arguments differ.
    differs: bool


def submit(
    engine: Engine,
    task: Any,
    calls: Sequence[Mapping[str, Any]],
    options: CallOptions,
    shared: Mapping[str, Part] | None = None,
    *,
    recorded_as: str | None = None,
) -> list[Accepted]:
    """Store and queue calls of one task, in one step.

    ``shared`` holds arguments that are serialized already. With ``recorded_as``, the id that a single call gets, the
    step is part of one that records it: the caller tells others of the work once that is committed.

    Raises:
        SerializationError: an argument cannot be serialized; nothing was stored.
        InvocationConcurrencyWithDifferentArgumentsError: as the task's options say.
        InvocationCancelledError: the caller was cancelled, and is told here.
    """
    if not engine.store_announced:
        engine.announce_store()
    conf: ConfigTask = task.conf
    parent = parent_of(engine)
    if parent is not None and recorded_as is None:
        # Like a wait: who is cancelled makes no calls before it knows, and cleans up.
        raise_if_cancelled(parent)
    packed = [engine.payloads.pack_arguments(task.key, values, conf.disable_cache_args, shared) for values in calls]
    accepted: list[Accepted | None] = [None] * len(calls)
    if conf.call_result_cache:
        accepted = [_cached(engine, task, item) for item in packed]
    new = [
        new_invocation(engine, task, item, options, parent=parent, invocation_id=recorded_as or new_id())
        for item, found in zip(packed, accepted, strict=True)
        if found is None
    ]
    if recorded_as is None and parent is not None:
        parent.plain_calls += len(new)
    stored = zip(new, _store(engine, new, packed, parent, announce=recorded_as is None), strict=True)
    return [
        _accept(engine, task, *next(stored), values) if found is None else found
        for found, values in zip(accepted, calls, strict=True)
    ]


def parent_of(engine: Engine) -> Running | None:
    """The invocation of this application in whose code we are."""
    running = get_running()
    if running is None or running.engine is None:
        return None
    return running if running.engine.settings.app_id == engine.settings.app_id else None


def _store(
    engine: Engine,
    new: Sequence[NewInvocation],
    packed: Sequence[PackedArguments],
    parent: Running | None,
    *,
    announce: bool,
) -> list[Existing | None]:
    if not new:
        return []
    # Whoever calls inside a task usually waits next, and then runs what it called itself; its pool tells others
    # of what is left over, at the latest a moment from now. A coroutine is for whoever has room on a loop.
    owes = announce and parent is not None and parent.suspender.announces
    owes = owes and not any(item.lane == Lane.EVENT_LOOP for item in new)
    uses = {item.text: item.references for item in packed if item.references}
    existing = engine.steps.submit(new, uses, wake=announce and not owes)
    if parent is not None and owes:
        # Not before the commit: who is told too early looks, finds nothing and goes to sleep.
        parent.suspender.owe(existing.count(None))
    if parent is None and engine.backend.shortcuts is not None:
        engine.read_ahead.submitted([item.invocation_id for item in new])
    return existing


def new_invocation(
    engine: Any, task: Any, packed: PackedArguments, options: CallOptions, *, parent: Running | None, invocation_id: str
) -> NewInvocation:
    """A call as it is to be stored, under this id; without a parent it starts a workflow."""
    conf: ConfigTask = task.conf
    if parent is None:
        parent_id, workflow_id, workflow_type, above = None, invocation_id, task.key, None
    else:
        record = parent.record
        parent_id = record.invocation_id
        if conf.force_new_workflow:
            workflow_id, workflow_type, above = invocation_id, task.key, record.workflow_id
        else:
            workflow_id, workflow_type, above = record.workflow_id, record.workflow_type, record.parent_workflow_id
    delay = options.delay_seconds
    return NewInvocation(
        invocation_id,
        task.key,
        packed.args_id,
        packed.text,
        parent_id,
        workflow_id,
        workflow_type,
        above,
        options.queue or conf.queue,
        task.lane,
        conf.priority if options.priority is None else options.priority,
        engine.clock.now() + delay if delay else None,
        concurrency_key(conf.registration_concurrency, task, packed),
        concurrency_key(conf.running_concurrency, task, packed),
        not conf.reroute_on_concurrency_control,
        engine.process_id if parent is None else parent.record.owner or engine.process_id,
        engine.wakeups.address(),
    )


def concurrency_key(mode: ConcurrencyControlType, task: Any, packed: PackedArguments) -> str | None:
    """The scope in which a call counts as the same as another; None: not controlled.

    Values are compared as they are serialized, so equal objects that serialize differently differ.
    """
    if mode is ConcurrencyControlType.DISABLED:
        return None
    if mode is ConcurrencyControlType.TASK:
        return str(task.key)
    if mode is ConcurrencyControlType.ARGUMENTS:
        return f"{task.key}:{packed.args_id}"
    chosen = {name: packed.parts[name] for name in task.conf.key_arguments}
    return f"{task.key}:{hashlib.sha256(json.dumps(chosen).encode()).hexdigest()}"


def _accept(
    engine: Engine, task: Any, item: NewInvocation, existing: Existing | None, values: Mapping[str, Any]
) -> Accepted:
    if existing is None:
        if engine.events.debugging():
            engine.events.registered(item.invocation_id, item.task_id)
        return Accepted(
            item.invocation_id,
            item.args_id,
            item.parent_id,
            item.workflow_id,
            item.workflow_type,
            item.parent_workflow_id,
            reused=False,
            differs=False,
        )
    differs = existing.args_id != item.args_id
    if differs and task.conf.on_diff_non_key_args_raise:
        old = engine.payloads.unpack_arguments(
            engine.state.load_calls([existing.invocation_id])[existing.invocation_id],
            item.task_id,
            existing.invocation_id,
        )
        raise InvocationConcurrencyWithDifferentArgumentsError(
            task.task_id,
            existing.invocation_id,
            f"{item.task_id}:{item.args_id}",
            difference(task.key, old, values, engine.show_value),
        )
    engine.events.reused(existing.invocation_id, item.task_id)
    return _standing(engine, existing.invocation_id, differs=differs)


def _standing(engine: Engine, invocation_id: str, *, differs: bool) -> Accepted:
    record = engine.ledger.read([invocation_id])[invocation_id]
    return Accepted(
        record.invocation_id,
        record.args_id,
        record.parent_id,
        record.workflow_id,
        record.workflow_type,
        record.parent_workflow_id,
        reused=True,
        differs=differs,
    )


def _cached(engine: Engine, task: Any, packed: PackedArguments) -> Accepted | None:
    invocation_id = engine.state.cached_result(task.key, packed.args_id)
    if invocation_id is None or invocation_id not in engine.ledger.read([invocation_id]):
        return None
    return _standing(engine, invocation_id, differs=False)


def difference(task_key: str, old: Mapping[str, Any], new: Mapping[str, Any], show: Any) -> str:
    """What differs between the arguments of two calls, for people."""
    blocks = [
        (
            "Changed:",
            [f"  {n}: {show(old[n])} -> {show(new[n])}" for n in sorted(old) if n in new and old[n] != new[n]],
        ),
        ("Removed:", [f"  {n}: {show(old[n])}" for n in sorted(old) if n not in new]),
        ("Added:", [f"  {n}: {show(new[n])}" for n in sorted(new) if n not in old]),
    ]
    lines = [f"Arguments differ for task {task_key}:"]
    for title, entries in blocks:
        if entries:
            lines += [title, *entries]
    return "\n".join(lines)
