"""Products by name: each opens its components for one application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pynenc.conf.settings import Settings
from pynenc.exceptions import ConfigError
from pynenc.lazy import load
from pynenc.plugin_loader import load_plugins
from pynenc.ports import PORTS_VERSION
from pynenc.ports.backend import Unit
from pynenc.ports.shortcuts import Shortcuts
from pynenc.ports.steps import Steps
from pynenc.ports.wakeups import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product, opened for one application."""

    name: str
    #: ``broker``, ``orchestrator``, ``state``, ``trigger``, ``client_data``; those it has.
    parts: dict[str, Any]
    unit: Unit
    #: Those of the orchestrator's product count; one without an orchestrator needs none.
    wakeups: Wakeups | None
    shared_between_processes: bool
    #: Where it keeps things, for people; without secrets.
    location: str
    #: Its own way to take the steps of a call when it holds all components.
    steps: Steps | None = None
    #: Its own way to take the plain cases of some steps, when it holds all components.
    shortcuts: Shortcuts | None = None

    def part(self, name: str) -> Any:
        """One of its components.

        Raises:
            ConfigError: it has none of this kind.
        """
        if name not in self.parts:
            raise ConfigError(f"{self.name} has no {name.replace('_', ' ')} component; choose another product for it.")
        return self.parts[name]


ProductOpener = Callable[[str, Settings], Product]


#: Name -> ``module:function``: the modules of a product that an application does not use are not imported.
BUILT_IN: Final[Mapping[str, str]] = {
    "Mem": "pynenc.backends.memory.product:open_memory",
    "SQLite": "pynenc.backends.sqlite.product:open_sqlite",
}

#: Which distribution brings a product that is not built in.
PLUGIN_OF_PRODUCT = {
    "Redis": "pynenc-redis",
    "Mongo": "pynenc-mongodb",
    "RabbitMq": "pynenc-rabbitmq",
    "Postgres": "pynenc-postgres",
}


def opener_of(name: str) -> ProductOpener | None:
    """What opens a product, imported: built in, or of an installed plugin; None if there is none of this name."""
    for plugin in load_plugins(PORTS_VERSION):
        offered: Mapping[str, ProductOpener | str] = getattr(plugin.target, "PRODUCTS", {})
        if name in offered:
            found = offered[name]
            opener: ProductOpener = load(found) if isinstance(found, str) else found
            return opener
    return load(BUILT_IN[name]) if name in BUILT_IN else None


def known_products() -> list[str]:
    """The names of all products that can be opened here."""
    offered = (getattr(plugin.target, "PRODUCTS", {}) for plugin in load_plugins(PORTS_VERSION))
    return sorted({*BUILT_IN, *(name for products in offered for name in products)})


def open_product(name: str, app_id: str, settings: Settings, setting: str, class_name: str) -> Product:
    """Open a product for an application.

    Raises:
        ConfigError: it is not known here.
    """
    opener = opener_of(name)
    if opener is not None:
        return opener(app_id, settings)
    plugin = PLUGIN_OF_PRODUCT.get(name)
    hint = f"Install it with: pip install {plugin}" if plugin else f"Known products: {', '.join(known_products())}."
    raise ConfigError(f"{setting} is {class_name!r}, and no installed product provides it. {hint}")
