"""Filters of what is watched, and providers of what is passed on."""

from pynenc.trigger.arguments.callables import (
    ArgumentProviderError,
    NonModuleLevelFunctionError,
    SerializableCallable,
)
from pynenc.trigger.arguments.filters import (
    ArgumentFilter,
    CallableArgumentFilter,
    CallableResultFilter,
    NoResultFilter,
    ResultFilter,
    StaticArgumentFilter,
    StaticResultFilter,
    create_argument_filter,
    create_result_filter,
)
from pynenc.trigger.arguments.providers import (
    ArgumentProvider,
    CompositeArgumentProvider,
    ContextCallable,
    ContextTypeArgumentProvider,
    DirectArgumentProvider,
    StaticArgumentProvider,
)

__all__ = [
    "ArgumentFilter",
    "ArgumentProvider",
    "ArgumentProviderError",
    "CallableArgumentFilter",
    "CallableResultFilter",
    "CompositeArgumentProvider",
    "ContextCallable",
    "ContextTypeArgumentProvider",
    "DirectArgumentProvider",
    "NoResultFilter",
    "NonModuleLevelFunctionError",
    "ResultFilter",
    "SerializableCallable",
    "StaticArgumentFilter",
    "StaticArgumentProvider",
    "StaticResultFilter",
    "create_argument_filter",
    "create_result_filter",
]
