"""Names whose modules are imported when somebody asks for them.

``import pynenc`` is part of every start of every process, and nobody uses all of it: a client opens no runner, an
application on SQLite no other store. Where one of several is chosen by name, or a package only gathers names, the
home of a name is therefore written as ``module:attribute``. What belongs together is imported as usual.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def load(home: str) -> Any:
    """What ``module:attribute`` names, imported now if it was not yet.

    Raises:
        ImportError: the module cannot be imported.
        AttributeError: it has no such attribute.
    """
    module, _, attribute = home.partition(":")
    return getattr(import_module(module), attribute)


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package that gathers the names of other modules.

    Type checkers read the stub (``__init__.pyi``) beside the package instead; a test compares the two.

    Args:
        package: its ``__name__``.
        homes: the module of each name.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        found = load(f"{homes[name]}:{name}")
        setattr(sys.modules[package], name, found)  # asked for once: from now on an attribute like others
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return sorted(homes), find, names
