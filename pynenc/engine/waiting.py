"""Waiting for invocations, and what they came to.

Inside a task the invocation is paused and its slot given back (the pool does it). Anywhere else the calling
thread, or coroutine, sleeps until a wake-up. Either way nothing spins and nothing polls.
"""

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from pynenc.engine.context import Running, get_running
from pynenc.engine.engine import Engine
from pynenc.engine.hub import Waiter
from pynenc.engine.telling import is_to_be_told, raise_if_cancelled, raise_if_was_late, tell_beside, tell_with
from pynenc.exceptions import (
    InvocationCancelledError,
    InvocationDroppedError,
    InvocationError,
    InvocationNotFoundError,
    InvocationTimeoutError,
    ResultNotAvailableError,
    RunnerError,
)
from pynenc.invocation.record import InvocationRecord, Outcome
from pynenc.invocation.status import InvocationStatus
from pynenc.serializer.signing import EXCEPTION, RESULT

#: Ids asked of a store at once.
CHUNK = 500


def wait(
    engine: Engine, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
) -> list[InvocationRecord]:
    """Wait until all, or any, are final; returns the records of those that are.

    Raises:
        InvocationTimeoutError: the time is over; the invocations go on.
        InvocationNotFoundError: one of them does not exist.
        CycleDetectedError: waiting would never end.
        RunnerError: called on the thread of a running event loop, which it would block.
    """
    running = _waiting_invocation(engine)
    if running is not None:
        raise_if_cancelled(running)
        raise_if_was_late(running, awaited, timeout_seconds)
        recent = [record for i in awaited if (record := engine.recent.record(i)) is not None]
        if _are_enough(recent, awaited, all_of_them=all_of_them):
            return recent
        records = running.suspender.suspend(running, awaited, all_of_them=all_of_them, timeout_seconds=timeout_seconds)
        return list(records)
    records = _wait_outside(engine, awaited, all_of_them=all_of_them, timeout_seconds=timeout_seconds)
    tell_beside()
    return records


async def wait_async(
    engine: Engine, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
) -> list[InvocationRecord]:
    """The same for coroutines; the event loop goes on meanwhile."""
    import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

    running = get_running()
    if running is not None and running.engine is engine and running.main_task is asyncio.current_task():
        records = await running.suspender.suspend_async(
            running, awaited, all_of_them=all_of_them, timeout_seconds=timeout_seconds
        )
        return list(records)
    records = await _wait_outside_async(engine, awaited, all_of_them=all_of_them, timeout_seconds=timeout_seconds)
    if running is not None and is_to_be_told(running):
        await asyncio.to_thread(tell_beside)
    return records


async def tell_with_async(ended: InvocationRecord) -> None:
    """``tell_with``, beside the event loop."""
    if ended.status is InvocationStatus.CANCELLED and get_running() is not None:
        import asyncio  # noqa: PLC0415 - there is a loop

        await asyncio.to_thread(tell_with, ended)


def _waiting_invocation(engine: Engine) -> Running | None:
    """The invocation that pauses if this thread waits: the one it executes, and no other thread's."""
    running = get_running()
    if running is None:
        return None
    if running.main_task is not None and on_event_loop():
        raise RunnerError(
            f"Invocation {running.record.invocation_id} of {running.record.task_id} asked for .result on the thread of "
            "its event loop, which would stop all coroutines there. Use 'await invocation' (or async_result()) instead."
        )
    if running.engine is not engine or running.thread_ident != threading.get_ident():
        return None
    return running


