"""The engine of one application: its stores, its steps, and the waiting of this process.

What happens is in the neighbouring modules; this one holds them together and is what handles, runners and
duties are given.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from pynenc.engine.composed_steps import ComposedSteps
from pynenc.engine.events import Events
from pynenc.engine.hub import Hub
from pynenc.engine.payloads import PayloadLimits, Payloads
from pynenc.engine.read_ahead import ReadAhead
from pynenc.engine.recent import Recent
from pynenc.engine.sealed_definitions import SealedDefinitions
from pynenc.engine.trigger_hints import TriggerHints
from pynenc.engine.watched_ledger import WatchedLedger
from pynenc.exceptions import ConfigError, PayloadSignatureError
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend, repeated
from pynenc.ports.clock import Clock
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.steps import Steps
from pynenc.ports.trigger import Trigger
from pynenc.serializer.base_serializer import BaseSerializer
from pynenc.serializer.exception_codec import dump_exception, exit_of, load_exception
from pynenc.serializer.signing import NoSignatures, PayloadSigner
from pynenc.workflow.event import Event

#: Events that sync mode remembers.
SYNC_EVENTS = 10_000


class RunnableTask(Protocol):
    """What the engine needs of a task."""

    key: str
    conf: Any
    lane: str
    retriable_exceptions: tuple[type[BaseException], ...]

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the function with bound arguments; a coroutine for ``async def``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What the engine needs of an application's settings. Read once, when the engine is made."""

    app_id: str
    #: How an operator starts a runner for this application.
    start_command: str
    no_runner_warning_seconds: float
    lease_seconds: float
    max_recoveries: int
    #: A workflow that waits longer leaves its stack, and comes back by replay; 0: never.
    workflow_stack_seconds: float
    cycle_control: bool
    blocking_control: bool
    limits: PayloadLimits
    #: How an argument value appears in messages.
    show_value: Callable[[Any], str]


def _checked(steps: Steps | None) -> Steps | None:
    """A product's own steps, if they do not leave out what triggers wait for."""
    if steps is not None and not steps.records_occurrences:
        raise ConfigError(
            f"The product's own steps ({type(steps).__module__}.{type(steps).__qualname__}) write statuses without "
            "recording those that triggers watch, so no trigger would ever fire. Let them record occurrences and events"
            " as the port demands and set records_occurrences, or leave the steps to the engine (Product.steps=None)."
        )
    return steps


class Engine:
    """Everything one application needs to submit, run, wait for and look after invocations."""

    def __init__(
        self,
        backend: Backend,
        serializer: BaseSerializer,
        settings: EngineSettings,
        clock: Clock,
        *,
        events: Events,
        find_task: Callable[[str], RunnableTask],
        process_id: str,
        signer: PayloadSigner | None = None,
    ) -> None:
        self.signer: PayloadSigner = signer or NoSignatures()
        #: The store of triggers, for whoever reads or changes definitions.
        self.definitions = cast("Trigger", SealedDefinitions(backend.trigger, self.signer))
        watched = WatchedLedger(backend.orchestrator, self.definitions, backend.unit)
        backend = replace(backend, orchestrator=cast("Orchestrator", watched))
        self._watched = watched
        self.backend = backend
        self.store_announced = False
        self.settings = settings
        self.clock = clock
        self.events = events
        self.find_task = find_task
        #: Who acts when no runner does: the client in this process.
        self.process_id = process_id
        self.serializer = serializer
        self.ledger = backend.orchestrator
        self.state = backend.state
        self.wakeups = backend.wakeups
        self.payloads = Payloads(
            serializer, backend.client_data, settings.limits, clock.now, events.warning, signer=self.signer
        )
        self.steps: Steps = _checked(backend.steps) or ComposedSteps(
            backend,
            clock,
            self._told_here,
            self.payloads.keep,
            record_events=watched.record_events,
            committed=self._committed,
            watches=watched.watches,
        )
        self.recent = Recent()
        self.read_ahead = ReadAhead()
        #: Emitted in this process in sync mode, the newest last.
        self.sync_events: deque[Event] = deque(maxlen=SYNC_EVENTS)
        self.hub = Hub(
            self.ledger,
            self.wakeups,
            clock,
            on_long_wait=self._warn_without_runner,
            long_wait_seconds=settings.no_runner_warning_seconds,
            log_fallback=events.wakeups_unreachable,
        )

        self.trigger_hints = TriggerHints(backend, self.hub, clock, settings.lease_seconds)

    def _committed(self) -> None:
        """A step was committed: if it recorded occurrences, somebody is to look at them."""
        if self._watched.noted():
            self.trigger_hints.wake()

    def announce_store(self) -> None:
        """Log, once, where the state is kept if other processes share it: both sides must name the same place."""
        if not self.store_announced:
            self.store_announced = True
            if self.backend.capabilities.shared_between_processes:
                self.events.store_location(self.backend.location)

    def _told_here(self, ids: Sequence[str]) -> None:
        # The hub is made after the steps, for it reads through the ledger.
        self.hub.receive(ids)

    # -- what execution needs

    def encode_exception(self, error: BaseException, kind: str, of: str) -> str:
        """An exception as text for one use (see ``signing``); never raises."""
        return self.signer.seal(kind, of, dump_exception(error, self.serializer))

    def decode_exception(self, text: str, kind: str, of: str, *, exits: bool = False) -> BaseException:
        """Something to raise, whatever the text is; ``exits``: also what ends whoever does not catch it."""
        try:
            opened = self.signer.open(kind, of, text)
            return (exit_of(opened, self.serializer) if exits else None) or load_exception(opened, self.serializer)
        except PayloadSignatureError as error:
            return error

    @repeated
    def link_references(self, invocation_id: str, keys: Sequence[str]) -> None:
        """Keep large values as long as the invocation that uses them."""
        with self.backend.unit():
            self.payloads.keep([(key, invocation_id) for key in keys])

    def log_retry(self, record: InvocationRecord, error: BaseException, delay_seconds: float) -> None:
        """Announce a retry."""
        self.events.retried(record, error, delay_seconds)

    def log_failure(self, record: InvocationRecord, error: BaseException, status: InvocationStatus) -> None:
        """Announce a failure."""
        self.events.failed(record, error, status)

    def show_value(self, value: object) -> str:
        """A value of an argument as it may appear in messages (``argument_print_mode``)."""
        return self.settings.show_value(value)

    def alive_runners(self) -> int:
        """How many runners have a valid lease."""
        return len(self._alive())

    def is_alone(self) -> bool:
        """Whether no runner is alive but the one that this process belongs to."""
        # Worker processes belong to a runner.
        return sum(runner.parent_id is None for runner in self._alive()) <= 1

    def _alive(self) -> Sequence[RunnerRecord]:
        return self.ledger.runners(alive_since=self.clock.now() - self.settings.lease_seconds)

    def _warn_without_runner(self) -> None:
        if not self.alive_runners():
            self.events.no_runner(self.settings.no_runner_warning_seconds, self.settings.start_command)

    def close(self) -> None:
        """Give back threads, addresses and connections. May be repeated."""
        self.hub.close()
        self.backend.close()
