"""Where a kill storm may keep its app: by name, with the servers that it needs.

The servers lose nothing when they are restarted: Redis has its append-only file, the queues of RabbitMQ are durable.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

from pynenc.testing.servers import RabbitMQServer, RedisServer, Server


class StormStore(NamedTuple):
    """A store that processes share."""

    #: Of the app.
    settings: Mapping[str, Any]
    #: The servers behind it; none for a file.
    servers: Sequence[Server]


def _redis() -> tuple[Server, Mapping[str, Any]]:
    server = RedisServer(append_only=True).start()
    return server, {"redis_url": f"{server.url}/0"}


def _rabbitmq() -> tuple[Server, Mapping[str, Any]]:
    server = RabbitMQServer().start()
    reach = {
        "rabbitmq_host": f"{server.host}:{server.port}",
        "rabbitmq_username": server.user,
        "rabbitmq_password": server.password,
        "rabbitmq_retry_max_delay": 1.0,
    }
    return server, reach


_Start = Callable[[], tuple[Server, Mapping[str, Any]]]

#: By name: which components make it, and which servers it needs, in the order in which they are restarted.
STORES: Final[Mapping[str, tuple[Mapping[str, str], Sequence[_Start]]]] = {
    "sqlite": ({}, ()),
    "redis": ({"orchestrator_cls": "RedisOrchestrator"}, (_redis,)),
    "rabbitmq+redis": (
        {"orchestrator_cls": "RedisOrchestrator", "broker_cls": "RabbitMqBroker"},
        (_rabbitmq, _redis),
    ),
    "rabbitmq+sqlite": ({"broker_cls": "RabbitMqBroker"}, (_rabbitmq,)),
}


@contextmanager
def storm_store(name: str) -> Generator[StormStore]:
    """One of ``STORES`` with its servers running.

    Raises:
        ServerMissingError: the program of a server is not installed.
    """
    components, starts = STORES[name]
    settings: dict[str, Any] = dict(components)
    servers: list[Server] = []
    with ExitStack() as stack:
        for start in starts:
            server, reach = start()
            stack.callback(server.close)
            settings |= reach
            servers.append(server)
        yield StormStore(settings, servers)
