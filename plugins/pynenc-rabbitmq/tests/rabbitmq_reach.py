"""How an app of a test finds a server."""

from itertools import count
from typing import Any

from pynenc.testing.servers import RabbitMQServer

#: Queues of one test are not those of another, which may leave something in them.
_prefixes = count()


def reach(server: RabbitMQServer) -> dict[str, Any]:
    """The settings with which an app finds a server."""
    return {
        "rabbitmq_host": f"{server.host}:{server.port}",
        "rabbitmq_username": server.user,
        "rabbitmq_password": server.password,
        "rabbitmq_queue_prefix": f"test-{next(_prefixes)}",
        "rabbitmq_retry_max_delay": 1.0,
    }
