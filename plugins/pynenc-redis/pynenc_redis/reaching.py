"""From settings to the server: by its address, or through sentinels that know which one is the primary."""

import sys
from collections.abc import Callable
from typing import Any

import redis
from redis import connection, sentinel

from pynenc_redis.conf import ConfigRedis
from pynenc_redis.connection import Server

# The driver has no types for these.
_parse_url: Callable[[str], dict[str, Any]] = getattr(connection, "parse_url")  # noqa: B009 - the checkers know it
_Sentinel: Callable[..., Any] = sentinel.Sentinel
_SentinelConnectionPool: Callable[..., redis.ConnectionPool] = sentinel.SentinelConnectionPool

#: Of a URL: where a server is, which the sentinels know better.
_PLACE = ("host", "port", "path", "connection_class")


def server_of(conf: ConfigRedis) -> Server:
    """The server that the settings name; it is connected to at its first use."""
    options: dict[str, Any] = {
        "socket_timeout": conf.socket_timeout,
        "socket_connect_timeout": conf.socket_connect_timeout,
        "protocol": 2,
        # The driver counts those that were ever made, for its pool would keep them: each attempt in an outage is one.
        "max_connections": sys.maxsize,
    }
    if conf.redis_sentinels:
        return _watched_server(conf, options)
    url = conf.redis_url.get_secret_value()
    if url:
        if url.startswith("rediss:"):
            options |= _certificates(conf)
        return _server(
            conf,
            lambda: redis.ConnectionPool.from_url(url, **options),  # pyright: ignore[reportUnknownMemberType]
            _without_secrets(url),
        )
    scheme = "redis"
    if conf.redis_tls:
        scheme = "rediss"
        options |= {"connection_class": connection.SSLConnection, **_certificates(conf)}
    options |= {"host": conf.redis_host, "port": conf.redis_port, **_identity(conf)}
    location = f"{scheme}://{conf.redis_host}:{conf.redis_port}/{conf.redis_db}"
    return _server(conf, lambda: redis.ConnectionPool(**options), location)


def _server(conf: ConfigRedis, make_pool: Callable[[], redis.ConnectionPool], location: str) -> Server:
    return Server(make_pool, location, conf.redis_outage_seconds, conf.redis_pool_max_connections)


def _certificates(conf: ConfigRedis) -> dict[str, str]:
    """What the settings say of certificates; a URL's own parameters count for more."""
    named = {
        "ssl_ca_certs": conf.redis_tls_ca_file,
        "ssl_certfile": conf.redis_tls_cert_file,
        "ssl_keyfile": conf.redis_tls_key_file,
    }
    return {name: file for name, file in named.items() if file}


def _identity(conf: ConfigRedis) -> dict[str, Any]:
    return {
        "db": conf.redis_db,
        "username": conf.redis_username or None,
        "password": conf.redis_password.get_secret_value() or None,
    }


def _watched_server(conf: ConfigRedis, options: dict[str, Any]) -> Server:
    """The primary of a service; the sentinels are asked for it at each connection."""
    url = conf.redis_url.get_secret_value()
    named: dict[str, Any] = _parse_url(url) if url else _identity(conf)
    encrypted = conf.redis_tls or named.get("connection_class") is connection.SSLConnection
    named = {name: value for name, value in named.items() if name not in _PLACE}
    if encrypted:
        named = {**_certificates(conf), **named}
    to_sentinels: dict[str, Any] = {
        "socket_timeout": conf.socket_timeout,
        "socket_connect_timeout": conf.socket_connect_timeout,
        "username": conf.redis_sentinel_username or None,
        "password": conf.redis_sentinel_password.get_secret_value() or None,
        "ssl": encrypted,
        **{name: value for name, value in named.items() if name.startswith("ssl_")},
    }
    addresses = [(host, int(port)) for host, _, port in (each.rpartition(":") for each in conf.redis_sentinels)]

    def make_pool() -> redis.ConnectionPool:
        manager = _Sentinel(addresses, sentinel_kwargs=to_sentinels)
        return _SentinelConnectionPool(conf.redis_sentinel_service, manager, ssl=encrypted, **options, **named)

    location = f"redis://{','.join(conf.redis_sentinels)}/{named.get('db', 0)} (service {conf.redis_sentinel_service})"
    return _server(conf, make_pool, location)


def _without_secrets(url: str) -> str:
    scheme, _, rest = url.partition("://")
    # The driver also takes a password among the parameters.
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
