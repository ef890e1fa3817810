"""The servers that peers keep their queues and results in: private ones, started at the first run that needs them."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from benchmarks.harness import machine
from benchmarks.harness.peers import Store
from benchmarks.harness.redis import RedisProbe
from pynenc.testing.servers import RabbitMQServer, RedisServer

#: What each run finds empty on RabbitMQ: a virtual host of its own.
VIRTUAL_HOST = "bench"


class Servers:
    """Redis without persistence, and RabbitMQ; gone when the harness ends."""

    def __init__(self) -> None:
        self._resources = ExitStack()
        self._redis: RedisServer | None = None
        self._rabbitmq: RabbitMQServer | None = None

    def prepare(self, store: Store) -> "Server | None":
        """Start what a store needs, and empty it.

        Raises:
            ServerMissingError: it is not installed.
        """
        if store not in {Store.REDIS, Store.RABBITMQ}:
            return None
        if self._redis is None:
            self._redis = self._resources.enter_context(RedisServer())
        if store is Store.RABBITMQ and self._rabbitmq is None:
            self._rabbitmq = self._resources.enter_context(RabbitMQServer())
        server = Server(self._redis, self._rabbitmq if store is Store.RABBITMQ else None)
        server.empty()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()


class Server:
    """What one run uses: Redis, or RabbitMQ with Redis for what it does not keep."""

    def __init__(self, redis: RedisServer, rabbitmq: RabbitMQServer | None) -> None:
        self._redis = redis
        self._rabbitmq = rabbitmq
        self.probe = RedisProbe(redis.host, redis.port)

    def empty(self) -> None:
        """Remove everything that former runs have left."""
        self.probe.flush()
        if self._rabbitmq is not None:
            if VIRTUAL_HOST in self._rabbitmq.control("list_vhosts").split():
                self._rabbitmq.control("delete_vhost", VIRTUAL_HOST)
            self._rabbitmq.control("add_vhost", VIRTUAL_HOST)
            self._rabbitmq.control("set_permissions", "-p", VIRTUAL_HOST, self._rabbitmq.user, ".*", ".*", ".*")

    def variables(self) -> dict[str, str]:
        """Tell the applications where it is."""
        found = {"BENCH_REDIS_PORT": str(self._redis.port)}
        if self._rabbitmq is not None:
            found["BENCH_RABBITMQ_URL"] = f"{self._rabbitmq.url}/{VIRTUAL_HOST}"
        return found

    def processes(self, table: dict[int, machine.Process]) -> set[int]:
        """Find its processes."""
        servers = [each for each in (self._redis, self._rabbitmq) if each is not None]
        # No process carries an empty mark: only descendants count.
        return machine.family(table, [each.pid for each in servers], "\0")
