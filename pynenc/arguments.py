"""The arguments of a call, bound to the parameters of its function."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self


class Arguments:
    """Parameter names and values of one call, defaults applied, however the call was written.

    Variadic parameters appear under their own names: ``{"args": (1, 2), "kwargs": {"z": 3}}``.
    """

    __slots__ = ("kwargs",)

    def __init__(self, kwargs: Mapping[str, Any] | None = None) -> None:
        self.kwargs: dict[str, Any] = dict(kwargs or {})

    @classmethod
    def from_call(cls, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Bind a call as Python would.

        Raises:
            TypeError: the call does not fit the signature.
        """
        return cls(Parameters(func).bind(args, kwargs))

    def __repr__(self) -> str:
        return f"Arguments({', '.join(self.kwargs)})"


class Parameters:
    """The signature of a task's function: binds calls, and applies bound values."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self.signature = inspect.signature(func)
        self._name = func.__name__
        parameters = self.signature.parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        self.names = tuple(parameter.name for parameter in parameters)
        self._defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
        self._required = frozenset(self.names) - self._defaults.keys()
        #: Only parameters that can be given by position and by name, which is what nearly all tasks have: calls
        #: are bound without inspect's general machinery, which costs ten times as much.
        self._plain = kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}
        self.has_var_keyword = inspect.Parameter.VAR_KEYWORD in kinds

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The values by parameter name, in the order of the parameters.

        Raises:
            TypeError: the call does not fit the signature.
        """
        if self._plain and len(args) <= len(self.names):
            bound = dict(zip(self.names, args, strict=False))
            if not kwargs:
                if len(bound) == len(self.names):
                    return bound
                if self._required <= bound.keys():
                    return {name: bound[name] if name in bound else self._defaults[name] for name in self.names}
        try:
            full = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}() {error}") from None
        full.apply_defaults()
        return dict(full.arguments)

    def apply(self, func: Callable[..., Any], values: dict[str, Any]) -> Any:
        """Call ``func`` with bound values."""
        if self._plain:
            return func(**values)
        bound = inspect.BoundArguments(self.signature, values)
        return func(*bound.args, **bound.kwargs)


def describe(values: Mapping[str, Any], mode: str, cut: int) -> str:
    """Bound values as text for logs: ``full``, ``keys``, ``truncated`` (to ``cut`` characters each) or ``hidden``."""
    if not values:
        return "<no_args>"
    if mode == "hidden":
        return "<arguments hidden>"
    if mode == "keys":
        return "{" + ", ".join(values) + "}"
    return "{" + ", ".join(f"{name}:{_shown(value, mode, cut)}" for name, value in values.items()) + "}"


def _shown(value: Any, mode: str, cut: int) -> str:
    text = str(value)
    return text if mode == "full" or cut <= 0 or len(text) <= cut else text[:cut] + "..."
