"""Events: emitted by programs and tasks, kept in the log, readable by whoever follows it."""

from collections.abc import Mapping
from typing import Any

from pynenc.engine.context import get_running, in_step
from pynenc.engine.engine import Engine
from pynenc.exceptions import SerializationError
from pynenc.identifiers import new_id
from pynenc.ports.backend import repeated
from pynenc.ports.trigger import NewOccurrence, Occurrence
from pynenc.serializer.signing import EVENT
from pynenc.trigger.conditions.base import event_source
from pynenc.workflow.event import Event, checked_code, checked_payload
from pynenc.workflow.workflow_exceptions import WorkflowAccessError


@repeated
def emit_event(engine: Engine, event_code: str, payload: Mapping[str, Any] | None, *, transactional: bool) -> str:
    """Record an event and have the triggers evaluated; its id.

    Raises:
        TypeError: the code is no text, or the payload no mapping.
        ValueError: the code is empty.
        SerializationError: the payload cannot be stored.
        RuntimeError: ``transactional`` outside of a task.
        WorkflowAccessError: ``transactional`` in a step of a workflow.
    """
    event_code = checked_code(event_code)
    values = checked_payload(event_code, payload)
    running = get_running()
    inside = running is not None and running.engine is engine
    if transactional and not inside:
        raise RuntimeError(
            f"Event {event_code!r} cannot be emitted with the outcome of a task, for no task is running here. "
            "Emit it inside a task, or without transactional=True."
        )
    if transactional and in_step.get() is not None:
        raise WorkflowAccessError(
            f"Event {event_code!r} cannot be emitted with the outcome of the task inside of step {in_step.get()!r}: "
            "the step is not run again when the workflow is, and the event would be lost. Emit it outside of steps, or "
            "without transactional=True; a step that runs twice emits it twice then."
        )
    try:
        text = engine.serializer.serialize(values)
    except Exception as error:
        raise SerializationError(
            f"Event {event_code!r} was not emitted: its payload cannot be stored ({type(error).__name__}: {error}). "
            "Use values that the serializer supports."
        ) from error
    source = event_source(event_code)
    event = NewOccurrence(new_id(), source, engine.clock.now(), engine.signer.seal(EVENT, source, text))
    if transactional and running is not None:
        # Counts only if this attempt succeeds, also where the log and the ledger are two products.
        record = running.record
        event = event._replace(invocation_id=record.invocation_id, attempt=record.attempt, status="success")
        running.events.append(event)
        return event.key
    with engine.backend.unit():
        engine.backend.trigger.record([event])
    engine.trigger_hints.wake()
    return event.key


def emit_in_sync_mode(engine: Engine, event_code: str, payload: Mapping[str, Any] | None) -> str:
    """Remember an event for the workflows that run in this process; its id.

    Raises:
        TypeError: the code is no text, or the payload no mapping.
        ValueError: the code is empty.
    """
    event_code = checked_code(event_code)
    values = checked_payload(event_code, payload)
    emitted = engine.sync_events
    position = emitted[-1].position + 1 if emitted else 1
    event = Event(position, new_id(), event_code, values, engine.clock.now())
    emitted.append(event)
    return event.event_id


def read_events(engine: Engine, after: int = 0, event_code: str | None = None, limit: int = 100) -> list[Event]:
    """Events recorded after a position, in order."""
    source = None if event_code is None else event_source(event_code)
    log = engine.backend.trigger.after(after, limit, source)
    return [
        Event(o.position, o.key, o.source.removeprefix("event:"), payload_of(engine, o), o.at)
        for o in log
        if o.source.startswith("event:")
    ]


def payload_of(engine: Engine, occurrence: Occurrence) -> Any:
    """What an event carries.

    Raises:
        PayloadSignatureError: it was not emitted by somebody who has a signing key.
        Exception: it cannot be decoded here.
    """
    text = engine.signer.open(EVENT, occurrence.source, occurrence.data, occurrence.key)
    return engine.serializer.deserialize(text)
