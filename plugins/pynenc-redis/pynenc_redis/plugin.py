"""What Pynenc finds at the entry point: the product, its settings, and what the builder gains."""

from typing import Any, Protocol

from pynenc_redis.builder import redis, redis_client_data_store, redis_trigger
from pynenc_redis.conf import ConfigRedis

#: The version of the ports that this release implements.
PYNENC_PORTS_VERSION = 3
CONFIG_GROUPS = (ConfigRedis,)

#: Imported when it is used, with the driver: every start of Pynenc imports this module.
PRODUCTS = {"Redis": "pynenc_redis.product:open_redis"}


class _BuilderClass(Protocol):
    """What we need of the builder's class."""

    def register_plugin_method(self, name: str, func: Any) -> None:
        """Add a method."""
        ...


def register_builder_methods(builder_class: _BuilderClass) -> None:
    """Add the methods of this plugin to the builder."""
    for method in (redis, redis_client_data_store, redis_trigger):
        builder_class.register_plugin_method(method.__name__, method)
