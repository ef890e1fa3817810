"""Fixtures for pytest: one server of each kind for a session, started when the first test asks for it.

With pytest-xdist each of its processes is a session. The tests of a session share the server: each takes an application
id, a number of a database or a virtual host of its own. A test that stops or restarts a server makes one for itself.
"""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from pynenc.testing.servers import RabbitMQServer, RedisServer, ServerMissingError

#: A server, or something with servers behind it.
Made = TypeVar("Made")


def make_server(make: Callable[[], Made]) -> Made:
    """What ``make`` gives; without the server's program the test is skipped, and fails where ``CI`` is set.

    On somebody's machine a missing server must not stand in the way of the other tests. In continuous integration a
    skipped test is one that nobody ever runs.
    """
    try:
        return make()
    except ServerMissingError as error:
        if os.environ.get("CI", "").lower() in ("", "0", "false"):
            pytest.skip(str(error))
        pytest.fail(f"{error} (CI is set, so this is no reason to skip)")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis that everything of this session shares; it keeps nothing on disk."""
    with make_server(RedisServer) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMQServer]:
    """A RabbitMQ that everything of this session shares."""
    with make_server(RabbitMQServer) as server:
        yield server
