"""Which classes the five components have when only some of them, or none, were chosen."""

from collections.abc import Mapping
from typing import NamedTuple

from pynenc.exceptions import ConfigError

#: The product that an app without any choice keeps its state in.
DEFAULT_PRODUCT = "SQLite"

#: Setting -> what follows the product's name in the names of such classes.
SUFFIXES = {
    "orchestrator_cls": "Orchestrator",
    "broker_cls": "Broker",
    "state_backend_cls": "StateBackend",
    "trigger_cls": "Trigger",
    "client_data_store_cls": "ClientDataStore",
}

#: Products that spell themselves in more than one way, by the lower case of their name.
PRODUCT_SPELLINGS = {"sqlite": "SQLite", "mem": "Mem", "rabbitmq": "RabbitMq"}

#: Products that are a queue and cannot keep anything else.
BROKER_ONLY_PRODUCTS = frozenset({"RabbitMq"})


class ComponentClasses(NamedTuple):
    """The class name of each component: bare (``SQLiteBroker``), dotted, or ``module:Class``."""

    orchestrator_cls: str
    broker_cls: str
    state_backend_cls: str
    trigger_cls: str
    client_data_store_cls: str


def resolve_components(chosen: Mapping[str, object]) -> ComponentClasses:
    """Complete the choices among the five ``*_cls`` settings; other keys of the mapping do not matter.

    What is not chosen follows the product of the orchestrator, and the orchestrator is SQLite's unless chosen.

    Raises:
        ConfigError: a class is named for a component that it is not, or there is no product to follow.
    """
    explicit = {setting: _canonical(setting, chosen[setting]) for setting in SUFFIXES if chosen.get(setting)}
    orchestrator = explicit.get("orchestrator_cls", DEFAULT_PRODUCT + SUFFIXES["orchestrator_cls"])
    missing = [setting for setting in SUFFIXES if setting not in explicit and setting != "orchestrator_cls"]
    product = _bare(orchestrator).removesuffix(SUFFIXES["orchestrator_cls"])
    if missing and product in {"", _bare(orchestrator)}:
        raise ConfigError(
            f"orchestrator_cls is {orchestrator!r}, which does not tell its product as in 'SQLiteOrchestrator', so the "
            f"components that are not set cannot follow it. Set {', '.join(missing)} too."
        )
    followed = {setting: product + SUFFIXES[setting] for setting in missing}
    return ComponentClasses(**{"orchestrator_cls": orchestrator, **explicit, **followed})


def products(classes: ComponentClasses) -> dict[str, str]:
    """The product of each component, by setting; ``""`` where the class does not tell it."""
    bare = {setting: _bare(name) for setting, name in classes._asdict().items()}
    return {
        setting: name.removesuffix(SUFFIXES[setting]) if name.endswith(SUFFIXES[setting]) else ""
        for setting, name in bare.items()
    }


def _canonical(setting: str, value: object) -> str:
    """Give a bare class name its usual spelling (``SqliteTrigger``), and refuse one of another component."""
    name = str(value)
    suffix = SUFFIXES[setting]
    if name.endswith(suffix):
        product = name.removesuffix(suffix)
        product = PRODUCT_SPELLINGS.get(product.lower(), product)
        if product in BROKER_ONLY_PRODUCTS and setting != "broker_cls":
            raise ConfigError(
                f"{setting} is {name!r}, but {product} is a broker and nothing else. Choose another product."
            )
        return product + suffix
    meant = [other for other, other_suffix in SUFFIXES.items() if name.endswith(other_suffix)]
    if meant:
        raise ConfigError(
            f"{setting} is {name!r}, which is the name of a class for {meant[0]}. "
            f"Choose one whose name ends in {suffix!r}, as {DEFAULT_PRODUCT + suffix!r} does."
        )
    return name


def _bare(class_name: str) -> str:
    return class_name.replace(":", ".").rpartition(".")[2]
