"""Which serializer an application has."""

import importlib
from collections.abc import Mapping
from typing import Any, Final

from pynenc.exceptions import ConfigError
from pynenc.lazy import load
from pynenc.serializer.base_serializer import BaseSerializer

#: Class name -> ``module:class``.
SERIALIZERS: Final[Mapping[str, str]] = {
    "JsonPickleSerializer": "pynenc.serializer.json_pickle_serializer:JsonPickleSerializer",
    "JsonSerializer": "pynenc.serializer.json_serializer:JsonSerializer",
    "PickleSerializer": "pynenc.serializer.pickle_serializer:PickleSerializer",
}


def make_serializer(name: str) -> BaseSerializer:
    """A serializer by its class name, or by the dotted path (``module.Class`` or ``module:Class``) of your own.

    Raises:
        ConfigError: there is no such class, or it is no serializer.
    """
    if name in SERIALIZERS:
        built_in: BaseSerializer = load(SERIALIZERS[name])()
        return built_in
    cls = load_class(name, "serializer_cls", sorted(SERIALIZERS))
    if not issubclass(cls, BaseSerializer):
        raise ConfigError(f"serializer_cls {name!r} is no subclass of pynenc.serializer.BaseSerializer")
    made: BaseSerializer = cls()
    return made


def load_class(name: str, setting: str, known: list[str]) -> type[Any]:
    """Import a class by its dotted path.

    Raises:
        ConfigError: it cannot be imported.
    """
    module, _, attribute = name.replace(":", ".").rpartition(".")
    known_names = f"Use one of {', '.join(known)}, or the path of your own class as 'package.module.Class'."
    if not module:
        raise ConfigError(f"{setting} is {name!r}, which is not known. {known_names}")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{setting} is {name!r}, which cannot be imported: {error}. {known_names}") from error
    if not isinstance(found, type):
        raise ConfigError(f"{setting} is {name!r}, which is a {type(found).__name__} and not a class. {known_names}")
    return found
