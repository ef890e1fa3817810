"""Events that programs emit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynenc.trigger.arguments.filters import ArgumentFilter, FilterLike, create_argument_filter
from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext, TriggerCondition, event_source
from pynenc.workflow.event import checked_code


@dataclass(frozen=True, kw_only=True)
class EventContext(ConditionContext):
    """An event was emitted."""

    event_id: str
    event_code: str
    payload: Mapping[str, Any]

    @property
    def context_id(self) -> str:
        return f"event_{self.event_code}_{self.event_id}"


class EventCondition(TriggerCondition):
    """Satisfied by an event of a code whose payload the filter accepts.

    Raises:
        TypeError: the code is no text, or the filter none.
        ValueError: the code is empty.
    """

    def __init__(self, event_code: str, payload_filter: FilterLike = None) -> None:
        self.event_code = checked_code(event_code)
        self.payload_filter: ArgumentFilter = create_argument_filter(payload_filter)

    @property
    def asks_functions(self) -> bool:
        return self.payload_filter.asks_function

    def sources(self) -> frozenset[str]:
        return frozenset({event_source(self.event_code)})

    def accepts(self, context: ConditionContext) -> bool:
        return (
            isinstance(context, EventContext)
            and context.event_code == self.event_code
            and self.payload_filter.accepts(context.payload)
        )

    def to_json(self, codec: Codec) -> JsonObject:
        return {"kind": "event", "code": self.event_code, "payload": self.payload_filter.to_json(codec)}

    def __str__(self) -> str:
        return f"event {self.event_code}"
