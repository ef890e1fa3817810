"""What Pynenc finds at the entry point."""

from typing import Any

from pynenc_redis.builder import redis, redis_client_data_store, redis_trigger
from pynenc_redis.conf import ConfigRedis
from pynenc_redis.product import open_redis

PYNENC_PORTS_VERSION = 2
CONFIG_GROUPS = (ConfigRedis,)
PRODUCTS = {"Redis": open_redis}


def register_builder_methods(builder: Any) -> None:
    """Add the methods of this plugin to the builder."""
    for method in (redis, redis_client_data_store, redis_trigger):
        builder.register_plugin_method(method.__name__, method)
