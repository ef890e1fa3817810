"""A database of its own for every test."""

import itertools

import pytest
import redis

from pynenc.testing.servers import RedisServer

_databases = itertools.count(32)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty database of the session's server."""
    url = f"{redis_server.url}/{next(_databases) % 32 + 32}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url
