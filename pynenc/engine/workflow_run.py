"""The operations of one attempt of an invocation that uses ``task.wf``: recorded, or performed and recorded.

Positions count the operations in the order in which the code begins them. What is recorded at a position is checked
against what the code asks for, and given back; what is not is performed. Nothing here knows where the record is kept.
"""

import inspect
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pynenc.engine.execution import Departed
from pynenc.engine.journal import Journal, Packed, SyncJournal, described
from pynenc.engine.waiting import on_event_loop
from pynenc.exceptions import InvocationCancelledError
from pynenc.workflow.log_entry import LogEntry, OperationKind
from pynenc.workflow.workflow_deterministic import seed
from pynenc.workflow.workflow_exceptions import WorkflowAccessError, WorkflowMismatchError
from pynenc.workflow.workflow_identity import WorkflowIdentity

#: Two readings of ``utc_now`` are at least this far apart.
TICK_SECONDS = 1.0

_in_step: ContextVar[str | None] = ContextVar("pynenc_in_step", default=None)


class WorkflowRun:
    """What one attempt has asked for so far. May be used by the threads of user code."""

    def __init__(self, journal: Journal, identity: WorkflowIdentity, running: Any) -> None:
        self.identity = identity
        #: How the code is left, once it has to be: whatever it makes of it.
        self.departure: Departed | None = None
        #: Whether this attempt has recorded anything.
        self.progressed = False
        self._journal = journal
        self._running = running
        self._lock = threading.RLock()
        self._next = 1
        self._counts: Counter[str] = Counter()
        self._patches: dict[str, bool] = {}
        self._time = 0.0
        self._mismatch: WorkflowMismatchError | None = None
        self._told_cancelled = False
        #: Children by the id of their invocation: their position.
        self._children: dict[str, int] = {}
        # A failure is recorded together with what the code does next: one that ends the attempt is none of the record.
        self._failed_steps: list[LogEntry] = []
        self._failed_children: list[int] = []

    # ------------------------------------------------------------- operations

    def random(self) -> float:
        return float(self._plain(OperationKind.RANDOM, lambda bits: repr(random.Random(bits).random())))  # noqa: S311 - repeats

    def uuid(self) -> str:
        return self._plain(OperationKind.UUID, lambda bits: str(uuid.UUID(int=bits, version=4)))

    def utc_now(self) -> datetime:
        text = self._plain(OperationKind.TIME, lambda _: repr(max(self._journal.now(), self._time + TICK_SECONDS)))
        self._time = float(text)
        return datetime.fromtimestamp(self._time, UTC)

    def _plain(self, kind: OperationKind, make: Callable[[int], str]) -> str:
        self._refuse_event_loop(kind)
        with self._lock:
            position = self._claim(kind)
            self._counts[kind] += 1
            number = self._counts[kind]
            entry = self._look(position, kind, "", "")
            if entry is not None:
                return str(entry.value)
            value = make(seed(self._journal.log_id, kind, number))
            self._write(self._entry(position, kind, value=value))
            return value

    def set_data(self, key: str, value: Any) -> None:
        self._refuse_event_loop("set_data")
        packed = self._journal.pack(f"set_data({key!r})", value)
        position = self._claim("set_data")
        if self._look(position, OperationKind.SET_DATA, key, "") is None:
            with self._lock:
                entries, dealt_with = self._unwritten(self._entry(position, OperationKind.SET_DATA, key))
                self._journal.write(entries, dealt_with, data=(key, packed))
                self._written()

    def get_data(self, key: str, default: Any) -> Any:
        self._refuse_event_loop("get_data")
        position = self._claim("get_data")
        entry = self._look(position, OperationKind.GET_DATA, key, "")
        if entry is not None:
            stored = entry.value
        else:
            stored = self._journal.read_data(key)
            self._write(self._entry(position, OperationKind.GET_DATA, key, value=stored))
        return default if stored is None else self._journal.unpack(stored)

    def execute(self, call: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self._refuse_event_loop("execute_task")
        bind = getattr(call, "bound_call", None)
        if bind is None:
            raise TypeError(f"execute_task() calls tasks, and {call!r} is none. For functions there is wf.step().")
        made = self._journal.prepare(*bind(args, kwargs))
        kind, key, digest = OperationKind.TASK, made.task.key, made.digest
        position = self._claim("execute_task")
        entry = self._look(position, kind, key, digest)
        if entry is not None:
            invocation = self._journal.join_child(made, entry)
        else:
            with self._lock:
                entries, dealt_with = self._unwritten()
                invocation = self._journal.start_child(
                    made, lambda child: self._entry(position, kind, key, digest, value=child), entries, dealt_with
                )
                self._written()
        self._children[invocation.invocation_id] = position
        return invocation

    def step(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if inspect.iscoroutinefunction(function):
            # Its place in the order is where it is called, not where it is awaited.
            return self._step_async(self._claim("step"), name, function, args, kwargs)
        self._refuse_event_loop("step (of a function that is not async)")
        position = self._claim("step")
        entry = self._look(position, OperationKind.STEP, name, "")
        if entry is not None:
            return self._outcome(entry)
        token = _in_step.set(name)
        try:
            value = function(*args, **kwargs)
        except Exception as error:
            self._step_failed(position, name, error)
            raise
        finally:
            _in_step.reset(token)
        return self._step_done(position, name, value)

    async def _step_async(
        self, position: int, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

        entry = await asyncio.to_thread(self._look, position, OperationKind.STEP, name, "")
        if entry is not None:
            return self._outcome(entry)
        token = _in_step.set(name)
        try:
            value = await function(*args, **kwargs)
        except Exception as error:
            self._step_failed(position, name, error)
            raise
        finally:
            _in_step.reset(token)
        return await asyncio.to_thread(self._step_done, position, name, value)

    def _step_done(self, position: int, name: str, value: Any) -> Any:
        packed = self._journal.pack(f"step {name!r}", value)
        self._write(self._entry(position, OperationKind.STEP, name, value=packed.value), packed)
        # As it will be when the code runs again, and not as it happens to be now.
        return self._journal.unpack(packed.value)

    def _step_failed(self, position: int, name: str, error: Exception) -> None:
        entry = self._entry(position, OperationKind.STEP, name, value=self._journal.pack_error(error))
        with self._lock:
            self._failed_steps.append(entry._replace(failed=True, dealt_with=True))

    def _outcome(self, entry: LogEntry) -> Any:
        if entry.failed:
            raise self._journal.unpack_error(entry.value)
        return self._journal.unpack(entry.value)

    def patched(self, name: str) -> bool:
        self._refuse_event_loop("patched")
        with self._lock:
            if name not in self._patches:
                markers = self._journal.patches()
                self._patches[name] = name in markers or self._mark(name, len(markers))
            return self._patches[name]

    def _mark(self, name: str, others: int) -> bool:
        if self._journal.next_recorded(self._next) is not None:
            return False
        made = sum(self._patches.values())
        self._write(self._entry(-1 - others - made, OperationKind.PATCH, name))
        return True

    def sleep(self, seconds: float) -> None:
        self._refuse_event_loop("sleep")
        position = self._claim("sleep")
        entry = self._look(position, OperationKind.SLEEP, "", "")
        if entry is None:
            entry = self._entry(position, OperationKind.SLEEP, value=repr(self._journal.now() + max(0.0, seconds)))
            self._write(entry)
        until = float(str(entry.value))
        if isinstance(self._journal, SyncJournal):
            self._journal.skip_to(until)
        elif until > self._journal.now():
            self.leave(Departed(not_before=until))

    # ---------------------------------------------------------------- places

    def _claim(self, operation: str) -> int:
        """The place of the operation that the code begins."""
        if self.departure is not None:
            raise self.departure
        if self._mismatch is not None:
            raise self._mismatch
        outer = _in_step.get()
        if outer is not None:
            raise WorkflowAccessError(
                f"wf.{operation} was used inside of step {outer!r}, whose function is not run again once it is "
                "recorded. Call it before the step and pass the value in, or return it from the step."
            )
        with self._lock:
            position = self._next
            self._next += 1
            return position

    def _look(self, position: int, kind: str, name: str, detail: str) -> LogEntry | None:
        """What is recorded there; None: nothing yet.

        Raises:
            WorkflowMismatchError: something else.
            InvocationCancelledError: the invocation is told here that it is cancelled, or was.
        """
        entry = self._journal.recorded(position)
        if entry is None:
            if self._running.cancelled and not self._told_cancelled:
                self._write(self._entry(position, OperationKind.CANCEL))
                self._raise_cancelled()
            return None
        if entry.kind == OperationKind.CANCEL:
            self._raise_cancelled()
        if (entry.kind, entry.name, entry.detail) != (kind, name, detail):
            self._raise_mismatch(entry, described(kind, name, detail))
        return entry

    def _raise_mismatch(self, entry: LogEntry, found: str) -> None:
        recorded = described(entry.kind, entry.name, entry.detail)
        self._mismatch = WorkflowMismatchError(self._journal.log_id, entry.position, recorded, found)
        raise self._mismatch

    def _raise_cancelled(self) -> None:
        self._told_cancelled = True
        raise InvocationCancelledError(
            self._running.handle.invocation_id if self._running.record is None else self._running.record.invocation_id,
            "cancelled on request while it was running",
        )

    def _refuse_event_loop(self, operation: str) -> None:
        if self._running.main_task is not None and on_event_loop():
            raise WorkflowAccessError(
                f"wf.{operation} was called on the thread of an event loop, which the store would stop for a moment. "
                "Use 'await asyncio.to_thread(...)' with it; 'await wf.step(name, async_function)' works as it is."
            )

    # --------------------------------------------------------------- writing

    def _entry(
        self, position: int, kind: OperationKind, name: str = "", detail: str = "", value: Any = None
    ) -> LogEntry:
        record = self._running.record
        attempt = 0 if record is None else record.attempt
        return LogEntry(
            position,
            kind.value,
            name,
            detail,
            value,
            failed=False,
            dealt_with=False,
            attempt=attempt,
            recorded_at=self._journal.now(),
        )

    def _unwritten(self, *entries: LogEntry) -> tuple[list[LogEntry], list[int]]:
        """What is to be recorded with the next operation. To be called with the lock held, then ``_written``."""
        return [*self._failed_steps, *entries], list(self._failed_children)

    def _written(self) -> None:
        self._failed_steps.clear()
        self._failed_children.clear()
        self.progressed = True

    def _write(self, entry: LogEntry, packed: Packed | None = None) -> None:
        with self._lock:
            entries, dealt_with = self._unwritten(entry)
            self._journal.write(entries, dealt_with, uses=packed.uses if packed is not None else ())
            self._written()

    # ------------------------------------------------- what the engine asks

    def note_failure(self, invocation_id: str) -> None:
        """The code has seen that a child failed."""
        position = self._children.get(invocation_id)
        if position is not None:
            with self._lock:
                self._failed_children.append(position)

    def recorded_children(self, invocation_ids: Any) -> bool:
        """Whether all of these were called through ``execute_task``, so that a replay finds them again."""
        return all(each in self._children for each in invocation_ids)

    def raise_if_cancelled(self) -> None:
        """At a wait of a cancelled invocation: tell it, unless it was told, or was not yet when it came here first."""
        if self._told_cancelled:
            return
        with self._lock:
            entry = self._journal.recorded(self._next)
            if entry is None:
                self._write(self._entry(self._claim("cancel"), OperationKind.CANCEL))
                self._raise_cancelled()
            elif entry.kind == OperationKind.CANCEL:
                self._claim("cancel")
                self._raise_cancelled()
            else:
                self._journal.put_back(entry)

    def leave(self, departure: Departed) -> None:
        """Leave the code; it comes back by replay.

        Raises:
            Departed: always.
        """
        with self._lock:
            if self._failed_steps or self._failed_children:
                entries, dealt_with = self._unwritten()
                self._journal.write(entries, dealt_with)
                self._written()
        self.departure = departure
        raise departure

    def returned(self) -> None:
        """The code has come to its end.

        Raises:
            Departed: it was to be left, and somebody has caught that.
            WorkflowMismatchError: the same; or the record goes on where the code does not.
        """
        if self.departure is not None:
            raise self.departure
        if self._mismatch is not None:
            raise self._mismatch
        more = self._journal.next_recorded(self._next)
        if more is not None:
            self._raise_mismatch(more, "the end of the code")

    def replaced(self, error: BaseException) -> BaseException:
        """What ended the code, whatever the code has made of it."""
        return self.departure or self._mismatch or error

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
