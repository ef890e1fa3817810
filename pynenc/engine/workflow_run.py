"""The operations of one attempt of an invocation that uses ``task.wf``: recorded, or performed and recorded.

Each asks for its place, looks what is recorded there, and gives it back; or performs, writes, and gives what it wrote.
"""

import hashlib
import inspect
import random
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pynenc.engine.context import in_step
from pynenc.engine.event_waits import EventWaits
from pynenc.engine.execution import Departed, Fenced, Unwind
from pynenc.engine.journal import Journal, SyncJournal
from pynenc.engine.operation_arguments import checked_seconds, require_text
from pynenc.engine.replay import Replay
from pynenc.exceptions import InvocationCancelledError, SerializationError
from pynenc.invocation.record import Lane
from pynenc.workflow.event import Event
from pynenc.workflow.log_entry import LogEntry, OperationKind
from pynenc.workflow.operations import EventFilter
from pynenc.workflow.workflow_deterministic import seed
from pynenc.workflow.workflow_exceptions import WorkflowAccessError, WorkflowError
from pynenc.workflow.workflow_identity import WorkflowIdentity

#: Two readings of ``utc_now`` are at least this far apart, so that they differ in whole microseconds.
TICK_SECONDS = 2e-6


def open_replay(journal: Journal, identity: WorkflowIdentity, running: Any) -> Replay:
    """What an attempt keeps of its use of ``wf``, with the operations that its code may perform."""
    replay = Replay(journal, running)
    replay.operations = WorkflowRun(journal, identity, replay, running.task)
    return replay


