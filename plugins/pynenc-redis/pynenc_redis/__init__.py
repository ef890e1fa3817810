"""The Redis backend of Pynenc: everything on one server, for any number of machines.

Five components share one way to the server (``connection.Server``) and one unit of work (``unit.RedisUnit``). The Lua
files say which keys there are; ``exchange.py`` says how a step becomes one transaction, ``views.py`` what it sees
until then.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pynenc_redis.broker import RedisBroker
    from pynenc_redis.client_data_store import RedisClientDataStore
    from pynenc_redis.orchestrator import RedisOrchestrator
    from pynenc_redis.state_backend import RedisStateBackend
    from pynenc_redis.trigger import RedisTrigger

__all__ = ["RedisBroker", "RedisClientDataStore", "RedisOrchestrator", "RedisStateBackend", "RedisTrigger"]

#: Imported when they are asked for, with the driver: every start of Pynenc imports this package.
_HOMES = {
    "RedisBroker": "broker",
    "RedisClientDataStore": "client_data_store",
    "RedisOrchestrator": "orchestrator",
    "RedisStateBackend": "state_backend",
    "RedisTrigger": "trigger",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
