"""Finding classes by name without running anybody's code.

Names come out of stored text. Attributes are read from the dictionaries of modules and classes, so neither a
module's ``__getattr__`` nor a property nor a metaclass takes part.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


def find_imported(module: str, qualname: str) -> object | None:
    """What is called ``qualname`` in a module that this process has imported, or None."""
    found: object | None = sys.modules.get(module)
    for name in qualname.split("."):
        if not isinstance(found, ModuleType | type):
            return None
        found = found.__dict__.get(name)
    return found


def find_importable(module: str, qualname: str) -> object | None:
    """Like ``find_imported``, but the module is imported when it has to be: only for trusted names.

    Raises:
        Exception: whatever the module raises while it is imported.
    """
    if module not in sys.modules:
        importlib.import_module(module)
    return find_imported(module, qualname)


def class_of(value: object) -> type[Any]:
    """The class of ``value``: ``type``, but a type checker lets one ask it for attributes."""
    return type(value)


def static_attribute(cls: type, name: str) -> object | None:
    """The attribute as it stands in the class or its bases, unbound; None if there is none."""
    for base in cls.__mro__:
        if name in base.__dict__:
            found: object = base.__dict__[name]
            return found
    return None


def implements_json(cls: type) -> bool:
    """Whether instances of ``cls`` travel by their own ``to_json`` and ``from_json`` (see ``JsonSerializable``).

    Exceptions never do: they have a way of their own.
    """
    return (
        isinstance(static_attribute(cls, "from_json"), classmethod | staticmethod)
        and callable(static_attribute(cls, "to_json"))
        and not issubclass(cls, BaseException)
    )
