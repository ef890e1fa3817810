"""Real servers for the tests of a product: started as children of the test session, gone with it.

    with RedisServer(append_only=True) as server:
        ... server.url ...
        server.restart()

Each listens on a private port of the loopback interface and keeps its data in a temporary folder. The fixtures in
``pynenc.testing.servers.fixtures`` start one for a whole session, at its first use. A ``Cable`` stands for the network
between a server and one of several machines.
"""

from pynenc.testing.servers.cable import Cable
from pynenc.testing.servers.rabbitmq_server import RabbitMQServer
from pynenc.testing.servers.redis_sentinel import RedisSentinel
from pynenc.testing.servers.redis_server import RedisServer
from pynenc.testing.servers.server import Server, ServerMissingError, free_port

__all__ = ["Cable", "RabbitMQServer", "RedisSentinel", "RedisServer", "Server", "ServerMissingError", "free_port"]
