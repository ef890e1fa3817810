"""A Redis server as a product."""

import sys
from typing import Any, NamedTuple

import redis

from pynenc.backends.products import Product
from pynenc.conf.settings import Settings
from pynenc_redis.broker import RedisBroker
from pynenc_redis.client_data_store import RedisClientDataStore
from pynenc_redis.conf import ConfigRedis
from pynenc_redis.connection import Server
from pynenc_redis.keys import Keys
from pynenc_redis.orchestrator import RedisOrchestrator
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


def server_of(conf: ConfigRedis) -> Server:
    """The server that the settings name; it is connected to at its first use."""
    options: dict[str, Any] = {
        "socket_timeout": conf.socket_timeout,
        "socket_connect_timeout": conf.socket_connect_timeout,
        "protocol": 2,
        # The driver counts those that were ever made, for its pool would keep them: each attempt in an outage is one.
        "max_connections": sys.maxsize,
    }
    url = conf.redis_url.get_secret_value()
    if url:
        return Server(
            lambda: redis.ConnectionPool.from_url(url, **options),  # pyright: ignore[reportUnknownMemberType]
            _without_secrets(url),
            conf.redis_outage_seconds,
        )
    options |= {
        "host": conf.redis_host,
        "port": conf.redis_port,
        "db": conf.redis_db,
        "username": conf.redis_username or None,
        "password": conf.redis_password.get_secret_value() or None,
    }
    location = f"redis://{conf.redis_host}:{conf.redis_port}/{conf.redis_db}"
    return Server(lambda: redis.ConnectionPool(**options), location, conf.redis_outage_seconds)


def _without_secrets(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


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
