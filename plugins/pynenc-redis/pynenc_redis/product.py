"""A Redis server as a product."""

from typing import NamedTuple

from pynenc.backends.products import Product
from pynenc.conf.settings import Settings
from pynenc_redis.broker import RedisBroker
from pynenc_redis.client_data_store import RedisClientDataStore
from pynenc_redis.conf import ConfigRedis
from pynenc_redis.connection import Server
from pynenc_redis.keys import Keys
from pynenc_redis.orchestrator import RedisOrchestrator
from pynenc_redis.reaching import server_of
from pynenc_redis.shortcuts import RedisShortcuts
from pynenc_redis.state_backend import RedisStateBackend
from pynenc_redis.trigger import RedisTrigger
from pynenc_redis.unit import RedisUnit
from pynenc_redis.wakeups import RedisWakeups


class Components(NamedTuple):
    """The five components over one server, the unit that groups what they write, and the wake-ups."""

    broker: RedisBroker
    orchestrator: RedisOrchestrator
    state: RedisStateBackend
    trigger: RedisTrigger
    client_data: RedisClientDataStore
    unit: RedisUnit
    wakeups: RedisWakeups
    shortcuts: RedisShortcuts


def redis_components(app_id: str, server: Server) -> Components:
    """The components of an application on a server."""
    keys = Keys(app_id)
    unit = RedisUnit(server, keys)
    wakeups = RedisWakeups(server, keys)
    return Components(
        broker=RedisBroker(unit),
        orchestrator=RedisOrchestrator(unit),
        state=RedisStateBackend(unit),
        trigger=RedisTrigger(unit),
        client_data=RedisClientDataStore(unit),
        unit=unit,
        wakeups=wakeups,
        shortcuts=RedisShortcuts(unit, wakeups),
    )


def open_redis(app_id: str, settings: Settings) -> Product:
    """The server that the settings name."""
    server = server_of(settings.build(ConfigRedis))
    made = redis_components(app_id, server)
    return Product(
        name="Redis",
        parts={
            "broker": made.broker,
            "orchestrator": made.orchestrator,
            "state": made.state,
            "trigger": made.trigger,
            "client_data": made.client_data,
        },
        unit=made.unit,
        wakeups=made.wakeups,
        shared_between_processes=True,
        shortcuts=made.shortcuts,
        location=server.location,
    )
