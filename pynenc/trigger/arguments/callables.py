"""Functions that a definition names: they are stored by module and name, and imported where they are called."""

import importlib
import inspect
from collections.abc import Callable
from functools import reduce
from typing import Any


class NonModuleLevelFunctionError(ValueError):
    """A function was given that another process could not import by its name."""


class ArgumentProviderError(Exception):
    """The arguments of a triggered call could not be made."""


class SerializableCallable:
    """A function by its place: ``module:name``.

    Raises:
        NonModuleLevelFunctionError: it is a lambda, a nested function, or lives in ``__main__``.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.path = place_of(function)

    @classmethod
    def from_path(cls, path: str) -> "SerializableCallable":
        """Import the function of a place.

        Raises:
            ValueError: it is not there (any more).
        """
        module, _, name = path.partition(":")
        try:
            function = reduce(getattr, name.split("."), importlib.import_module(module))
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"The trigger's function {path} cannot be imported here ({type(error).__name__}: {error}). "
                "Restore it, or restart a runner so that it stores the present triggers."
            ) from error
        return cls(function)  # type: ignore[arg-type]  # what a name stands for is known when it is called


def place_of(function: Callable[..., Any]) -> str:
    """``module:name`` of a function that others can import.

    Raises:
        NonModuleLevelFunctionError: they cannot.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    # Found by its name, a method of an object would be another function: one that lacks its object.
    of_an_object = inspect.ismethod(function) and not isinstance(function.__self__, type)
    if not module or not name or "<" in name or module == "__main__" or of_an_object:
        raise NonModuleLevelFunctionError(
            f"{name or function!r} of module {module!r} cannot be used in a trigger: a runner imports the function by "
            "its name, which it cannot for lambdas, nested functions, methods of objects and functions of __main__. "
            "Define it with def at the level of a module."
        )
    return f"{module}:{name}"


def checked_bool(function: SerializableCallable, value: object) -> bool:
    """A filter's answer.

    Raises:
        ValueError: it is no bool.
    """
    if not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - a user's function answered wrongly; nobody passed us a wrong type
            f"The filter {function.path} returned {value!r}. A filter decides, so it must return True or False."
        )
    return value
