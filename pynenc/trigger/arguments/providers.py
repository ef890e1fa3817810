"""Where the arguments of a triggered call come from."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from pynenc.trigger.arguments.callables import ArgumentProviderError, SerializableCallable
from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext
from pynenc.trigger.conditions.cron import CronContext
from pynenc.trigger.conditions.event import EventContext
from pynenc.trigger.conditions.exception import ExceptionContext
from pynenc.trigger.conditions.result import ResultContext
from pynenc.trigger.conditions.status import StatusContext
from pynenc.trigger.trigger_context import TriggerContext

_CONTEXTS: Final[Mapping[str, type[ConditionContext]]] = {
    kind.__name__: kind for kind in (CronContext, EventContext, ExceptionContext, ResultContext, StatusContext)
}

#: What a function may say.
ContextCallable = Callable[[Any], dict[str, Any]]


class ArgumentProvider(ABC):
    """Makes the arguments of a call from what caused it."""

    #: Whether it looks at the causes; else it may be asked without them.
    needs_causes: ClassVar[bool] = True

    @abstractmethod
    def get_arguments(self, trigger_context: TriggerContext) -> dict[str, Any]:
        """The arguments, by parameter name.

        Raises:
            ArgumentProviderError: it has nothing to say on these causes, or its function answered no dictionary.
        """

    @abstractmethod
    def to_json(self, codec: Codec) -> JsonObject:
        """Its stored form."""


class StaticArgumentProvider(ArgumentProvider):
    """The same arguments each time."""

    needs_causes = False

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments = dict(arguments)

    def get_arguments(self, trigger_context: TriggerContext) -> dict[str, Any]:  # noqa: ARG002 - that is its point
        return dict(self.arguments)

    def to_json(self, codec: Codec) -> JsonObject:
        return {"static": {name: codec.serialize(value) for name, value in sorted(self.arguments.items())}}


class ContextTypeArgumentProvider(ArgumentProvider):
    """Asks a function, which is given the first cause of one kind."""

    def __init__(self, context_type: type[ConditionContext], callback: ContextCallable) -> None:
        self.context_type = context_type
        self.callback = SerializableCallable(callback)

    def get_arguments(self, trigger_context: TriggerContext) -> dict[str, Any]:
        for context in trigger_context.contexts():
            if isinstance(context, self.context_type):
                return _checked(self.callback, self.callback.function(context))
        raise ArgumentProviderError(
            f"{self.callback.path} wants a {self.context_type.__name__}, and what caused the trigger has none. "
            "Add a provider for the other conditions, or remove them."
        )

    def to_json(self, codec: Codec) -> JsonObject:  # noqa: ARG002 - a name needs no serializer
        return {"context": self.context_type.__name__, "call": self.callback.path}


class DirectArgumentProvider(ArgumentProvider):
    """Asks a function, which is given all causes."""

    def __init__(self, callback: Callable[[TriggerContext], dict[str, Any]]) -> None:
        self.callback = SerializableCallable(callback)

    def get_arguments(self, trigger_context: TriggerContext) -> dict[str, Any]:
        return _checked(self.callback, self.callback.function(trigger_context))

    def to_json(self, codec: Codec) -> JsonObject:  # noqa: ARG002 - a name needs no serializer
        return {"call": self.callback.path}


class CompositeArgumentProvider(ArgumentProvider):
    """The answer of the first provider that has one."""

    def __init__(self, providers: Sequence[ArgumentProvider]) -> None:
        self.providers = tuple(providers)

    def get_arguments(self, trigger_context: TriggerContext) -> dict[str, Any]:
        refusals: list[str] = []
        for provider in self.providers:
            try:
                return provider.get_arguments(trigger_context)
            except ArgumentProviderError as error:
                refusals.append(str(error))
        raise ArgumentProviderError("No argument provider could answer: " + " ".join(refusals))

    def to_json(self, codec: Codec) -> JsonObject:
        return {"first": [provider.to_json(codec) for provider in self.providers]}


def provider_from_json(data: JsonObject, codec: Codec) -> ArgumentProvider:
    """The provider of a stored form.

    Raises:
        ValueError: its function cannot be imported here.
    """
    if "static" in data:
        return StaticArgumentProvider({name: codec.deserialize(text) for name, text in data["static"].items()})
    if "first" in data:
        return CompositeArgumentProvider([provider_from_json(each, codec) for each in data["first"]])
    function = SerializableCallable.from_path(data["call"]).function
    if "context" in data:
        return ContextTypeArgumentProvider(_CONTEXTS[data["context"]], function)
    return DirectArgumentProvider(function)


def _checked(callback: SerializableCallable, arguments: object) -> dict[str, Any]:
    if not isinstance(arguments, dict):
        raise ArgumentProviderError(
            f"{callback.path} returned {type(arguments).__name__}. It makes the arguments of a call, so it must return "
            "a dictionary from parameter names to values."
        )
    return arguments  # pyright: ignore[reportUnknownVariableType]
