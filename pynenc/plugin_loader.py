"""Finding plugins: packages that bring a product, announced by the entry point group ``pynenc.plugins``.

An entry names a module or an object that carries

* ``PYNENC_PORTS_VERSION``: the version of the contracts it implements; required, for packages by other authors
  announce themselves under the same group and names;
* ``CONFIG_GROUPS``: its settings classes, so that their sections are known; optional;
* ``PRODUCTS``: its products by name, each the function that opens it, or its home as ``module:function``; optional;
* ``register_builder_methods(builder_class)``: adds methods to the builder; optional.

Every start of Pynenc imports what the entries name: it should be small. A home is imported when its product is used.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from pynenc.conf.config_base import ConfigPynencBase

ENTRY_POINT_GROUP = "pynenc.plugins"


class EntryPoint(Protocol):
    """What we need of an ``importlib.metadata.EntryPoint``."""

    @property
    def name(self) -> str:
        """The name under which the plugin announces itself."""
        ...

    @property
    def value(self) -> str:
        """The module, or ``module:object``."""
        ...

    def load(self) -> object:
        """Import and return what ``value`` names."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin that was loaded and speaks our version of the contracts."""

    name: str
    #: The module or object that the entry point names.
    target: object
    config_groups: tuple[type[ConfigPynencBase], ...]


@cache
def load_plugins(ports_version: int) -> tuple[Plugin, ...]:
    """Import the plugins of this environment that implement version ``ports_version`` of the contracts.

    A plugin that fails to import or has another version is left out, with a warning. Entry points are looked for
    once in a process.
    """
    # 10 ms, which `import pynenc` need not pay: pydantic imports it too, when the first settings are built.
    from importlib.metadata import entry_points  # noqa: PLC0415

    return admit(entry_points(group=ENTRY_POINT_GROUP), ports_version)


def admit(found: Sequence[EntryPoint], ports_version: int) -> tuple[Plugin, ...]:
    """Load the entries that can be loaded and have the right version, in the order of their names."""
    loaded = (_load(entry, ports_version) for entry in sorted(found, key=lambda entry: (entry.name, entry.value)))
    return tuple(plugin for plugin in loaded if plugin is not None)


def _load(entry: EntryPoint, ports_version: int) -> Plugin | None:
    described = f"The plugin {entry.name!r} ({entry.value}{_distribution(entry)})"
    try:
        target = entry.load()
        groups = tuple(cast("Sequence[type[ConfigPynencBase]]", getattr(target, "CONFIG_GROUPS", ())))
    except Exception as error:  # noqa: BLE001  # a door: code of others, which must not keep an app from starting
        _warn(
            f"{described} is left out, for loading it failed: {type(error).__name__}: {error}. "
            "Install the release of it that belongs to this version of Pynenc, or uninstall it."
        )
        return None
    version = getattr(target, "PYNENC_PORTS_VERSION", None)
    if version != ports_version:
        has = "carries no PYNENC_PORTS_VERSION" if version is None else f"implements version {version} of the contracts"
        _warn(
            f"{described} is left out: it {has}, and this Pynenc needs version {ports_version}. It is another release, "
            "or a package of another author with the same name. Install the one that belongs to this version."
        )
        return None
    return Plugin(name=entry.name, target=target, config_groups=groups)


def _distribution(entry: EntryPoint) -> str:
    distribution = getattr(entry, "dist", None)
    return f" of {distribution.name} {distribution.version}" if distribution is not None else ""


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=2)