class WorkflowRun:
    """What one attempt has asked for so far. May be used by the threads of user code."""

    def __init__(self, journal: Journal, identity: WorkflowIdentity, replay: Replay, task: Any) -> None:
        self.identity = identity
        self._journal = journal
        self._replay = replay
        self._task = task
        self._counts: Counter[str] = Counter()
        self._patches: dict[str, bool] = {}
        #: Where this attempt has put markers.
        self._marked: set[int] = set()
        self._time = 0.0
        self._event_waits = EventWaits(journal, replay)

    def random(self) -> float:
        return float(self._plain(OperationKind.RANDOM, lambda bits: repr(random.Random(bits).random())))  # noqa: S311 - repeats

    def uuid(self) -> str:
        return self._plain(OperationKind.UUID, lambda bits: str(uuid.UUID(int=bits, version=4)))

    def utc_now(self) -> datetime:
        text = self._plain(OperationKind.TIME, lambda _: repr(max(self._journal.now(), self._time + TICK_SECONDS)))
        self._time = float(text)
        return datetime.fromtimestamp(self._time, UTC)

    def _plain(self, kind: OperationKind, make: Callable[[int], str]) -> str:
        self._replay.refuse_event_loop(kind)
        with self._replay.lock:
            position = self._replay.claim(kind)
            self._counts[kind] += 1
            number = self._counts[kind]
            entry = self._replay.look(position, kind, "", "")
            if entry is not None:
                return str(entry.value)
            value = make(seed(self._journal.log_id, kind, number))
            self._replay.write(self._replay.entry(position, kind, value=value))
            return value

    def set_data(self, key: str, value: Any) -> None:
        self._replay.refuse_event_loop("set_data")
        require_text("The key of wf.set_data()", key)
        packed = self._journal.pack(f"set_data({key!r})", value)
        position = self._replay.claim("set_data")
        if self._replay.look(position, OperationKind.SET_DATA, key, "") is None:
            entry = self._replay.entry(position, OperationKind.SET_DATA, key)
            with self._replay.writing(entry) as (entries, dealt_with):
                self._journal.write(entries, dealt_with, data=(key, packed))

    def get_data(self, key: str, default: Any) -> Any:
        self._replay.refuse_event_loop("get_data")
        require_text("The key of wf.get_data()", key)
        position = self._replay.claim("get_data")
        entry = self._replay.look(position, OperationKind.GET_DATA, key, "")
        if entry is not None:
            stored = entry.value
        else:
            stored = self._journal.read_data(key)
            self._replay.write(self._replay.entry(position, OperationKind.GET_DATA, key, value=stored))
        return default if stored is None else self._journal.unpack(stored)

    def execute(self, call: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self._replay.refuse_event_loop("execute_task")
        bind = getattr(call, "bound_call", None)
        if bind is None:
            raise TypeError(f"execute_task() calls tasks, and {call!r} is none. For functions there is wf.step().")
        task, values, options = bind(args, kwargs)
        if task.app.app_id != self._task.app.app_id:
            raise WorkflowError(
                f"execute_task() was given {task.key}, a task of app {task.app.app_id!r}, and this workflow belongs to "
                f"app {self._task.app.app_id!r}, whose store its record is in. Call the task in a step, and have the "
                "step return what it came to."
            )
        made = self._journal.prepare(task, values, options)
        kind, key, digest = OperationKind.TASK, made.task.key, made.digest
        position = self._replay.claim("execute_task")
        entry = self._replay.look(position, kind, key, digest)
        if entry is not None:
            invocation = self._journal.join_child(made, entry)
        else:
            with self._replay.writing() as (entries, dealt_with):
                invocation = self._journal.start_child(
                    made,
                    lambda child: self._replay.entry(position, kind, key, digest, value=child),
                    entries,
                    dealt_with,
                )
        self._replay.children[invocation.invocation_id] = position
        return invocation

    def step(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        require_text("The name of a step", name)
        if not callable(function):
            raise TypeError(f"Step {name!r} needs a function to call, and got {function!r}.")
        if inspect.iscoroutinefunction(function):
            if self._task.lane != Lane.EVENT_LOOP:
                raise TypeError(
                    f"Step {name!r} has an async function, and {self._task.key} is no async task that could await it. "
                    "Make the task 'async def' and write 'await wf.step(...)', or give the step a function that is "
                    "not async, such as lambda: asyncio.run(...)."
                )
            # Its place in the order is where it is called, not where it is awaited.
            return self._step_async(self._replay.claim("step"), name, function, args, kwargs)
        self._replay.refuse_event_loop("step (of a function that is not async)")
        position = self._replay.claim("step")
        entry = self._replay.look(position, OperationKind.STEP, name, "")
        if entry is not None:
            return self._outcome(entry)
        token = in_step.set(name)
        told_before = self._replay.interruptions.is_told
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            in_step.reset(token)
            self._step_failed(position, name, error, told_before=told_before)
            raise
        in_step.reset(token)
        return self._step_done(position, name, value)

    async def _step_async(
        self, position: int, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        entry = await asyncio.to_thread(self._replay.look, position, OperationKind.STEP, name, "")
        if entry is not None:
            return await self._outcome_async(entry)
        token = in_step.set(name)
        told_before = self._replay.interruptions.is_told
        try:
            value = await function(*args, **kwargs)
        except GeneratorExit:
            # Nobody awaits it any more: there is no code that could go on after it.
            raise
        except asyncio.CancelledError as error:
            # Whoever cancels does not wait for a store.
            in_step.reset(token)
            self._hold_back(position, name, error)
            raise
        except BaseException as error:
            in_step.reset(token)
            await asyncio.to_thread(self._step_failed, position, name, error, told_before=told_before)
            raise
        in_step.reset(token)
        return await asyncio.to_thread(self._step_done, position, name, value)

    def _step_done(self, position: int, name: str, value: Any) -> Any:
        try:
            packed = self._journal.pack(f"step {name!r}", value)
        except SerializationError as error:
            self._hold_back(position, name, error)
            raise
        self._replay.write(self._replay.entry(position, OperationKind.STEP, name, value=packed.value), uses=packed.uses)
        # It was cancelled meanwhile: told where the code began the step, and not where it begins to clean up.
        self._replay.raise_if_cancelled()
        # As it will be when the code runs again, and not as it happens to be now.
        return self._journal.unpack(packed.value)

    def _step_failed(self, position: int, name: str, error: BaseException, *, told_before: bool) -> None:
        """Any end of a step that is none of the engine's repeats, if the code goes on after it."""
        if isinstance(error, (Unwind, Fenced, Departed)):
            return
        if isinstance(error, InvocationCancelledError) and self._replay.interruptions.is_told and not told_before:
            self._replay.write(self._replay.entry(position, OperationKind.CANCEL))
        elif self._replay.interruptions.is_to_be_told:
            self._replay.interruptions.tell(position, error)
        else:
            self._hold_back(position, name, error)

    def _hold_back(self, position: int, name: str, error: BaseException) -> None:
        packed = self._journal.pack_error(error)
        self._replay.hold_back(self._replay.entry(position, OperationKind.STEP, name, value=packed), error)

    def _outcome(self, entry: LogEntry) -> Any:
        if entry.failed:
            error = self._journal.unpack_error(entry.value)
            self._replay.saw_failure(entry.position, error, again=True)
            raise error
        self._replay.interruptions.raise_if_told_here()
        return self._journal.unpack(entry.value)

    async def _outcome_async(self, entry: LogEntry) -> Any:
        import asyncio  # noqa: PLC0415 - as above

        try:
            return await asyncio.to_thread(self._outcome, entry)
        except asyncio.CancelledError:
            # The code has cancelled it, by a time-out, say: so it will again.
            return await asyncio.get_running_loop().create_future()

    def patched(self, name: str) -> bool:
        self._replay.refuse_event_loop("patched")
        require_text("The name of a change in wf.patched()", name)
        with self._replay.lock:
            if name not in self._patches:
                markers = self._journal.patches()
                self._patches[name] = name in markers or self._mark(name, markers.values())
            return self._patches[name]

    def _mark(self, name: str, taken: Collection[int]) -> bool:
        if not self._replay.may_change():
            return False
        # By its name, and not by how many there are: which questions the code asks, changes with the code.
        position = -1 - int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")
        while position in taken or position in self._marked:
            position -= 1
        self._replay.write(self._replay.entry(position, OperationKind.PATCH, name))
        self._marked.add(position)
        return True

    def sleep(self, seconds: float) -> None:
        self._replay.refuse_event_loop("sleep")
        seconds = checked_seconds("wf.sleep()", seconds)
        position = self._replay.claim("sleep")
        entry = self._replay.look(position, OperationKind.SLEEP, "", "")
        if entry is None:
            entry = self._replay.entry(
                position, OperationKind.SLEEP, value=repr(self._journal.now() + max(0.0, seconds))
            )
            self._replay.write(entry)
        until = float(str(entry.value))
        if isinstance(self._journal, SyncJournal):
            self._journal.skip_to(until)
        elif until > self._journal.now():
            self._replay.raise_if_cancelled()
            self._replay.leave(Departed(not_before=until))
        else:
            self._replay.interruptions.raise_if_told_here()

    def wait_event(self, event_code: str, wanted: EventFilter, timeout: float | timedelta | None) -> Event:
        self._replay.refuse_event_loop("wait_event")
        require_text("The code of an event in wf.wait_event()", event_code)
        if isinstance(timeout, timedelta):
            timeout = timeout.total_seconds()
        if timeout is not None:
            timeout = checked_seconds("The timeout of wf.wait_event()", timeout)
        return self._event_waits.wait(event_code, wanted, timeout)

    # ---------------------------------------------------------------- the root

    def require_root(self) -> None:
        """Check that this is the invocation that started the workflow.

        Raises:
            WorkflowAccessError: it is another one of the workflow.
        """
        if self._journal.log_id != self.identity.workflow_id:
            raise WorkflowAccessError(
                f"wf.root was used in invocation:{self._journal.log_id}, and the root of its workflow is "
                f"invocation:{self.identity.workflow_id}: operations belong to the invocation that performs them. "
                "Use wf here, or pass the value as an argument."
            )
