"""What a condition demands of arguments, payloads and results."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pynenc.trigger.arguments.callables import SerializableCallable, checked_bool
from pynenc.trigger.codec import Codec, JsonObject


def equal(found: Any, wanted: Any) -> bool:
    """Whether two values are equal; arrays are when they have one shape and all their elements are.

    Raises:
        Exception: whatever the comparison of a user's class raises, an answer that is neither true nor false included.
    """
    if getattr(found, "shape", ()) != getattr(wanted, "shape", ()):
        return False
    answer = found == wanted
    while getattr(answer, "shape", ()):
        # An answer for each element (of each column): NumPy and its kin refuse to take that for one.
        answer = answer.all()
    return bool(answer)


class ArgumentFilter(ABC):
    """Decides on the arguments of a call, or on the payload of an event."""

    #: Whether a function of the user's decides.
    asks_function: ClassVar[bool] = False

    @abstractmethod
    def accepts(self, arguments: Mapping[str, Any]) -> bool:
        """Whether they are wanted.

        Raises:
            ValueError: a function of the user's answered neither True nor False.
        """

    @abstractmethod
    def to_json(self, codec: Codec) -> JsonObject:
        """Its stored form."""


class StaticArgumentFilter(ArgumentFilter):
    """Wants these values under these names; others may have any. ``{}`` accepts everything."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments = dict(arguments)

    def accepts(self, arguments: Mapping[str, Any]) -> bool:
        return all(name in arguments and equal(arguments[name], value) for name, value in self.arguments.items())

    def to_json(self, codec: Codec) -> JsonObject:
        return {"equal": {name: codec.serialize(self.arguments[name]) for name in sorted(self.arguments)}}


class CallableArgumentFilter(ArgumentFilter):
    """Asks a function at the module level; it is given the dictionary."""

    asks_function = True

    def __init__(self, function: Callable[[dict[str, Any]], bool]) -> None:
        self.function = SerializableCallable(function)

    def accepts(self, arguments: Mapping[str, Any]) -> bool:
        return checked_bool(self.function, self.function.function(dict(arguments)))

    def to_json(self, codec: Codec) -> JsonObject:  # noqa: ARG002 - a name needs no serializer
        return {"call": self.function.path}


class ResultFilter(ABC):
    """Decides on the result of an invocation."""

    #: Whether a function of the user's decides.
    asks_function: ClassVar[bool] = False

    @abstractmethod
    def accepts(self, result: object) -> bool:
        """Whether it is wanted.

        Raises:
            ValueError: a function of the user's answered neither True nor False.
        """

    @abstractmethod
    def to_json(self, codec: Codec) -> JsonObject:
        """Its stored form."""


class NoResultFilter(ResultFilter):
    """Accepts every result."""

    def accepts(self, result: object) -> bool:  # noqa: ARG002 - that is its point
        return True

    def to_json(self, codec: Codec) -> JsonObject:  # noqa: ARG002 - there is no value
        return {}


class StaticResultFilter(ResultFilter):
    """Wants a result equal to this."""

    def __init__(self, value: object) -> None:
        self.value = value

    def accepts(self, result: object) -> bool:
        return equal(result, self.value)

    def to_json(self, codec: Codec) -> JsonObject:
        return {"equal": codec.serialize(self.value)}


class CallableResultFilter(ResultFilter):
    """Asks a function at the module level; it is given the result."""

    asks_function = True

    def __init__(self, function: Callable[[Any], bool]) -> None:
        self.function = SerializableCallable(function)

    def accepts(self, result: object) -> bool:
        return checked_bool(self.function, self.function.function(result))

    def to_json(self, codec: Codec) -> JsonObject:  # noqa: ARG002 - a name needs no serializer
        return {"call": self.function.path}


#: What users may give as a filter of arguments.
FilterLike = Mapping[str, Any] | Callable[[dict[str, Any]], bool] | ArgumentFilter | None


def create_argument_filter(wanted: FilterLike) -> ArgumentFilter:
    """The filter that a dictionary, a function, or nothing stands for.

    Raises:
        NonModuleLevelFunctionError: the function cannot be imported by others.
        TypeError: it is something else.
    """
    if wanted is None:
        return StaticArgumentFilter({})
    if isinstance(wanted, ArgumentFilter):
        return wanted
    given: Any = wanted
    if isinstance(wanted, Mapping):
        return StaticArgumentFilter(given)
    if callable(wanted):
        return CallableArgumentFilter(given)
    raise TypeError(f"{given!r} is no filter: pass a dictionary of wanted values, or a function at the module level.")


def create_result_filter(wanted: Any) -> ResultFilter:
    """The filter that a function, or a value, stands for.

    Raises:
        NonModuleLevelFunctionError: the function cannot be imported by others.
    """
    if isinstance(wanted, ResultFilter):
        return wanted
    given: Any = wanted
    return CallableResultFilter(given) if callable(wanted) else StaticResultFilter(given)


def argument_filter_from_json(data: JsonObject, codec: Codec) -> ArgumentFilter:
    """The filter of a stored form."""
    if "call" in data:
        return CallableArgumentFilter(SerializableCallable.from_path(data["call"]).function)
    return StaticArgumentFilter({name: codec.deserialize(text) for name, text in data["equal"].items()})


def result_filter_from_json(data: JsonObject, codec: Codec) -> ResultFilter:
    """The filter of a stored form."""
    if "call" in data:
        return CallableResultFilter(SerializableCallable.from_path(data["call"]).function)
    return StaticResultFilter(codec.deserialize(data["equal"])) if "equal" in data else NoResultFilter()
