"""What an attempt has recorded, and where more is recorded: in the store, or in this process for sync mode."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pynenc.engine import submit as submission
from pynenc.engine.context import Running
from pynenc.engine.event_inbox import Inbox, StoredInbox
from pynenc.engine.execution import Fenced
from pynenc.engine.seen_failures import Undone
from pynenc.exceptions import SerializationError
from pynenc.identifiers import new_id
from pynenc.invocation.record import Lane
from pynenc.ports.backend import repeated
from pynenc.serializer.signing import WORKFLOW_FAILURE, WORKFLOW_VALUE
from pynenc.workflow.log_entry import Fence, LogEntry, OpenedLog, OperationKind
from pynenc.workflow.workflow_exceptions import WorkflowError

#: Entries read at once.
PAGE = 200
#: The data under this name says which calls that somebody else had made are in which logs: ``<invocation> <log>``. They
#: are no children of the workflow, and kept for it nevertheless.
JOINED = "~joined"


class Packed(NamedTuple):
    """A value ready to be recorded, and what it uses in the client data store."""

    value: Any
    uses: Sequence[str] = ()


class ChildCall(NamedTuple):
    """A call of a task, with bound arguments."""

    task: Any
    values: dict[str, Any]
    options: Any
    #: Its arguments as they are stored, and their digest; None in sync mode.
    packed: Any
    digest: str


class Journal(Protocol):
    """The record of one invocation, as one attempt sees it."""

    #: The events it may be given.
    inbox: Inbox

    @property
    def log_id(self) -> str: ...
    def now(self) -> float: ...
    def recorded(self, position: int, *, keep: bool = False) -> LogEntry | None: ...
    def next_recorded(self, position: int) -> LogEntry | None: ...
    def patches(self) -> Mapping[str, int]: ...
    def write(
        self,
        entries: Sequence[LogEntry],
        dealt_with: Sequence[int] = (),
        *,
        uses: Sequence[str] = (),
        data: tuple[str, Packed] | None = None,
        waited: bool = False,
    ) -> None: ...
    def undo(self, undone: Undone) -> None: ...
    def read_data(self, key: str) -> Any: ...
    def start_child(
        self,
        call: ChildCall,
        entry_of: Callable[[str], LogEntry],
        entries: Sequence[LogEntry],
        dealt_with: Sequence[int],
    ) -> Any: ...
    def join_child(self, call: ChildCall, entry: LogEntry) -> Any: ...
    def prepare(self, task: Any, values: dict[str, Any], options: Any) -> ChildCall: ...
    def pack(self, what: str, value: Any) -> Packed: ...
    def unpack(self, value: Any) -> Any: ...
    def pack_error(self, error: BaseException) -> Any: ...
    def unpack_error(self, value: Any) -> BaseException: ...


class StoredJournal:
    """In the state backend. Read in pages, as far as the code has come; written one operation at a time.

    Every write checks, in the same step where the ledger is in the same product, that the attempt is still the one
    that owns the invocation; and always that no later attempt has opened the log (design law 3).
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._engine = running.engine
        self._state = running.engine.state
        self._workflow_id = running.record.workflow_id
        self._lock = threading.RLock()
        self.inbox: Inbox = StoredInbox(running)
        self._opened: OpenedLog | None = None
        self._entries: dict[int, LogEntry] = {}
        self._read_to = 0
        self._complete = False

    # -- reading

    def _open(self) -> OpenedLog:
        with self._lock:
            if self._opened is None:
                record = self._running.record
                opened: OpenedLog | None = self._state.open_log(record.invocation_id, record.attempt, PAGE)
                if opened is None:
                    raise Fenced
                self._opened = opened
                self._take(opened.entries)
            return self._opened

    def _take(self, page: Sequence[LogEntry]) -> None:
        self._entries.update((entry.position, entry) for entry in page)
        self._complete = len(page) < PAGE
        self._read_to = page[-1].position if page else self._read_to

    @property
    def log_id(self) -> str:
        return self._open().log_id

    def now(self) -> float:
        now: float = self._engine.clock.now()
        return now

    def recorded(self, position: int, *, keep: bool = False) -> LogEntry | None:
        with self._lock:
            log_id = self._open().log_id
            while position > self._read_to and not self._complete:
                self._take(self._state.read_log(log_id, self._read_to, PAGE))
            # Taken out: a long workflow need not be in memory twice.
            return self._entries.get(position) if keep else self._entries.pop(position, None)

    def next_recorded(self, position: int) -> LogEntry | None:
        with self._lock:
            if self._opened is None:
                return None
            if not self._complete:
                self._take(self._state.read_log(self._opened.log_id, self._read_to, PAGE))
            return min((entry for at, entry in self._entries.items() if at >= position), default=None)

    def patches(self) -> Mapping[str, int]:
        with self._lock:
            log_id = self._open().log_id
            # They come first.
            while self._read_to < 0 and not self._complete:
                self._take(self._state.read_log(log_id, self._read_to, PAGE))
            return {each.name: each.position for each in self._entries.values() if each.kind == OperationKind.PATCH}

    # -- writing

    @repeated
    def write(
        self,
        entries: Sequence[LogEntry],
        dealt_with: Sequence[int] = (),
        *,
        uses: Sequence[str] = (),
        data: tuple[str, Packed] | None = None,
        waited: bool = False,
    ) -> None:
        """Record entries, with the large values they use, and with a value of the workflow.

        ``waited``: what it waited for is among them, so it waits no more.
        """
        log = self._open()
        with self._engine.backend.unit():
            if waited:
                self._engine.backend.trigger.drop_waiters([self._running.record.invocation_id])
            self._append(log, entries, dealt_with)
            kept = [(each, log.log_id) for each in uses]
            if data is not None:
                key, packed = data
                workflow_id = self._running.record.workflow_id
                self._state.set_workflow_data(workflow_id, {key: packed.value})
                kept += [(each, workflow_id) for each in packed.uses]
            if kept:
                self._engine.payloads.keep(kept)

    def _append(self, log: OpenedLog, entries: Sequence[LogEntry], dealt_with: Sequence[int]) -> None:
        """To be called in a unit."""
        record = self._running.record
        current = self._engine.ledger.read([record.invocation_id]).get(record.invocation_id)
        if current is None or current.attempt != record.attempt or not current.status.is_owned():
            raise Fenced
        if self._state.append_log(log.log_id, Fence(log.generation, record.attempt), entries, dealt_with):
            return
        if self._state.open_log(record.invocation_id, record.attempt, 1) is None:
            raise Fenced
        # Nobody else may write: what is to be recorded has no place. Said aloud, for a fenced attempt ends in silence.
        raise WorkflowError(
            f"The log of invocation:{log.log_id} has no room for {', '.join(map(_placed, entries))}: something is "
            "recorded there already. Two threads of one workflow that perform operations in no fixed order may do "
            "that; else it is a defect of Pynenc, please report it."
        )

    @repeated
    def undo(self, undone: Undone) -> None:
        """Take out of the record what the end of the attempt has undone."""
        log = self._open()
        marked = [entry for at in undone.not_dealt_with for entry in self._state.read_log(log.log_id, at - 1, 1)]
        with self._engine.backend.unit():
            forget = [*undone.forget, *undone.not_dealt_with]
            self._state.forget_entries(log.log_id, Fence(log.generation, self._running.record.attempt), forget)
            self._append(log, [entry._replace(dealt_with=False) for entry in marked], ())

    def read_data(self, key: str) -> Any:
        return self._state.get_workflow_data(self._running.record.workflow_id, [key]).get(key)

    # -- children

    def prepare(self, task: Any, values: dict[str, Any], options: Any) -> ChildCall:
        packed = self._engine.payloads.pack_arguments(task.key, values, task.conf.disable_cache_args)
        return ChildCall(task, values, options, packed, packed.args_id)

    @repeated
    def start_child(
        self,
        call: ChildCall,
        entry_of: Callable[[str], LogEntry],
        entries: Sequence[LogEntry],
        dealt_with: Sequence[int],
    ) -> Any:
        """Submit a call and record it in one step.

        Where log and ledger are in two products, the log comes first: should the call be missing later, it is
        submitted again under the recorded id.
        """
        log = self._open()
        with self._engine.backend.unit():
            accepted = self._submit(call, new_id())
            if accepted.reused:
                self._state.set_workflow_data(JOINED, {f"{accepted.invocation_id} {log.log_id}": log.log_id})
            self._append(log, [*entries, entry_of(accepted.invocation_id)], dealt_with)
        self._announce(call.task)
        return call.task.handle_of(accepted, call.values)

    def join_child(self, call: ChildCall, entry: LogEntry) -> Any:
        child_id = str(entry.value)
        engine = self._engine
        if not engine.backend.capabilities.one_product and child_id not in engine.ledger.read([child_id]):
            self._submit(call, child_id)
            self._announce(call.task)
        return call.task.handle_on(child_id)

    def _submit(self, call: ChildCall, invocation_id: str) -> submission.Accepted:
        [accepted] = submission.submit(
            self._engine, call.task, (call.values,), call.options, call.packed.parts, recorded_as=invocation_id
        )
        return accepted

    def _announce(self, task: Any) -> None:
        if self._running.suspender.announces and task.lane != Lane.EVENT_LOOP:
            self._running.suspender.owe(1)
        else:
            self._engine.wakeups.wake_workers(1, coroutines=task.lane == Lane.EVENT_LOOP)

    # -- values

    def pack(self, what: str, value: Any) -> Packed:
        try:
            return Packed(*self._engine.payloads.pack(value, WORKFLOW_VALUE, self._workflow_id))
        except Exception as error:
            raise SerializationError(
                f"The value of {what}, a {type(value).__qualname__}, cannot be recorded: {error}. What a workflow "
                "is to remember must pass through the serializer: record what identifies it instead, such as an id."
            ) from error

    def unpack(self, value: Any) -> Any:
        return self._engine.payloads.unpack(value, WORKFLOW_VALUE, self._workflow_id)

    def pack_error(self, error: BaseException) -> Any:
        return self._engine.encode_exception(error, WORKFLOW_FAILURE, self._workflow_id)

    def unpack_error(self, value: Any) -> BaseException:
        error: BaseException = self._engine.decode_exception(value, WORKFLOW_FAILURE, self._workflow_id, exits=True)
        return error


