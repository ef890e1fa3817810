"""What Pynenc finds at the entry point: the product, its settings, and what the builder gains."""

from typing import Any, Protocol

from pynenc_rabbitmq.conf import ConfigRabbitMq

#: The version of the ports that this release implements.
PYNENC_PORTS_VERSION = 3
CONFIG_GROUPS = (ConfigRabbitMq,)

#: Imported when it is used, with the client library: every start of Pynenc imports this module.
PRODUCTS = {"RabbitMq": "pynenc_rabbitmq.product:open_rabbitmq"}


class _Builder(Protocol):
    """What we need of a builder."""

    def custom_config(self, **values: object) -> Any:
        """Choose settings."""
        ...


class _BuilderClass(Protocol):
    """What we need of its class."""

    def register_plugin_method(self, name: str, func: Any) -> None:
        """Add a method."""
        ...


def register_builder_methods(builder_class: _BuilderClass) -> None:
    """Give the builder ``rabbitmq_broker``."""
    builder_class.register_plugin_method("rabbitmq_broker", rabbitmq_broker)


def rabbitmq_broker(  # noqa: PLR0917 - the specified signature
    builder: _Builder,
    host: str | None = None,
    port: int | None = None,
    username: str | None = None,
    password: str | None = None,
    virtual_host: str | None = None,
    queue_prefix: str | None = None,
    exchange_name: str | None = None,
    exchange_type: str | None = None,
) -> None:
    """Queue in RabbitMQ; everything else stays where it is. What is not given comes from the settings."""
    given = {
        "rabbitmq_host": host,
        "rabbitmq_port": port,
        "rabbitmq_username": username,
        "rabbitmq_password": password,
        "rabbitmq_virtual_host": virtual_host,
        "rabbitmq_queue_prefix": queue_prefix,
        "rabbitmq_exchange_name": exchange_name,
        "rabbitmq_exchange_type": exchange_type,
    }
    builder.custom_config(
        broker_cls="RabbitMqBroker", **{name: value for name, value in given.items() if value is not None}
    )
