"""The Redis backend of Pynenc: everything on one server, for any number of machines.

Five components share one way to the server (``connection.Server``) and one unit of work (``unit.RedisUnit``). The Lua
files say which keys there are; ``unit.py`` says how a step becomes one transaction.
"""

from pynenc_redis.broker import RedisBroker
from pynenc_redis.client_data_store import RedisClientDataStore
from pynenc_redis.config import ConfigRedis
from pynenc_redis.orchestrator import RedisOrchestrator
from pynenc_redis.product import open_redis
from pynenc_redis.state_backend import RedisStateBackend
from pynenc_redis.trigger import RedisTrigger

#: What the core asks of a plugin (pynenc.plugin_loader).
PYNENC_PORTS_VERSION = 1
CONFIG_GROUPS = (ConfigRedis,)
PRODUCTS = {"Redis": open_redis}

__all__ = [
    "CONFIG_GROUPS",
    "PRODUCTS",
    "PYNENC_PORTS_VERSION",
    "ConfigRedis",
    "RedisBroker",
    "RedisClientDataStore",
    "RedisOrchestrator",
    "RedisStateBackend",
    "RedisTrigger",
    "open_redis",
]
