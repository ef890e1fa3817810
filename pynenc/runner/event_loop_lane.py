"""Coroutines: ``async def`` tasks on one event loop of the process.

They have a limit of their own and take no slot. One that awaits an invocation is PAUSED and keeps neither a
thread nor a place; ten thousand of them cost some tens of megabytes. The loop never touches a store: what
ends, pauses and resumes is collected, and one thread beside the loop writes all of it in one step, then the
next, so that groups form by themselves under load.
"""

import inspect
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pynenc.engine.context import Running, set_running
from pynenc.engine.crash_points import crash_point
from pynenc.engine.execution import Ended, Fenced, Unwind, classify, ended_by
from pynenc.engine.hub import Waiter
from pynenc.engine.telling import is_to_be_told, late, raise_if_cancelled, raise_if_was_late
from pynenc.engine.waiting import read_finals
from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.record import Claimed, Finish, InvocationRecord, Lane, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.steps import ClaimPlan
from pynenc.runner.parking import raise_if_refused, wait_request

#: Most coroutines that one step starts.
STEP_LIMIT = 128
#: A resume that the store or the scope refused is tried again after this long.
RECHECK_SECONDS = 0.25


#: A paused coroutine whose wait is over, and the future on which it awaits its record.
Resuming = tuple[Running, Any]