def on_event_loop() -> bool:
    """Whether this thread runs an event loop; asking imports none."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _read_ahead(engine: Engine, awaited: Sequence[str]) -> list[InvocationRecord]:
    """The record, if it came with an earlier answer; it is good for once."""
    ended = engine.read_ahead.take(awaited[0], engine.clock.monotonic()) if len(awaited) == 1 else None
    if ended is None:
        return []
    engine.recent.add(*ended)
    return [ended[0]]


def _finals(awaited: Sequence[str], records: Mapping[str, InvocationRecord]) -> list[InvocationRecord]:
    return [records[i] for i in awaited if records[i].status.is_final()]


def _look(engine: Engine, awaited: Sequence[str]) -> dict[str, InvocationRecord]:
    """How things stand; unknown ones are an error."""
    records = _read_one(engine, awaited[0]) if len(awaited) == 1 else read_all(engine, awaited)
    missing = [i for i in awaited if i not in records]
    if missing:
        raise InvocationNotFoundError(
            missing[0],
            f"not in the store of app {engine.settings.app_id!r}; it was purged, or belongs to another application",
        )
    return records


def _are_enough(ended: Sequence[InvocationRecord], awaited: Sequence[str], *, all_of_them: bool) -> bool:
    """Whether nobody need wait any more."""
    return len(ended) == len(awaited) or (bool(ended) and not all_of_them)


def _enough(engine: Engine, awaited: Sequence[str], *, all_of_them: bool) -> list[InvocationRecord]:
    """The final ones if nobody need wait; who never waited need not begin to listen for them."""
    ended = _finals(awaited, _look(engine, awaited))
    return ended if _are_enough(ended, awaited, all_of_them=all_of_them) else []


def _look_and_watch(engine: Engine, awaited: Sequence[str]) -> dict[str, InvocationRecord]:
    """How things stand; from now on we are told of those that other processes submitted, too.

    Of our own the owner tells us anyway.
    """
    address = engine.wakeups.address()
    records = _look(engine, awaited)
    foreign = [i for i, r in records.items() if r.reply_to != address and not r.status.is_final()]
    for start in range(0, len(foreign), CHUNK):
        records.update({r.invocation_id: r for r in engine.steps.watch(foreign[start : start + CHUNK], address)})
    return records


def read_finals(engine: Engine, awaited: Sequence[str]) -> list[InvocationRecord]:
    """The records of those that are final; what ended in this process is not asked for."""
    recent = {i: record for i in awaited if (record := engine.recent.record(i)) is not None}
    rest = [i for i in awaited if i not in recent]
    records = {**recent, **read_all(engine, rest)} if rest else recent
    return [records[i] for i in awaited if i in records and records[i].status.is_final()]


def _read_one(engine: Engine, invocation_id: str) -> dict[str, InvocationRecord]:
    """Its record; where it costs no further trip, what it and the next ones came to is read, too."""
    shortcuts = engine.backend.shortcuts
    if shortcuts is None:
        return engine.ledger.read([invocation_id])
    wanted = engine.read_ahead.with_next(invocation_id)
    found = shortcuts.read_with_outcomes(wanted)
    ended: list[tuple[InvocationRecord, Outcome]] = []
    for each in wanted:
        record, outcome = found.get(each, (None, None))
        if record is None or outcome is None or not record.status.is_final():
            break
        ended.append((record, outcome))
    if ended:
        engine.recent.add(*ended[0])
    engine.read_ahead.found(wanted, ended, engine.clock.monotonic())
    return {invocation_id: found[invocation_id][0]} if invocation_id in found else {}


def read_all(engine: Engine, ids: Sequence[str]) -> dict[str, InvocationRecord]:
    """The records of any number of invocations."""
    if len(ids) <= CHUNK:
        return engine.ledger.read(ids)
    records: dict[str, InvocationRecord] = {}
    for start in range(0, len(ids), CHUNK):
        records.update(engine.ledger.read(ids[start : start + CHUNK]))
    return records


def _wait_outside(
    engine: Engine, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
) -> list[InvocationRecord]:
    if known := _read_ahead(engine, awaited):
        return known
    if not engine.hub.listening and (ended := _enough(engine, awaited, all_of_them=all_of_them)):
        return ended
    # A bare lock: an Event costs four times as much to make and to wake.
    bell = threading.Lock()
    bell.acquire()
    waiter = Waiter(awaited, all_of_them=all_of_them, wake=bell.release)
    # Before the look, or an end between the two would be missed.
    engine.hub.add(waiter)
    try:
        ended = _finals(awaited, _look_and_watch(engine, awaited))
        if _are_enough(ended, awaited, all_of_them=all_of_them):
            return ended
        engine.hub.tell([each.invocation_id for each in ended])
        if not bell.acquire(timeout=-1 if timeout_seconds is None else max(timeout_seconds, 0)):
            raise _timed_out(engine, awaited, timeout_seconds)
    finally:
        engine.hub.remove(waiter)
    return _finals(awaited, _look(engine, awaited))


async def _wait_outside_async(
    engine: Engine, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
) -> list[InvocationRecord]:
    import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

    if known := _read_ahead(engine, awaited):
        return known
    loop = asyncio.get_running_loop()
    if not engine.hub.listening:
        ended = await loop.run_in_executor(None, lambda: _enough(engine, awaited, all_of_them=all_of_them))
        if ended:
            return ended
    done = loop.create_future()

    def finish() -> None:
        if not done.done():
            done.set_result(None)

    def ring() -> None:
        loop.call_soon_threadsafe(finish)

    waiter = Waiter(awaited, all_of_them=all_of_them, wake=ring)
    engine.hub.add(waiter)
    try:
        ended = _finals(awaited, await loop.run_in_executor(None, _look_and_watch, engine, awaited))
        if _are_enough(ended, awaited, all_of_them=all_of_them):
            return ended
        engine.hub.tell([each.invocation_id for each in ended])
        await asyncio.wait_for(done, timeout_seconds)
    except TimeoutError:
        raise _timed_out(engine, awaited, timeout_seconds) from None
    finally:
        engine.hub.remove(waiter)
    return _finals(awaited, await loop.run_in_executor(None, _look, engine, awaited))


def _timed_out(engine: Engine, awaited: Sequence[str], timeout_seconds: float | None) -> InvocationTimeoutError:
    records = read_all(engine, awaited)
    open_ones = [r for r in records.values() if not r.status.is_final()]
    first = open_ones[0] if open_ones else next(iter(records.values()))
    more = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
    return InvocationTimeoutError(
        first.invocation_id,
        f"still {first.status}{more} after {timeout_seconds} s; it goes on, and its result can be asked for later",
    )


# ---------------------------------------------------------------------- results


def outcome_of(engine: Engine, record: InvocationRecord) -> Any:
    """The result of a final invocation, or its exception raised."""
    outcome = engine.recent.outcome(record.invocation_id)
    if outcome is None:
        key = (record.invocation_id, record.attempt)
        outcome = engine.state.outcomes([key]).get(key)
    return value_of(engine, record, outcome)


def outcomes_of(engine: Engine, records: Sequence[InvocationRecord]) -> dict[tuple[str, int], Outcome]:
    """The recorded outcomes of several final invocations."""
    keys = [(record.invocation_id, record.attempt) for record in records]
    found: dict[tuple[str, int], Outcome] = {}
    for start in range(0, len(keys), CHUNK):
        found.update(engine.state.outcomes(keys[start : start + CHUNK]))
    return found


def value_of(engine: Engine, record: InvocationRecord, outcome: Outcome | None) -> Any:
    """What a final record and its outcome mean to the caller.

    Raises:
        InvocationError: it is not final, was dropped, cancelled, lost, or its outcome is gone.
        Exception: what the task raised.
    """
    status = record.status
    if status is not InvocationStatus.SUCCESS:
        tell_with(record)
    if status is InvocationStatus.SUCCESS and outcome is not None and outcome.result is not None:
        return engine.payloads.unpack(outcome.result, RESULT, record.invocation_id)
    if status is InvocationStatus.FAILED and outcome is not None and outcome.error is not None:
        raise _noted(engine.decode_exception(outcome.error, EXCEPTION, record.invocation_id), record)
    raise _noted(_without_outcome(record), record)


def _noted(error: BaseException, record: InvocationRecord) -> BaseException:
    """A workflow sees that a child of its has failed."""
    running = get_running()
    if running is not None and running.workflow is not None:
        position = running.workflow.children.get(record.invocation_id)
        if position is not None:
            running.workflow.saw_failure(position, error)
    return error


def _without_outcome(record: InvocationRecord) -> InvocationError:
    invocation_id, task_id = record.invocation_id, record.task_id
    match record.status:
        case InvocationStatus.CONCURRENCY_CONTROLLED_FINAL:
            return InvocationDroppedError(
                invocation_id,
                f"{task_id} has no result: another invocation of its running-concurrency scope was running, and it "
                "has reroute_on_concurrency_control=False. Set it to True to have blocked calls wait in line.",
            )
        case InvocationStatus.CANCELLED:
            return InvocationCancelledError(invocation_id, f"{task_id} was cancelled and has no result")
        case status if status.is_final():
            return ResultNotAvailableError(
                invocation_id, f"{task_id} ended as {status}, but what it came to is not in the state backend any more"
            )
        case status:
            return InvocationError(invocation_id, f"Invocation is not final: status {status}")
