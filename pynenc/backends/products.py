"""Products by name: each opens its components for one application."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pynenc.backends.memory import memory_backend
from pynenc.backends.sqlite import SQLiteWakeups, default_database_path, sqlite_components
from pynenc.conf.config_sqlite import ConfigSQLite
from pynenc.conf.settings import Settings
from pynenc.exceptions import ConfigError
from pynenc.plugin_loader import load_plugins
from pynenc.ports import PORTS_VERSION
from pynenc.ports.backend import Unit
from pynenc.ports.steps import Steps
from pynenc.ports.wakeups import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product, opened for one application."""

    name: str
    #: ``broker``, ``orchestrator``, ``state``, ``trigger``, ``client_data``; those it has.
    parts: dict[str, Any]
    unit: Unit
    wakeups: Wakeups
    shared_between_processes: bool
    #: Where it keeps things, for people; without secrets.
    location: str
    #: Its own way to take the steps of a call when it holds all components.
    steps: Steps | None = None

    def part(self, name: str) -> Any:
        """One of its components.

        Raises:
            ConfigError: it has none of this kind.
        """
        if name not in self.parts:
            raise ConfigError(f"{self.name} has no {name.replace('_', ' ')} component; choose another product for it.")
        return self.parts[name]


ProductOpener = Callable[[str, Settings], Product]


def _open_memory(app_id: str, settings: Settings) -> Product:  # noqa: ARG001 - the signature of an opener
    backend = memory_backend()
    return Product(
        name="Mem",
        parts={
            "broker": backend.broker,
            "orchestrator": backend.orchestrator,
            "state": backend.state,
            "trigger": backend.trigger,
            "client_data": backend.client_data,
        },
        unit=backend.units[0],
        wakeups=backend.wakeups,
        shared_between_processes=False,
        location="the memory of this process",
    )


def _open_sqlite(app_id: str, settings: Settings) -> Product:
    conf = settings.build(ConfigSQLite)
    path = conf.sqlite_db_path or str(default_database_path())
    made = sqlite_components(app_id, path, conf.sqlite_synchronous)
    return Product(
        name="SQLite",
        parts={
            "broker": made.broker,
            "orchestrator": made.orchestrator,
            "state": made.state,
            "trigger": made.trigger,
            "client_data": made.client_data,
        },
        unit=made.unit,
        wakeups=SQLiteWakeups(path, app_id),
        shared_between_processes=True,
        location=path,
    )


BUILT_IN: dict[str, ProductOpener] = {"Mem": _open_memory, "SQLite": _open_sqlite}

#: Which distribution brings a product that is not built in.
PLUGIN_OF_PRODUCT = {
    "Redis": "pynenc-redis",
    "Mongo": "pynenc-mongodb",
    "RabbitMq": "pynenc-rabbitmq",
    "Postgres": "pynenc-postgres",
}


def openers() -> dict[str, ProductOpener]:
    """All products that can be opened here: the built-in ones and those of installed plugins."""
    found = dict(BUILT_IN)
    for plugin in load_plugins(PORTS_VERSION):
        found.update(getattr(plugin.target, "PRODUCTS", {}))
    return found


def open_product(name: str, app_id: str, settings: Settings, setting: str, class_name: str) -> Product:
    """Open a product for an application.

    Raises:
        ConfigError: it is not known here.
    """
    known = openers()
    opener = known.get(name)
    if opener is not None:
        return opener(app_id, settings)
    plugin = PLUGIN_OF_PRODUCT.get(name)
    hint = f"Install it with: pip install {plugin}" if plugin else f"Known products: {', '.join(sorted(known))}."
    raise ConfigError(f"{setting} is {class_name!r}, and no installed product provides it. {hint}")
