"""A trigger: which task is to run when, and with which arguments."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NewType

from pynenc.trigger.arguments.filters import argument_filter_from_json, result_filter_from_json
from pynenc.trigger.arguments.providers import ArgumentProvider, provider_from_json
from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import TriggerCondition, event_source, task_source
from pynenc.trigger.conditions.composite import CompositeCondition, CompositeLogic
from pynenc.trigger.conditions.cron import CronCondition
from pynenc.trigger.conditions.event import EventCondition
from pynenc.trigger.conditions.exception import ExceptionCondition
from pynenc.trigger.conditions.result import ResultCondition
from pynenc.trigger.conditions.status import StatusCondition
from pynenc.trigger.requirements import ends_to_watch

TriggerDefinitionId = NewType("TriggerDefinitionId", str)
ConditionId = NewType("ConditionId", str)


@dataclass(frozen=True)
class TriggerDefinition:
    """Run a task when a condition is satisfied."""

    task_id: str
    condition: CompositeCondition
    argument_provider: ArgumentProvider | None = None

    @property
    def logic(self) -> CompositeLogic:
        """How the conditions belong together."""
        return self.condition.logic

    @property
    def condition_ids(self) -> list[str]:
        """The ids of the conditions at the top."""
        return [part.condition_id for part in self.condition.conditions]

    def to_json(self, codec: Codec) -> str:
        """Its stored form."""
        provider = self.argument_provider
        ends = sorted(ends_to_watch(self.condition))
        return json.dumps(
            {
                "task": self.task_id,
                "when": self.condition.to_json(codec),
                "arguments": None if provider is None else provider.to_json(codec),
                # So that who reads only what is watched need not import the functions.
                **({"ends": ends} if ends else {}),
            },
            sort_keys=True,
        )

    def leaves(self) -> list[TriggerCondition]:
        """Its conditions without the composites, in order: their places here are their numbers."""
        return list(_leaves(self.condition))


def definition_id(text: str) -> str:
    """The id of a definition: a digest of its whole stored form, so that any change makes another one."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def definition_from_json(text: str, codec: Codec) -> TriggerDefinition:
    """The definition of a stored form.

    Raises:
        ValueError: it names a function that cannot be imported here, or was written by another version.
    """
    data = json.loads(text)
    condition = condition_from_json(data["when"], codec)
    if not isinstance(condition, CompositeCondition):
        raise ValueError(f"The stored trigger of {data['task']} has no composite at its top: {text[:200]}")  # noqa: TRY004 - a stored value, not an argument
    provider = data["arguments"]
    return TriggerDefinition(data["task"], condition, None if provider is None else provider_from_json(provider, codec))


def _leaves(condition: TriggerCondition) -> Iterator[TriggerCondition]:
    if isinstance(condition, CompositeCondition):
        for part in condition.conditions:
            yield from _leaves(part)
    else:
        yield condition


def _composite(data: JsonObject, codec: Codec) -> TriggerCondition:
    parts = [condition_from_json(part, codec) for part in data["parts"]]
    return CompositeCondition(parts, CompositeLogic(data["kind"]), within_seconds=data.get("within"))


def _cron(data: JsonObject, codec: Codec) -> TriggerCondition:  # noqa: ARG001 - one signature for all
    options: dict[str, Any] = {name: value for name, value in data.items() if name not in ("kind", "expression")}
    return CronCondition(data["expression"], **options)


def _event(data: JsonObject, codec: Codec) -> TriggerCondition:
    return EventCondition(data["code"], argument_filter_from_json(data["payload"], codec))


def _status(data: JsonObject, codec: Codec) -> TriggerCondition:
    return StatusCondition(data["task"], data["statuses"], argument_filter_from_json(data["arguments"], codec))


def _result(data: JsonObject, codec: Codec) -> TriggerCondition:
    arguments = argument_filter_from_json(data["arguments"], codec)
    return ResultCondition(data["task"], arguments, result_filter_from_json(data["result"], codec))


def _exception(data: JsonObject, codec: Codec) -> TriggerCondition:
    return ExceptionCondition(data["task"], argument_filter_from_json(data["arguments"], codec), data["types"])


_READERS: Final[Mapping[str, Any]] = {
    "and": _composite,
    "or": _composite,
    "cron": _cron,
    "event": _event,
    "status": _status,
    "result": _result,
    "exception": _exception,
}


def condition_from_json(data: JsonObject, codec: Codec) -> TriggerCondition:
    """The condition of a stored form.

    Raises:
        ValueError: its kind is unknown, or a function it names cannot be imported here.
    """
    reader = _READERS.get(data["kind"])
    if reader is None:
        raise ValueError(
            f"A stored condition is of the unknown kind {data['kind']!r}; there are {', '.join(_READERS)}."
        )
    condition: TriggerCondition = reader(data, codec)
    return condition


def in_words(text: str) -> str:
    """When the trigger of a stored form fires, for people; without importing the functions it names."""
    try:
        return str(condition_from_json(_without_filters(json.loads(text)["when"]), _NoValues()))
    except (ValueError, KeyError, TypeError) as error:
        return f"stored by another version: {type(error).__name__}: {error}"


def schedules_in(text: str) -> dict[int, CronCondition]:
    """The cron conditions of a stored form by their numbers; without importing the functions it names.

    None of a form that another version wrote.
    """
    try:
        condition = condition_from_json(_without_filters(json.loads(text)["when"]), _NoValues())
    except (ValueError, KeyError, TypeError):
        return {}
    return {number: leaf for number, leaf in enumerate(_leaves(condition)) if isinstance(leaf, CronCondition)}


class _NoValues:
    """For forms that have no values of users."""

    def serialize(self, obj: Any, /) -> str:
        raise NotImplementedError(obj)

    def deserialize(self, serialized_obj: str, /) -> Any:
        raise NotImplementedError(serialized_obj)


def _without_filters(data: JsonObject) -> JsonObject:
    changed: JsonObject = {name: {"equal": {}} for name in ("payload", "arguments") if name in data}
    if "result" in data:
        changed["result"] = {}
    if "parts" in data:
        changed["parts"] = [_without_filters(part) for part in data["parts"]]
    return {**data, **changed}


def watched_sources(text: str) -> frozenset[str]:
    """The sources of a stored form; without importing the functions it names."""
    data = json.loads(text)
    return frozenset(_sources(data["when"])).union(data.get("ends", ()))


def _sources(data: JsonObject) -> Iterator[str]:
    for part in data.get("parts", ()):
        yield from _sources(part)
    if data["kind"] == "event":
        yield event_source(data["code"])
    for status in data.get("statuses", ()):
        yield task_source(data["task"], status)
