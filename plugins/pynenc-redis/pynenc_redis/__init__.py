"""The Redis backend of Pynenc: everything on one server, for any number of machines.

Five components share one way to the server (``connection.Server``) and one unit of work (``unit.RedisUnit``). The Lua
files say which keys there are; ``unit.py`` says how a step becomes one transaction.
"""

from pynenc_redis.broker import RedisBroker
from pynenc_redis.client_data_store import RedisClientDataStore
from pynenc_redis.orchestrator import RedisOrchestrator
from pynenc_redis.state_backend import RedisStateBackend
from pynenc_redis.trigger import RedisTrigger

__all__ = ["RedisBroker", "RedisClientDataStore", "RedisOrchestrator", "RedisStateBackend", "RedisTrigger"]
