"""From occurrences in the log to the contexts that conditions and providers see."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pynenc.arguments import Arguments
from pynenc.engine.occurrence_keys import Reached, number_of, times
from pynenc.engine.payloads import Payloads
from pynenc.engine.user_code import contained
from pynenc.invocation.record import InvocationRecord, Outcome
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend
from pynenc.ports.trigger import Occurrence
from pynenc.serializer.signing import EVENT, EXCEPTION, RESULT
from pynenc.trigger.conditions.base import ConditionContext
from pynenc.trigger.conditions.cron import CronContext
from pynenc.trigger.conditions.event import EventContext
from pynenc.trigger.conditions.exception import ExceptionContext
from pynenc.trigger.conditions.result import ResultContext
from pynenc.trigger.conditions.status import StatusContext


class Fact(NamedTuple):
    """An occurrence with what is known of it."""

    occurrence: Occurrence
    #: None: what it is about is not in the store any more, or cannot be read here. Users' functions are given ``own``.
    context: ConditionContext | None
    #: Why it cannot be read here.
    error: BaseException | None
    #: Reads the context once more, for a function that may change what it is given. As it runs users' code it may raise
    #: anything.
    own: Callable[[], ConditionContext | None]

    @property
    def about(self) -> tuple[str, str] | None:
        """The task and the invocation it is about."""
        context = self.context
        return (context.task_id, context.invocation_id) if isinstance(context, StatusContext) else None


def proven(backend: Backend, occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """Those that happened. In a mixture of products some are recorded before the status to which they belong."""
    ids = list({o.invocation_id for o in occurrences if o.invocation_id is not None})
    if backend.capabilities.one_product or not ids:
        return list(occurrences)
    happened = times(backend.orchestrator.history(ids))

    def is_proven(occurrence: Occurrence) -> bool:
        if occurrence.invocation_id is None:
            return True
        status = InvocationStatus(occurrence.status or "")
        reached = Reached(occurrence.invocation_id, occurrence.attempt or 0, status)
        return happened[reached] >= number_of(occurrence)

    return [each for each in occurrences if is_proven(each)]


class Facts:
    """Reads what occurrences are about; a few questions to the store for all of them."""

    def __init__(self, backend: Backend, payloads: Payloads, serializer: Any) -> None:
        self._backend = backend
        self._payloads = payloads
        self._serializer = serializer

    def read(self, occurrences: Sequence[Occurrence]) -> list[Fact]:
        """The facts of these occurrences, in their order."""
        ids = list(dict.fromkeys(o.invocation_id for o in occurrences if o.invocation_id is not None))
        attempts = [(o.invocation_id, o.attempt or 0) for o in occurrences if o.invocation_id is not None]
        records = self._backend.orchestrator.read(ids)
        calls = self._backend.state.load_calls(ids)
        outcomes = self._backend.state.outcomes(attempts)
        return [self._fact(each, records, calls, outcomes) for each in occurrences]

    def _fact(
        self,
        occurrence: Occurrence,
        records: Mapping[str, InvocationRecord],
        calls: Mapping[str, str],
        outcomes: Mapping[tuple[str, int], Outcome],
    ) -> Fact:
        def read() -> ConditionContext | None:
            if occurrence.source.startswith("event:"):
                return self._event(occurrence)
            if occurrence.source.startswith("cron:"):
                return _cron(occurrence)
            record = records.get(occurrence.invocation_id or "")
            if record is None:
                return None
            outcome = outcomes.get((record.invocation_id, occurrence.attempt or 0))
            call = calls.get(record.invocation_id)
            bound = {} if call is None else self._payloads.unpack_arguments(call, record.task_id, record.invocation_id)
            return self._status(occurrence, record, Arguments(bound), outcome)

        # A stored value may not be readable here.
        context, error = contained(read)
        return Fact(occurrence, context, error, read)

    def _event(self, occurrence: Occurrence) -> EventContext:
        return EventContext(
            timestamp=moment(occurrence.at),
            event_id=occurrence.key,
            event_code=occurrence.source.removeprefix("event:"),
            payload=self._serializer.deserialize(
                self._payloads.signer.open(EVENT, occurrence.source, occurrence.data, occurrence.key)
            ),
        )

    def _status(
        self, occurrence: Occurrence, record: InvocationRecord, arguments: Arguments, outcome: Outcome | None
    ) -> StatusContext:
        common: dict[str, Any] = {
            "timestamp": moment(occurrence.at),
            "task_id": record.task_id,
            "call_id": f"{record.task_id}:{record.args_id}",
            "invocation_id": record.invocation_id,
            "arguments": arguments,
            "status": InvocationStatus(occurrence.status or ""),
        }
        if outcome is not None and common["status"] is InvocationStatus.SUCCESS and outcome.result is not None:
            return ResultContext(**common, result=self._payloads.unpack(outcome.result, RESULT, outcome.invocation_id))
        if common["status"] is InvocationStatus.FAILED:
            kind, message = self._failure(outcome)
            return ExceptionContext(**common, exception_type=kind, exception_message=message)
        return StatusContext(**common)

    def _failure(self, outcome: Outcome | None) -> tuple[str, str]:
        """Name of the type, and message: what listings show is not signed, and a task may be called with it."""
        if outcome is None:
            return "", ""
        kind, message = (outcome.error_type or "").rpartition(".")[2], outcome.error_message or ""
        if self._payloads.signer.active and outcome.error is not None:
            signed = json.loads(self._payloads.signer.open(EXCEPTION, outcome.invocation_id, outcome.error))
            kind, message = signed["type_qualname"].rpartition(".")[2], signed["message"][: len(message)]
        return kind, message


def _cron(occurrence: Occurrence) -> CronContext:
    last = json.loads(occurrence.data or "null")
    return CronContext(timestamp=moment(occurrence.at), last_execution=None if last is None else moment(last))


def moment(seconds: float) -> datetime:
    """A time in seconds since the epoch as a UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)