class SyncJournal:
    """In this process, for one call in sync mode: it outlives retries, and nothing else. Values are not serialized."""

    def __init__(self, invocation_id: str, data: dict[str, Any], now: Callable[[], float], inbox: Inbox) -> None:
        self.log_id = invocation_id
        self.inbox = inbox
        self._data = data
        self._now = now
        #: What sleeping has skipped, in seconds.
        self._skipped = 0.0
        self._entries: dict[int, LogEntry] = {}
        self._children: dict[int, Any] = {}

    def now(self) -> float:
        return self._now() + self._skipped

    def skip_to(self, until: float) -> None:
        """A sleep: nobody waits, but the workflow's time moves on."""
        self._skipped += max(0.0, until - self.now())

    def recorded(self, position: int, *, keep: bool = False) -> LogEntry | None:  # noqa: ARG002 - the protocol
        return self._entries.get(position)

    def next_recorded(self, position: int) -> LogEntry | None:
        return min((entry for at, entry in self._entries.items() if at >= position), default=None)

    def patches(self) -> Mapping[str, int]:
        return {each.name: each.position for each in self._entries.values() if each.kind == OperationKind.PATCH}

    def write(
        self,
        entries: Sequence[LogEntry],
        dealt_with: Sequence[int] = (),  # noqa: ARG002 - the protocol
        *,
        uses: Sequence[str] = (),  # noqa: ARG002 - the protocol
        data: tuple[str, Packed] | None = None,
        waited: bool = False,  # noqa: ARG002 - the protocol
    ) -> None:
        self._entries.update((entry.position, entry) for entry in entries)
        if data is not None:
            self._data[data[0]] = data[1].value

    def undo(self, undone: Undone) -> None:
        for position in undone.forget:
            self._entries.pop(position, None)

    def read_data(self, key: str) -> Any:
        return self._data.get(key)

    def prepare(self, task: Any, values: dict[str, Any], options: Any) -> ChildCall:
        return ChildCall(task, values, options, None, "")

    def start_child(
        self,
        call: ChildCall,
        entry_of: Callable[[str], LogEntry],
        entries: Sequence[LogEntry],
        dealt_with: Sequence[int],
    ) -> Any:
        invocation = call.task.submit(call.values, call.options)
        entry = entry_of(invocation.invocation_id)
        self._children[entry.position] = invocation
        self.write([*entries, entry], dealt_with)
        return invocation

    def join_child(self, call: ChildCall, entry: LogEntry) -> Any:  # noqa: ARG002 - the protocol
        return self._children[entry.position]

    def pack(self, what: str, value: Any) -> Packed:  # noqa: ARG002 - the protocol
        # In a box, so that a recorded None is a value.
        return Packed((value,))

    def unpack(self, value: Any) -> Any:
        return value[0]

    def pack_error(self, error: BaseException) -> Any:
        return error

    def unpack_error(self, value: Any) -> BaseException:
        error: BaseException = value
        return error


def _placed(entry: LogEntry) -> str:
    return f"{described(entry.kind, entry.name, entry.detail)} at position {entry.position}"


def described(kind: str, name: str, detail: str) -> str:
    """An operation in words, for people."""
    match kind:
        case OperationKind.TASK:
            return f"a call of task {name} (arguments {detail[:8]})"
        case OperationKind.STEP:
            return f"step {name!r}"
        case OperationKind.SET_DATA | OperationKind.GET_DATA:
            return f"{kind}({name!r})"
        case OperationKind.WAIT_EVENT:
            return f"a wait for event {name!r}"
        case OperationKind.EVENT:
            return f"event {name!r}"
        case OperationKind.TIMEOUT:
            return "a wait that took too long"
        case OperationKind.TIME:
            return "utc_now()"
        case _:
            return f"{kind}()"