class _Home:
    """Where a paused coroutine is told to go on; the same shape as the place of a parked thread."""

    __slots__ = ("_loop", "done", "error")

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self.done = loop.create_future()
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let it go on; from any thread."""
        self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class EventLoopLane:
    """The coroutines of one pool."""

    announces = False

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._engine = pool.engine
        self._lock = threading.Lock()
        #: The event loop, once the first coroutine came.
        self._loop: Any = None
        self._io: ThreadPoolExecutor | None = None
        self._accepted: deque[Claimed] = deque()
        self._finished: list[Finish] = []
        self._resuming: list[Resuming] = []
        self._active = 0
        self._paused: dict[str, Running] = {}
        self._scheduled = False
        #: A step is being taken: what it took out of the lists above is not back in any of them yet.
        self._stepping = False
        self._stopped = False

    # ------------------------------------------------------------------- room

    def room(self) -> int:
        """How many more coroutines may be claimed."""
        limits = self._pool.limits
        if self._stopped or len(self._paused) >= limits.max_paused_coroutines:
            return 0
        return max(0, int(limits.max_async_tasks) - self._active - len(self._accepted))

    def paused_count(self) -> int:
        """How many coroutines are paused."""
        return len(self._paused)

    def accepted(self) -> set[str]:
        """What was taken and has not begun."""
        with self._lock:
            return {claimed.record.invocation_id for claimed in self._accepted}

    def occupied(self) -> bool:
        """Whether anything was taken that has not been recorded."""
        waiting = self._accepted or self._finished or self._scheduled or self._stepping
        return bool(waiting or self._active or self._paused)

    def look(self) -> None:
        """There may be work for the lane while every slot is busy."""
        if self._loop is not None or self._any_queued():
            self._schedule()

    def _any_queued(self) -> bool:
        if not self.room() or self._pool.limits.single_use:
            return False
        try:
            sizes = self._engine.backend.broker.sizes()
        except StoreUnavailableError as error:
            # The slots look for work until the queues are back, and then for the lane's, too.
            self._engine.events.loop_failed("Looking for coroutines", error)
            return False
        return any(count and lane == Lane.EVENT_LOOP for (_, lane), count in sizes.items())

    def submit(self, claimed: Claimed) -> None:
        """Take a claimed invocation; it may be RUNNING in the ledger already."""
        with self._lock:
            self._accepted.append(claimed)
        self._schedule()

    def _count(self, coroutines: int) -> None:
        with self._lock:
            self._active += coroutines

    # ------------------------------------------------------------- store steps

    def _schedule(self) -> None:
        """Have the thread beside the loop take a step, once for all that is collected meanwhile."""
        with self._lock:
            if self._scheduled or self._stopped:
                return
            self._scheduled = True
            if self._io is None:
                self._io = ThreadPoolExecutor(1, thread_name_prefix="pynenc-lane-store")
            io = self._io
        io.submit(self._step)

    def _step(self) -> None:
        with self._lock:
            self._scheduled = False
            self._stepping = True
            finishes, self._finished = self._finished, []
            accepted, self._accepted = list(self._accepted), deque()
            resuming, self._resuming = self._resuming, []
        try:
            self._write(finishes, accepted, resuming)
        except Exception as error:  # noqa: BLE001 - design law 10: kept, and tried again when the store answers
            self._engine.events.loop_failed("A step of the event loop lane", error)
            with self._lock:
                self._finished = finishes + self._finished
                self._accepted.extendleft(reversed(accepted))
                self._resuming = resuming + self._resuming
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.call_later, RECHECK_SECONDS, self._schedule)
        finally:
            self._stepping = False
        self._pool.check_empty()

    def _write(
        self,
        finishes: Sequence[Finish],
        accepted: Sequence[Claimed],
        resuming: Sequence[Resuming],
    ) -> None:
        pool = self._pool
        starts = [c for c in accepted if c.record.status is not InvocationStatus.RUNNING]
        plain = [pair for pair in resuming if pair[0].record.running_key is None]
        changes = [
            Transition(c.record.invocation_id, InvocationStatus.RUNNING, pool.runner_id, c.record.attempt)
            for c in starts
        ] + [
            Transition(r.record.invocation_id, InvocationStatus.RESUMED, pool.runner_id, r.record.attempt)
            for r, _ in plain
        ]
        plan = self._plan(len(accepted))
        if not (finishes or changes or plan is not None) and not accepted and not resuming:
            return
        answer = self._engine.steps.advance(finishes, changes, plan)
        pool.attempts.recorded(finishes, answer.finished)
        begun = [c for c in accepted if c.record.status is InvocationStatus.RUNNING]
        begun += [c._replace(record=r) for c, r in zip(starts, answer.changed, strict=False) if r is not None]
        begun += answer.claimed
        resumed = list(zip(plain, answer.changed[len(starts) :], strict=True))
        for running, future in resuming:
            if running.record.running_key is not None:
                resumed.append(((running, future), self._engine.steps.resume(running.record, pool.runner_id)))
        # Counted before they are on the loop: there is no moment in which nobody knows of them.
        self._count(len(begun))
        if begun or resumed:
            self._on_loop(lambda: self._go(begun, resumed))
        if answer.claimed or answer.more or pool.idle_mark.lower():
            self._schedule()

    def _plan(self, coming: int) -> ClaimPlan | None:
        pool = self._pool
        room = min(self.room() - coming, STEP_LIMIT)
        if room <= 0 or pool.limits.single_use or (pool.stopping and not self._paused):
            return None
        queues = pool.limits.queues or ("*",)
        places = [(queue, Lane.EVENT_LOOP.value) for queue in queues]
        only_awaited = pool.stopping
        return ClaimPlan(pool.runner_id, places, room, only_awaited=only_awaited, start=room)

    # -------------------------------------------------------------- event loop

    def _on_loop(self, act: Callable[[], None]) -> None:
        if self._loop is None:
            ready = threading.Event()
            threading.Thread(target=self._loop_main, args=(ready,), name="pynenc-event-loop", daemon=True).start()
            ready.wait()
        assert self._loop is not None  # noqa: S101 - set by the thread before it is ready
        self._loop.call_soon_threadsafe(act)

    def _loop_main(self, ready: threading.Event) -> None:
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loop = loop
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.close()

    def _go(
        self,
        begun: Sequence[Claimed],
        resumed: Sequence[tuple[Resuming, InvocationRecord | None]],
    ) -> None:
        assert self._loop is not None  # noqa: S101 - we are on it
        for claimed in begun:
            running = self._pool.attempts.begin(claimed, self)
            running.main_task = self._loop.create_task(self._execute(running))
        for (_, future), record in resumed:
            if not future.done():
                future.set_result(record)

    async def _execute(self, running: Running) -> None:
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        set_running(running)
        running.main_task = asyncio.current_task()
        running.thread_ident = threading.get_ident()
        try:
            ended = await self._call(running)
        except (Unwind, Fenced):
            self._pool.attempts.forget([running.record])
        else:
            self._finished_one(classify(running, ended, self._engine.clock.now()))
        finally:
            self._count(-1)
            self._schedule()

    async def _call(self, running: Running) -> Ended:
        try:
            arguments = self._engine.payloads.unpack_arguments(
                running.claimed.arguments, running.record.task_id, running.record.invocation_id
            )
            crash_point("execute.before_call")
            made = running.task.run(arguments)
            result = await made if inspect.isawaitable(made) else made
            if running.workflow is not None:
                await self._loop.run_in_executor(None, running.workflow.returned)
            return Ended(result, None)
        except (Unwind, Fenced):
            raise
        except BaseException as error:  # noqa: BLE001 - design law 10: nothing user code raises may stop a runner
            if running.workflow is None:
                return ended_by(running, error)
            ended: Ended = await self._loop.run_in_executor(None, ended_by, running, error)
            return ended
        finally:
            crash_point("execute.after_call")

    def _finished_one(self, finish: Finish) -> None:
        self._pool.attempts.completed += 1
        with self._lock:
            self._finished.append(finish)

    # -------------------------------------------------------------- suspension

    async def suspend_async(
        self, running: Running, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
    ) -> Sequence[InvocationRecord]:
        """Pause until the awaited are final, keeping neither thread nor place."""
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        loop = self._loop
        if timeout_seconds is not None and (running.workflow is not None or running.record.attempt > 1):
            await asyncio.to_thread(raise_if_was_late, running, awaited, timeout_seconds)
        home = running.home = _Home(loop)
        waiter = Waiter(awaited, all_of_them=all_of_them, wake=home.wake, key=running)
        self._engine.hub.add(waiter)
        in_time = True
        try:
            if await loop.run_in_executor(self._io, self._pause, running, awaited, all_of_them):
                self._count(-1)
                self._schedule()
                self._pool.parking.on_change(len(self._paused))
                try:
                    await asyncio.wait_for(home.done, timeout_seconds)
                except TimeoutError:
                    in_time = False
                finally:
                    self._count(1)
                await self._resume(running)
        finally:
            self._engine.hub.remove(waiter)
            self._paused.pop(running.record.invocation_id, None)
        finals: list[InvocationRecord] = await loop.run_in_executor(self._io, read_finals, self._engine, awaited)
        if not in_time and (len(finals) < len(awaited) if all_of_them else not finals):
            raise await asyncio.to_thread(late, running, awaited, timeout_seconds)
        return finals

    def _pause(self, running: Running, awaited: Sequence[str], all_of_them: bool) -> bool:
        self._paused[running.record.invocation_id] = running
        answer = self._engine.steps.wait(wait_request(running, awaited, all_of_them=all_of_them), (), None)
        if answer.paused is None:
            raise_if_refused(running, answer)
            return False
        running.record = answer.paused
        running.cancelled = running.cancelled or answer.paused.cancel_requested
        # Nobody will tell us of those that had ended before.
        self._engine.hub.tell([r.invocation_id for r in answer.awaited if r.status.is_final()])
        return True

    async def _resume(self, running: Running) -> None:
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        while True:
            if running.home.error is not None:
                raise running.home.error
            future = self._loop.create_future()
            with self._lock:
                self._resuming.append((running, future))
            self._schedule()
            record = await future
            if record is not None:
                running.record = record
                break
            loop = self._loop
            current = await loop.run_in_executor(self._io, self._engine.ledger.read, [running.record.invocation_id])
            now = current.get(running.record.invocation_id)
            if now is None or now.attempt != running.record.attempt or not now.status.is_owned():
                raise Fenced
            await asyncio.sleep(RECHECK_SECONDS)
        self._pool.parking.on_change(len(self._paused) - 1)
        running.cancelled = running.cancelled or running.record.cancel_requested
        if is_to_be_told(running):
            await asyncio.to_thread(raise_if_cancelled, running)

    def suspend(
        self, running: Running, awaited: Sequence[str], *, all_of_them: bool, timeout_seconds: float | None
    ) -> Sequence[InvocationRecord]:
        """Threads have a suspender of their own."""
        raise NotImplementedError

    def owe(self, calls: int) -> None:
        """Coroutines do not run what they wait for: others are told at once."""
        raise NotImplementedError

    def interrupt(self, running: Running) -> None:
        """End its wait, if it is in one."""
        if running.record.invocation_id in self._paused:
            running.home.wake()

    # -------------------------------------------------------------------- stop

    def unwind(self) -> list[Running]:
        """Take all paused coroutines; the caller wakes them with an error."""
        with self._lock:
            finished, self._finished = self._finished, []
        self._pool.attempts.record(finished)
        paused = list(self._paused.values())
        self._paused.clear()
        return paused

    def close(self) -> None:
        """End the loop and the thread beside it."""
        self._stopped = True
        if self._io is not None:
            self._io.shutdown(wait=False)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
